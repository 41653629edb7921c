"""Reads a payroll list: who, by matrícula, CPF or name, and how much was deducted."""

import hashlib
import re
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from controles.domain import cpf
from controles.domain.domain_errors import Invalid
from controles.domain.text import search_form
from controles.importing.cells import read_amount, read_cpf
from controles.importing.columns import columns_of
from controles.importing.money_words import PAYMENTS
from controles.importing.reading import open_sheet
from controles.importing.vocabulary import Vocabulary
from controles.recebimentos.records import Lida, NovaFolha

LARGEST = 8 * 1024 * 1024
MOST_LINES = 5_000
_TOTALS = ("total", "soma", "subtotal")
# As an import of payments, but the day and the month are those of the whole list.
_WORDS = Vocabulary(
    names={
        **{name: PAYMENTS.names[name] for name in ("cpf", "matricula")},
        "nome": (*PAYMENTS.names["nome"], "servidor", "funcionario", "empregado", "trabalhador", "nome do servidor"),
        "valor": (
            *PAYMENTS.names["valor"],
            "desconto",
            "valor descontado",
            "valor do desconto",
            "consignado",
            "valor consignado",
        ),
    },
    asked=(("cpf", re.compile(r"\bcpf\b")), ("valor", re.compile(r"\b(valor|desconto)\b"))),
    mandatory={"valor": "valor"},
    one_of=(("matricula", "cpf", "nome"),),
)


def read_payroll(raw: bytes, folha: NovaFolha) -> tuple[Lida, ...]:
    """The lines of a CSV or an XLSX. Invalid, with the row's number, for a row that cannot be read."""
    if len(raw) > LARGEST:
        raise Invalid("arquivo", "O arquivo passa de 8 MB; divida a folha em partes.")
    # The readers of spreadsheets work on files.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "folha")
        path.write_bytes(raw)
        try:
            lines = tuple(_lines(path, folha))
        except Invalid as error:
            raise Invalid("arquivo", error.message) from None
    if not lines:
        raise Invalid("arquivo", "A folha não tem nenhuma linha com valor; confira a planilha.")
    return lines


def _lines(path: Path, folha: NovaFolha) -> Iterable[Lida]:
    seen: Counter[str] = Counter()
    count = 0
    with open_sheet(path, _WORDS.knows) as sheet:
        columns = columns_of(sheet.header, _WORDS)
        for record in sheet.records:
            if record.fault is not None:
                raise Invalid("", f"Linha {record.number}: {record.fault}")
            cells = columns.cells(record.cells)
            words = search_form(" ".join(cell for cell in record.cells if cell)).replace(":", " ").split()
            # The word stands in the first column, which may be that of the matrícula.
            if words and words[0] in _TOTALS and "cpf" not in cells:
                continue
            if "valor" not in cells and not {"cpf", "matricula"} & cells.keys():
                # A signature, a heading of a section.
                continue
            count += 1
            if count > MOST_LINES:
                raise Invalid("", f"A folha tem mais de {MOST_LINES} linhas; divida-a em partes.")
            line = _line(record.number, cells, folha, seen)
            if line is not None:
                yield line


def _line(number: int, cells: dict[str, str], folha: NovaFolha, seen: Counter[str]) -> Lida | None:
    if "valor" not in cells:
        raise Invalid("", f"Linha {number}: falta o valor; escreva 0 se nada foi descontado.")
    if not {"matricula", "cpf", "nome"} & cells.keys():
        raise Invalid("", f"Linha {number}: não diz de quem é; informe matrícula, CPF ou nome.")
    try:
        valor = read_amount(cells["valor"])
        number_of_cpf = read_cpf(cells["cpf"]) if "cpf" in cells else None
    except ValueError as error:
        raise Invalid("", f"Linha {number}: {error}") from None
    if valor == 0:
        return None
    who = cells.get("matricula") or cells.get("nome") or ""
    if number_of_cpf is not None:
        # As a keyed digest, since the column is not encrypted.
        who = cpf.vault().digest(number_of_cpf).hex()
    same = "|".join((search_form(folha.empregador), folha.competencia.isoformat(), search_form(who)))
    seen[same] += 1
    return Lida(
        numero=number,
        valor=valor,
        data=folha.data,
        chave=hashlib.sha256(f"folha|{same}|{seen[same]}".encode()).hexdigest(),
        matricula=cells.get("matricula"),
        cpf=number_of_cpf,
        nome=cells.get("nome"),
        competencia=folha.competencia,
    )
