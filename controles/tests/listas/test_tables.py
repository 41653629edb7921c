import csv
import io
import zipfile
from xml.etree import ElementTree

import pytest

from controles.listas.files import as_csv, as_xlsx
from controles.listas.tables import Column, Kind, Table, safe_text, without_guard


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+55 11 98765-4321",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        " =HYPERLINK(1)",
        "\n=1",
        "＝1+1",
        "=cmd|' /C calc'!A0",
        "-1-1",
        "+1",
    ],
)
def test_what_a_spreadsheet_could_run_stands_behind_an_apostrophe_and_comes_back(text: str) -> None:
    assert safe_text(text) == f"'{text}"
    assert without_guard(safe_text(text)) == text


@pytest.mark.parametrize("text", ["-5", "-5,00", "-1234.5", "5", "Maria", "d'Ávila", "'aspas'", "", "a=b", "1-2"])
def test_what_is_a_number_or_plain_text_stays_as_it_is(text: str) -> None:
    assert safe_text(text) == text
    assert without_guard(text) == text


COLUMNS = (Column("Nome"), Column("Valor", Kind.MONEY), Column("Número", Kind.NUMBER), Column("Sim", Kind.YES_NO))
ROWS = (("=1+1", -500, 7, True), ('Maria; "Mia"\nSilva', 123456, None, False), (None, 5, 0, True))


def test_a_csv_reads_back_as_it_was() -> None:
    written = b"".join(as_csv(Table("Lista", COLUMNS, ROWS, ()))).decode()
    assert written.startswith("\ufeffNome;")
    rows = list(csv.reader(io.StringIO(written.removeprefix("\ufeff")), delimiter=";"))
    assert rows == [
        ["Nome", "Valor", "Número", "Sim"],
        ["'=1+1", "-5,00", "7", "sim"],
        ['Maria; "Mia"\nSilva', "1234,56", "", "não"],
        ["", "0,05", "0", "sim"],
    ]


def test_an_xlsx_holds_numbers_as_numbers_and_no_formula() -> None:
    workbook = zipfile.ZipFile(io.BytesIO(b"".join(as_xlsx(Table("Lista", COLUMNS, ROWS, ())))))
    sheet = workbook.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    tree = ElementTree.fromstring(sheet)
    numbers = [node.text for node in tree.iter("{http://schemas.openxmlformats.org/spreadsheetml/2006/main}v")]
    assert "-5" in numbers
    assert "1234.56" in numbers


def test_rows_are_written_while_they_are_read() -> None:
    read = 0

    def rows() -> object:
        nonlocal read
        for number in range(100_000):
            read += 1
            yield ("Maria da Silva", number, number, True)

    parts = as_csv(Table("Lista", COLUMNS, rows(), ()))  # type: ignore[arg-type]
    next(parts)
    assert read < 5_000
