"""The parameters of the API: what each accepts, in words and as a JSON schema. Nothing is guessed or ignored."""

import datetime as dt
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from controles.api.records import ParametroErrado
from controles.db import MAX_ID
from controles.web.pagination import LONGEST_CURSOR, MAX_LIMIT

_INTEGER = re.compile(r"0|[1-9][0-9]{0,9}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CURSOR = f"[A-Za-z0-9_-]{{1,{LONGEST_CURSOR}}}"
DEFAULT_LIMIT = 50


@dataclass(frozen=True, slots=True)
class Parametro:
    """`le` reads the text of an address, and raises ValueError if it is not what `espera` says."""

    nome: str
    texto: str
    esquema: dict[str, Any]
    espera: str
    le: Callable[[str], Any]


def integer(nome: str, texto: str, *, least: int, most: int) -> Parametro:
    def read(written: str) -> int:
        if not _INTEGER.fullmatch(written) or not least <= int(written) <= most:
            raise ValueError(written)
        return int(written)

    schema = {"type": "integer", "minimum": least, "maximum": most}
    return Parametro(nome, texto, schema, f"um número inteiro de {least} a {most}", read)


def identifier(nome: str, texto: str) -> Parametro:
    return integer(nome, texto, least=1, most=MAX_ID)


def day(nome: str, texto: str) -> Parametro:
    def read(written: str) -> dt.date:
        if not _DAY.fullmatch(written):
            raise ValueError(written)
        return dt.date.fromisoformat(written)

    return Parametro(nome, texto, {"type": "string", "format": "date"}, "um dia como 2026-03-31", read)


def one_of(nome: str, texto: str, kind: type[StrEnum]) -> Parametro:
    values = [member.value for member in kind]
    return Parametro(nome, texto, {"type": "string", "enum": values}, f"uma destas palavras: {', '.join(values)}", kind)


def yes_no(nome: str, texto: str) -> Parametro:
    def read(written: str) -> bool:
        if written not in {"true", "false"}:
            raise ValueError(written)
        return written == "true"

    return Parametro(nome, texto, {"type": "boolean"}, "true ou false", read)


def _cursor(written: str) -> str:
    if not re.fullmatch(_CURSOR, written):
        raise ValueError(written)
    return written


PAGES = (
    integer("limite", f"Quantos itens por página; {DEFAULT_LIMIT} se não for dado.", least=1, most=MAX_LIMIT),
    Parametro(
        "cursor",
        "O `proximo` da página anterior, com os mesmos outros parâmetros.",
        {"type": "string", "pattern": f"^{_CURSOR}$"},
        "o `proximo` de uma página anterior, sem mudança",
        _cursor,
    ),
)


def read_parameters(
    known: Iterable[Parametro], sent: Iterable[tuple[str, str]]
) -> tuple[dict[str, Any], tuple[ParametroErrado, ...]]:
    """The values by name, and everything that is wrong: unknown, twice, or not what the parameter expects."""
    by_name = {one.nome: one for one in known}
    values: dict[str, Any] = {}
    wrong = []
    for name, written in sent:
        parameter = by_name.get(name)
        if parameter is None:
            names = ", ".join(by_name) or "nenhum"
            wrong.append(ParametroErrado(name[:60], f"Este parâmetro não existe aqui. Os que existem: {names}."))
        elif name in values:
            wrong.append(ParametroErrado(name, "Este parâmetro veio mais de uma vez; mande um valor só."))
        else:
            try:
                values[name] = parameter.le(written)
            except ValueError:
                values[name] = None
                wrong.append(ParametroErrado(name, f"Este valor não serve; mande {parameter.espera}."))
    return values, tuple(wrong)
