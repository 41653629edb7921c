"""Rows about money: read, checked some hundred at a time, and returned for writing. Nothing is written here."""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from controles.domain.money import parse_brl
from controles.domain.text import search_form
from controles.importing.cells import read_cpf, read_text
from controles.importing.checking import Acao, CheckedRow, Fault, chunks, is_sum
from controles.importing.columns import Columns, columns_of
from controles.importing.dates import read_month, read_payment_day, shown
from controles.importing.payers import Said
from controles.importing.reading import open_sheet
from controles.importing.services import Hints, Listener, Resumo
from controles.importing.spreadsheet import Record
from controles.pagamentos.models import Metodo

T = TypeVar("T")
# The check of one row, and what to write for it.
Outcome = tuple[CheckedRow, T | None]

_METODOS = {
    Metodo.PIX: r"\bpix\b",
    Metodo.DINHEIRO: r"dinheiro|especie|\bcash\b|em maos",
    Metodo.BOLETO: r"boleto",
    Metodo.CARTAO: r"cartao|credito|debito|maquin",
    Metodo.FOLHA: r"folha|consignad|contracheque",
    Metodo.TRANSFERENCIA: r"transf|\bted\b|\bdoc\b|deposito",
    Metodo.OUTRO: r"^outr|cheque",
}
_REAIS = re.compile(r"\s*(?:reais|,-|\.-)$", re.IGNORECASE)
_ENGLISH = re.compile(r"(?:R\$\s*)?[0-9]{1,3}(?:,[0-9]{3})+\.[0-9]{2}", re.IGNORECASE)
_POINT_ZERO = re.compile(r"(?<=[0-9])[.,]0+$")
_SIGN = re.compile(r"^(?:R\$\s*)?[-−](?:\s*R\$)?|^\((?=.*\)$)|[-−]$", re.IGNORECASE)
_DEBIT = re.compile(r"\s*(?:\(d\)|\bd|\bdev(?:edor)?|\bdeb(?:ito)?)\.?$", re.IGNORECASE)
_CREDIT = re.compile(r"\s*(?:\(c\)|\bc|\bcr(?:ed(?:or|ito)?)?)\.?$", re.IGNORECASE)


@dataclass(slots=True)
class MoneyRow:
    """A row's cells as values; empty or unreadable cells are missing."""

    record: Record
    values: dict[str, Any] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    decisao: str | None = None

    @property
    def said(self) -> Said:
        values = self.values
        return Said(values.get("matricula"), values.get("cpf"), values.get("nome"), self.decisao)


@dataclass(slots=True)
class Examined(Generic[T]):
    """What would happen with each row; `wanted` has those to write, by row number."""

    count: Counter[Acao] = field(default_factory=Counter)
    wanted: list[tuple[int, T]] = field(default_factory=list)

    @property
    def refused(self) -> int:
        return self.count[Acao.ERRO] + self.count[Acao.CONFLITO]

    def resumo(self, *, gravado: bool) -> Resumo:
        count = self.count
        return Resumo(count[Acao.NOVO], 0, count[Acao.IGUAL], count[Acao.ERRO], gravado, conflitos=count[Acao.CONFLITO])


def examine(
    path: Path,
    listener: Listener,
    hints: Hints,
    check: Callable[[Columns, Sequence[MoneyRow]], Sequence[Outcome[T]]],
) -> Examined[T]:
    """Read the whole file; `check` decides, for some hundred rows at a time, what to do with each."""
    found: Examined[T] = Examined()
    with open_sheet(path, hints.words.knows) as sheet:
        columns = columns_of(sheet.header, hints.words)
        columns = replace(columns, warnings=(*sheet.warnings, *columns.warnings))
        listener.columns(columns, sheet.delimiter)
        for records in chunks(sheet.records):
            rows = [_row(record, columns, hints.decisoes) for record in records]
            for checked, wanted in check(columns, rows):
                found.count[checked.acao] += 1
                if wanted is not None:
                    found.wanted.append((checked.record.number, wanted))
                _tell(listener, checked)
            listener.progress(sheet.position())
    return found


def settled(row: MoneyRow) -> CheckedRow | None:
    """The result for a row that does not depend on a person: broken, or a total; None for every other row."""
    if row.record.fault is not None:
        return CheckedRow(row.record, Acao.ERRO, faults=(Fault(None, row.record.fault),))
    if is_sum(row.record) and not {"data", "cpf", "matricula"} & set(row.values):
        return CheckedRow(row.record, Acao.TOTAL)
    return None


def refused(row: MoneyRow, columns: Columns) -> CheckedRow:
    """A row with faults, in the order of the columns."""
    names = sorted(row.faults, key=lambda name: columns.positions.get(name, len(columns.positions) + 1000))
    return CheckedRow(
        row.record, Acao.ERRO, faults=tuple(Fault(columns.name(name), row.faults[name]) for name in names)
    )


def read_metodo(text: str) -> Metodo:
    form = search_form(text)
    for metodo, pattern in _METODOS.items():
        if re.search(pattern, form):
            return metodo
    raise ValueError(
        f"{shown(text)} não é uma forma de pagamento; escreva PIX, dinheiro, transferência, boleto, cartão, folha ou "
        "outro."
    )


def read_reais(text: str) -> int:
    """Centavos, also with a plus, with “reais” behind them, or as English programs write thousands."""
    plain = _REAIS.sub("", text).strip().removeprefix("+").strip()
    if _ENGLISH.fullmatch(plain):
        plain = plain.replace(",", "")
    return parse_brl(plain)


def read_matricula(text: str) -> str:
    """As it is written; a program that took it for a number may have added “.0”."""
    return _POINT_ZERO.sub("", text)


def read_payer(text: str) -> str:
    """A name; “Silva, Maria da” is Maria da Silva."""
    last, comma, first = text.partition(",")
    return f"{first.strip()} {last.strip()}" if comma and first.strip() and "," not in first else text


def read_positive(text: str) -> int:
    """Centavos, more than 0."""
    centavos = read_reais(text)
    if centavos == 0:
        raise ValueError("O valor é zero; apague a linha, ou escreva o valor.")
    return centavos


def read_balance(text: str) -> int:
    """Centavos; a debt is negative: written with a sign, in brackets, or followed by D."""
    owed = bool(_SIGN.search(text)) or bool(_DEBIT.search(text))
    plain = _CREDIT.sub("", _DEBIT.sub("", text)).strip()
    centavos = read_reais(_SIGN.sub("", plain).strip().removesuffix(")"))
    return -centavos if owed else centavos


def _row(record: Record, columns: Columns, decisoes: Mapping[int, str]) -> MoneyRow:
    row = MoneyRow(record, decisao=decisoes.get(record.number))
    if record.fault is not None:
        return row
    # The month last: its year may follow from the day of the payment.
    cells = sorted(columns.cells(record.cells).items(), key=lambda cell: cell[0] == "competencia")
    for name, text in cells:
        try:
            value = _read(name, text, row)
        except ValueError as error:
            row.faults[name] = str(error)
        else:
            if value is not None:
                row.values[name] = value
    return row


def _read(name: str, text: str, row: MoneyRow) -> object:
    if name == "competencia":
        return read_month(text, row.values.get("data"))
    return _READERS.get(name, read_text)(text)


_READERS: Mapping[str, Callable[[str], object]] = {
    "matricula": read_matricula,
    "nome": read_payer,
    "cpf": read_cpf,
    "data": read_payment_day,
    "valor": read_positive,
    "metodo": read_metodo,
    "devido": read_reais,
    "credito": read_reais,
    "saldo": read_balance,
}


def _tell(listener: Listener, row: CheckedRow) -> None:
    match row.acao:
        case Acao.ERRO | Acao.CONFLITO:
            listener.faulty(row)
        case Acao.NOVO:
            listener.new(row)
        case Acao.TOTAL | Acao.PULADO:
            listener.passed(row)
        case _:
            pass
