from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controles.domain.domain_errors import Invalid
from controles.importing.people_words import PEOPLE
from controles.importing.reading import LONGEST_LINE, open_sheet
from controles.importing.spreadsheet import Record

HEADER = "nome;filiação\n"


def read(path: Path, content: bytes | str) -> tuple[str, tuple[str, ...], list[Record]]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with open_sheet(path, PEOPLE.knows) as sheet:
        return sheet.delimiter, sheet.header, list(sheet.records)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.csv"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_reads_what_any_spreadsheet_writes(path: Path, encoding: str, delimiter: str, newline: str) -> None:
    text = newline.join([f"nome{delimiter}filiação", f"João “Jô” d'Ávila{delimiter}01/02/2020", ""])
    found = read(path, text.encode(encoding))
    assert found == (delimiter, ("nome", "filiação"), [Record(2, ("João “Jô” d'Ávila", "01/02/2020"))])


def test_reads_a_file_that_was_pasted_together_from_two_encodings(path: Path) -> None:
    _, _, records = read(path, HEADER.encode() + "José;1\n".encode() + "João;2\n".encode("cp1252"))
    assert [record.cells[0] for record in records] == ["José", "João"]


def test_the_delimiter_is_the_one_that_finds_columns_not_the_most_frequent_sign(path: Path) -> None:
    delimiter, header, records = read(path, "nome;data de filiação\n" + "A, B, C, D, E;2020-01-01\n" * 3)
    assert (delimiter, len(header), records[0].cells) == (";", 2, ("A, B, C, D, E", "2020-01-01"))


def test_passes_over_the_line_with_which_a_spreadsheet_names_its_delimiter(path: Path) -> None:
    delimiter, header, _ = read(path, "sep=,\nnome,filiação\n")
    assert (delimiter, header) == (",", ("nome", "filiação"))


def test_finds_the_column_names_below_titles_and_numbers_rows_as_the_spreadsheet_does(path: Path) -> None:
    text = "ASSOCIAÇÃO;;\nRelação de nomes e e-mails\n\nnome;filiação;cpf\nAna;1;2\n"
    _, header, records = read(path, text)
    assert header == ("nome", "filiação", "cpf")
    assert records == [Record(5, ("Ana", "1", "2"))]


def test_of_two_lines_with_as_many_known_names_the_first_is_the_heading(path: Path) -> None:
    _, header, records = read(path, "nome;filiação\nNome;Filiação\n")
    assert (header, records[0].cells) == (("nome", "filiação"), ("Nome", "Filiação"))


def test_a_heading_that_is_repeated_on_every_printed_page_is_no_row(path: Path) -> None:
    _, _, records = read(path, HEADER + "Ana;1\n" + HEADER + "Bia;2\n")
    assert [(record.number, record.cells[0]) for record in records] == [(2, "Ana"), (4, "Bia")]


def test_a_question_with_line_breaks_is_one_column_name(path: Path) -> None:
    _, header, records = read(path, '"Nome\n(completo)","Filiação\n\n(data)"\nAna,1\n')
    assert header == ("Nome\n(completo)", "Filiação\n\n(data)")
    assert records == [Record(2, ("Ana", "1"))]


def test_a_heading_far_below_is_not_looked_for(path: Path) -> None:
    with pytest.raises(Invalid, match="O arquivo começa com: Título 0"):
        read(path, "".join(f"Título {number}\n" for number in range(60)) + HEADER + "Ana;1\n")


def test_counts_blank_rows_but_leaves_them_out(path: Path) -> None:
    _, _, records = read(path, HEADER + "\n;\nAna;1\n  ; \nBia;2\n\n")
    assert [(record.number, record.cells[0]) for record in records] == [(4, "Ana"), (6, "Bia")]


def test_quotes_keep_delimiters_and_line_breaks(path: Path) -> None:
    _, _, records = read(path, HEADER + '"Silva; Ana\nMaria";"01/01/2020"\nBia;2\n')
    assert [record.cells for record in records] == [("Silva; Ana\nMaria", "01/01/2020"), ("Bia", "2")]
    assert [record.fault for record in records] == [None, None]


@pytest.mark.parametrize("line", ['"Ana;1', '"Ana" Maria;1', 'Ana;"1'], ids=["open", "text after", "last cell"])
def test_a_quote_that_never_closes_costs_its_own_row_only(path: Path, line: str) -> None:
    _, _, records = read(path, HEADER + f"Antes;0\n{line}\nBia;2\nCida;3\n")
    assert [(record.number, record.fault is None) for record in records] == [
        (2, True),
        (3, False),
        (4, True),
        (5, True),
    ]
    assert "aspas" in (records[1].fault or "")
    assert ";".join(records[1].cells) == line


def test_a_row_that_is_too_long_is_a_fault_unless_the_rest_is_empty(path: Path) -> None:
    _, _, records = read(path, "nome,valor\nAna,20,00\nBia,20,,\nCida\n")
    assert "3 colunas e o cabeçalho, 2" in (records[0].fault or "")
    assert records[0].cells == ("Ana", "20", "00")
    assert [record.fault for record in records[1:]] == [None, None]


def test_bytes_of_no_encoding_are_a_fault_of_their_row(path: Path) -> None:
    _, _, records = read(path, HEADER.encode() + b"Jo\x81o\xe3;1\nAna;2\n")
    assert [record.fault is None for record in records] == [False, True]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "vazio"),
        (b"\n \r\n", "vazio"),
        (b"\xef\xbb\xbf", "vazio"),
        (b";;;\n", "vazio"),
        (b"PK\x03\x04rest", "danificada"),
        (b"\xd0\xcf\x11\xe0rest", "Excel"),
        (b"%PDF-1.7", "PDF"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "não é texto"),
        (b"Relat\xf3rio de 2024\n", "nomes das colunas"),
        (b"nome;filia\xe7\xe3o\n" + b"x" * (LONGEST_LINE + 1), "não parece um CSV"),
        (b"\xff\xfen\0o\0m\0e\0\n\0\x00\xd8", "UTF-16"),
    ],
)
def test_refuses_a_file_that_is_no_table(path: Path, content: bytes, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        read(path, content)


@settings(max_examples=300, deadline=None)
@given(content=st.binary(max_size=200))
def test_whatever_the_bytes_each_row_is_read_or_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    try:
        _, header, records = read(path, HEADER.encode() + content)
    except Invalid as error:
        refusal = error.message
        assert b"\0" in content, refusal
        return
    assert len(header) == 2
    assert all(record.fault or not any(record.cells[2:]) for record in records)
    numbers = [record.number for record in records]
    assert numbers == sorted(set(numbers))


@settings(max_examples=200, deadline=None)
@given(pieces=st.lists(st.sampled_from(['"', ";", "a", "\n", '""', "b;c"]), max_size=30))
def test_nothing_that_was_written_is_lost(tmp_path_factory: pytest.TempPathFactory, pieces: list[str]) -> None:
    text = "".join(pieces)
    path = tmp_path_factory.getbasetemp() / "pieces.csv"
    _, _, records = read(path, HEADER + text)
    letters = "".join("".join(record.cells) for record in records)
    for letter in "abc":
        assert letters.count(letter) == text.count(letter)
