import csv
import io
import zipfile
from xml.etree import ElementTree

from controles.listas.files import as_csv, as_xlsx
from controles.listas.tables import Column, Kind, Table

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
