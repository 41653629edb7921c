"""OFX files: SGML in version 1, where most tags are never closed, and XML in version 2.

Both are read as a sequence of tags and texts. Without an XML parser, so that entities and references to other documents
are only text. The existing libraries parse a whole tree, and refuse or guess where banks deviate from the standard;
only six tags are needed here.
"""

import datetime as dt
import html
import re
from collections.abc import Iterator

from controles.banco.amounts import parse_signed
from controles.banco.models import Formato
from controles.banco.records import ExtratoLido, LinhaLida
from controles.domain.domain_errors import Invalid

_TAG = re.compile(r"<(/?)([A-Za-z0-9.]{1,40})\s*>([^<]*)")
_LINE_TAGS = frozenset({"DTPOSTED", "TRNAMT", "FITID", "MEMO", "NAME", "CHECKNUM", "REFNUM"})


def is_ofx(text: str) -> bool:
    return "<OFX>" in text[:4096].upper()


def read_ofx(text: str) -> tuple[ExtratoLido, ...]:
    """Each account in the file, once even if it occurs twice. Invalid says which transaction cannot be read."""
    accounts: dict[tuple[str | None, str | None], list[LinhaLida]] = {}
    bank = number = None
    lines: list[LinhaLida] = []
    fields: dict[str, str] | None = None
    count = 0
    for closing, tag, value in _tags(text):
        if tag in {"STMTRS", "CCSTMTRS"}:
            bank, number, lines = None, None, []
        elif tag == "BANKID" and not closing and fields is None:
            bank = value or None
        elif tag == "ACCTID" and not closing and fields is None:
            number = value or None
            lines = accounts.setdefault((bank, number), [])
        elif tag == "STMTTRN":
            if closing:
                _take(lines, fields, count)
                fields = None
            else:
                _take(lines, fields, count)
                fields, count = {}, count + 1
        elif tag == "BANKTRANLIST" and closing:
            _take(lines, fields, count)
            fields = None
        elif fields is not None and not closing and tag in _LINE_TAGS:
            fields.setdefault(tag, value)
    if fields is not None:
        raise Invalid("arquivo", "O arquivo OFX termina no meio de um lançamento; baixe o extrato de novo no banco.")
    if not accounts:
        raise Invalid("arquivo", "O arquivo OFX não diz de que conta é; baixe o extrato de novo no banco.")
    return tuple(ExtratoLido(Formato.OFX, bank, number, tuple(lines)) for (bank, number), lines in accounts.items())


def _tags(text: str) -> Iterator[tuple[bool, str, str]]:
    for match in _TAG.finditer(text):
        yield bool(match[1]), match[2].upper(), " ".join(html.unescape(match[3]).split())


def _take(lines: list[LinhaLida], fields: dict[str, str] | None, number: int) -> None:
    if fields is None:
        return
    try:
        data = _day(fields.get("DTPOSTED", ""))
        valor = parse_signed(fields.get("TRNAMT", ""))
    except ValueError as error:
        raise Invalid("arquivo", f"O {number}º lançamento do arquivo não pôde ser lido: {error}") from None
    if valor == 0:
        # A notice by the bank, without an amount.
        return
    words = [fields.get(name, "") for name in ("NAME", "MEMO")]
    if words[0] and words[0] in words[1]:
        words = words[1:]
    lines.append(LinhaLida(data, valor, " ".join(filter(None, words)), fields.get("FITID", "")))


def _day(written: str) -> dt.date:
    """The day at the beginning; it is followed by a time and a zone, in the bank's own format."""
    if not re.match(r"[0-9]{8}", written):
        raise ValueError("falta a data (DTPOSTED).")
    try:
        return dt.date(int(written[:4]), int(written[4:6]), int(written[6:8]))
    except ValueError:
        raise ValueError(f"a data {written[:8]} não existe.") from None
