"""Reads secrets from files, as container engines mount them: `NAME_FILE` is the path of a file with the value of
`NAME`."""

from collections.abc import Iterable, Mapping
from pathlib import Path

SUFFIX = "_FILE"
# A secret is one line; a larger file was named by mistake.
LARGEST = 8192


def read_secret_files(environ: Mapping[str, str], names: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """`environ` with the values in files, and a sentence for each file that cannot be used."""
    values, problems = dict(environ), []
    for name in names:
        path = environ.get(name + SUFFIX, "").strip()
        if not path:
            continue
        if environ.get(name, "").strip():
            problems.append(f"{name}: foi definida duas vezes, em {name} e em {name}{SUFFIX}; deixe só uma.")
            continue
        try:
            values[name] = _read(Path(path))
        except OSError as error:
            problems.append(
                f"{name}{SUFFIX}: não é possível ler {path} ({error.strerror}); corrija o caminho ou as permissões."
            )
        except ValueError as error:
            problems.append(f"{name}{SUFFIX}: o arquivo {path} {error}.")
    return values, problems


def _read(path: Path) -> str:
    with path.open("rb") as file:
        raw = file.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise ValueError("é grande demais para ser um segredo; aponte para o arquivo certo")
    try:
        text = raw.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise ValueError("não é texto UTF-8; aponte para o arquivo certo") from None
    if not text:
        raise ValueError("está vazio; escreva nele o valor")
    return text
