"""Statements as CSV: a heading within the first lines, and a signed amount or one column for each direction."""

import csv
import datetime as dt
import io
from collections.abc import Sequence

from controles.banco.amounts import parse_signed
from controles.banco.models import Formato
from controles.banco.records import ExtratoLido, LinhaLida
from controles.domain.domain_errors import Invalid
from controles.domain.text import search_form
from controles.importing.dates import read_date

_HEADING_WITHIN = 30
_NAMES = {
    "data": ("data", "data lancamento", "data movimento", "data mov", "dt movimento", "data do lancamento", "date"),
    "descricao": ("historico", "descricao", "lancamento", "descricao do lancamento", "memo", "title"),
    "detalhe": ("detalhes", "detalhe", "complemento", "favorecido", "razao social", "nome"),
    "valor": ("valor", "valor r", "valor rs", "amount", "valor do lancamento"),
    "credito": ("credito", "credito r", "entrada", "entradas", "entradas r"),
    "debito": ("debito", "debito r", "saida", "saidas", "saidas r"),
    "sentido": ("d c", "dc", "tipo", "natureza", "deb cred", "c d"),
    "documento": ("documento", "docto", "identificador", "numero documento", "n documento", "id", "num doc", "dcto"),
}
_MEANING = {name: meaning for meaning, names in _NAMES.items() for name in names}
_BALANCES = ("saldo", "s a l d o", "total")


def read_sheet(text: str, *, hoje: dt.date) -> ExtratoLido:
    """The lines of a CSV statement. Invalid names the row that cannot be read, or the missing columns."""
    delimiter, start, columns = _heading(text)
    lines = []
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        for number, cells in enumerate(reader, start=1):
            if number > start and any(cell.strip() for cell in cells):
                line = _line(cells, columns, number, hoje)
                if line is not None:
                    lines.append(line)
    except csv.Error as error:
        raise Invalid("arquivo", "As aspas do arquivo não fecham; baixe o extrato de novo no banco.") from error
    return ExtratoLido(Formato.CSV, None, None, tuple(lines))


def _heading(text: str) -> tuple[str, int, dict[str, int]]:
    best: tuple[str, int, dict[str, int]] = (";", 0, {})
    for delimiter in (";", ",", "\t"):
        try:
            for number, cells in enumerate(csv.reader(io.StringIO(text), delimiter=delimiter), start=1):
                if number > _HEADING_WITHIN:
                    break
                columns: dict[str, int] = {}
                for index, cell in enumerate(cells):
                    meaning = _MEANING.get(_plain(cell))
                    if meaning is not None:
                        columns.setdefault(meaning, index)
                if len(columns) > len(best[2]):
                    best = (delimiter, number, columns)
        except csv.Error:
            # With another delimiter the quotes may be balanced.
            continue
    found = best[2]
    if "data" not in found or not ({"valor", "credito", "debito"} & found.keys()):
        raise Invalid(
            "arquivo",
            "Nenhuma das primeiras linhas tem as colunas de um extrato: “Data”, “Histórico” e “Valor” (ou “Crédito” e "
            "“Débito”). Baixe o extrato em OFX, ou escreva esses nomes acima dos lançamentos.",
        )
    return best


def _plain(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in search_form(text.lstrip("\ufeff"))).split())


def _line(cells: Sequence[str], columns: dict[str, int], number: int, hoje: dt.date) -> LinhaLida | None:
    def cell(meaning: str) -> str:
        index = columns.get(meaning)
        return cells[index].strip() if index is not None and index < len(cells) else ""

    words = " ".join(" ".join(filter(None, (cell("descricao"), cell("detalhe")))).split())
    if not cell("data") or _plain(words).startswith(_BALANCES) or _plain(cell("data")).startswith(_BALANCES):
        # Totals and notes that the bank adds between the movements.
        return None
    try:
        data = read_date(cell("data"), hoje=hoje)
        valor = _amount(cell("valor"), cell("credito"), cell("debito"), cell("sentido"))
    except ValueError as error:
        raise Invalid("arquivo", f"Linha {number}: {error}") from None
    if data is None or valor == 0:
        return None
    return LinhaLida(data, valor, words, cell("documento"))


def _amount(valor: str, credito: str, debito: str, sentido: str) -> int:
    if valor:
        amount = parse_signed(valor)
        out = search_form(sentido)[:1] == "d"
        return -abs(amount) if out else amount
    total = 0
    if credito:
        total += abs(parse_signed(credito))
    if debito:
        total -= abs(parse_signed(debito))
    return total
