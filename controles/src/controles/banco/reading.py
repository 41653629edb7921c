"""Reads a bank's file: checks its size, finds its character set and its format."""

import datetime as dt

from controles.banco.ofx import is_ofx, read_ofx
from controles.banco.records import ExtratoLido
from controles.banco.statement_sheets import read_sheet
from controles.domain.domain_errors import Invalid

LARGEST = 8 * 1024 * 1024
MOST_LINES = 50_000
_OTHERS = (
    (b"%PDF", "um PDF"),
    (b"PK\x03\x04", "uma planilha ou um arquivo compactado"),
    (b"\xd0\xcf\x11\xe0", "um XLS"),
)


def read_statement(raw: bytes, *, hoje: dt.date) -> tuple[ExtratoLido, ...]:
    """The content of a file, by account. Invalid, with advice, if it is not a statement or too large."""
    if len(raw) > LARGEST:
        raise Invalid("arquivo", "O arquivo passa de 8 MB; baixe o extrato de um período menor.")
    if not raw.strip():
        raise Invalid("arquivo", "O arquivo está vazio.")
    for magic, what in _OTHERS:
        if raw.startswith(magic):
            raise Invalid("arquivo", f"O arquivo é {what}; baixe o extrato em OFX ou CSV no site do banco.")
    if b"\0" in raw:
        raise Invalid("arquivo", "O arquivo não é texto; baixe o extrato em OFX ou CSV no site do banco.")
    text = _decode(raw)
    found = read_ofx(text) if is_ofx(text) else (read_sheet(text, hoje=hoje),)
    count = sum(len(one.linhas) for one in found)
    if count > MOST_LINES:
        raise Invalid("arquivo", f"O arquivo tem mais de {MOST_LINES} lançamentos; baixe um período menor.")
    for one in found:
        for line in one.linhas:
            if not hoje.replace(year=hoje.year - 100, day=1) <= line.data <= hoje:
                raise Invalid("arquivo", f"O lançamento “{line.descricao[:40]}” é de {line.data:%d/%m/%Y}; confira.")
    return found


def _decode(raw: bytes) -> str:
    # A file's declaration of its character set is often wrong; text that is valid UTF-8 by chance does not occur.
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")
