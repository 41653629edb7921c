import datetime as dt
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from controles.domain.domain_errors import Invalid
from controles.importing import workbook
from controles.importing.people_words import PEOPLE
from controles.importing.reading import open_sheet
from controles.importing.spreadsheet import Record

Fill = Callable[[Any, Any], None]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "militantes.xlsx"


def make(path: Path, *sheets: Fill) -> Path:
    """An XLSX with these worksheets, each filled by its function."""
    book = xlsxwriter.Workbook(path)
    for number, fill in enumerate(sheets, 1):
        fill(book, book.add_worksheet(f"Aba {number}"))
    book.close()
    return path


def read(path: Path) -> tuple[tuple[str, ...], list[Record], tuple[str, ...]]:
    with open_sheet(path, PEOPLE.knows) as sheet:
        return sheet.header, list(sheet.records), sheet.warnings


def rows(*lines: tuple[Any, ...], first: int = 0) -> Fill:
    def fill(_book: Any, sheet: Any) -> None:
        for number, line in enumerate(lines, first):
            sheet.write_row(number, 0, line)

    return fill


def test_numbers_and_days_come_as_a_person_reads_them(path: Path) -> None:
    def fill(book: Any, sheet: Any) -> None:
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        sheet.write_row(0, 0, ("nome", "filiação", "cpf", "valor", "matrícula", "isento", "nascimento"))
        sheet.write_row(1, 0, ("Ana", 31107, 52998224725, 25.1 + 0.2, 7, True))
        sheet.write_datetime(1, 6, dt.date(1980, 3, 5), day)

    _, records, _ = read(make(path, fill))
    assert records == [Record(2, ("Ana", "31107", "52998224725", "25,30", "7", "sim", "05/03/1980"))]


def test_thousandths_are_never_taken_for_thousands(path: Path) -> None:
    _, records, _ = read(make(path, rows(("nome", "filiação", "valor"), ("Ana", "1/3/85", 1.234))))
    assert records[0].cells[2] == "1,234"


def test_finds_the_worksheet_and_the_line_with_the_column_names_and_names_what_it_leaves(path: Path) -> None:
    table = rows(("ASSOCIAÇÃO X",), (), ("Nome", "Filiação"), ("Ana", "1/3/85"), first=2)
    header, records, warnings = read(make(path, rows(("Leia-me: nome",)), table))
    assert header == ("Nome", "Filiação")
    assert records == [Record(6, ("Ana", "1/3/85"))]
    assert warnings == ("A aba “Aba 1” não será importada; só “Aba 2”.",)


def test_a_value_merged_downwards_is_in_each_of_its_rows_and_one_merged_sideways_in_its_first_cell(path: Path) -> None:
    def fill(_book: Any, sheet: Any) -> None:
        sheet.write_row(0, 1, ("Nome", "Filiação", "Núcleo"))
        sheet.write_column(1, 1, ("Ana", "Bia", "Caio"))
        sheet.write_column(1, 2, ("1/3/85", "1/3/85", "1/3/85"))
        sheet.merge_range(1, 3, 2, 3, "Centro")
        sheet.write(3, 3, "Norte")
        sheet.merge_range(4, 1, 4, 3, "Total: 3")

    _, records, _ = read(make(path, fill))
    assert [record.cells[3:] for record in records] == [("Centro",), ("Centro",), ("Norte",), ()]
    assert records[-1].cells == ("", "Total: 3")


def test_a_cell_beside_the_named_columns_is_a_fault_of_its_row(path: Path) -> None:
    _, records, _ = read(make(path, rows(("Nome", "Filiação"), ("Ana", "1/3/85", "oi"), ("Bia", "1/3/85"))))
    assert [record.fault is None for record in records] == [False, True]
    assert "3 colunas" in (records[0].fault or "")


@pytest.mark.parametrize(("row", "column"), [(900_000, 0), (0, 900)])
def test_a_cell_far_away_is_refused_before_it_takes_memory(path: Path, row: int, column: int) -> None:
    def fill(_book: Any, sheet: Any) -> None:
        sheet.write_row(0, 0, ("Nome", "Filiação"))
        sheet.write(row, column, "x")

    with pytest.raises(Invalid, match="Apague as linhas e colunas vazias"):
        read(make(path, fill))


def test_what_unpacks_to_too_much_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "LARGEST", 1000)
    with pytest.raises(Invalid, match="MB por dentro"):
        read(make(path, rows(("Nome", "Filiação"), ("Ana", "1/3/85"))))


def test_a_broken_one_and_one_that_is_no_workbook_are_refused_in_words(path: Path) -> None:
    whole = make(path, rows(("Nome", "Filiação"))).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Invalid, match="danificada"):
        read(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
    with pytest.raises(Invalid, match="não é uma planilha"):
        read(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", "<nada/>")
    with pytest.raises(Invalid, match="não pôde ser lida"):
        read(path)


def test_an_empty_one_and_one_without_known_columns_are_refused_in_words(path: Path) -> None:
    with pytest.raises(Invalid, match="vazio"):
        read(make(path, rows()))
    with pytest.raises(Invalid, match=r"Ela começa com: Sócio \| Quando"):
        read(make(path, rows(("Sócio", "Quando"), ("Ana", "ontem"))))
