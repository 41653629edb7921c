"""Cells that a spreadsheet would run, and that they come back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controles.domain.spreadsheet import quoted, quoted_row, unquoted

FORMULAS = [
    "=1+1",
    "+1+1",
    "-1+cmd|' /C calc'!A0",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "\u00a0=1",
    "＝1+1",
    "＋1+1",
    "－1+1",
    "＠SUM(A1)",
    "+5",
    "\ufeff=1",
    "=cmd|' /C calc'!A0",
    "+55 11 91234-5678",
    "-5-5",
    "'=1",
    '=HYPERLINK("https://exemplo.org")',
    "--5",
    "-",
]


@pytest.mark.parametrize("cell", [cell for cell in FORMULAS if cell != "-"])
def test_what_could_be_a_formula_is_quoted(cell: str) -> None:
    assert quoted(cell) == f"'{cell}"


@pytest.mark.parametrize(
    "cell",
    [
        "-5",
        "-5,00",
        "-1234.5",
        "1-2",
        "'aspas'",
        "-1.234,56",
        "-12%",
        "-",
        "Maria",
        "d'Ávila",
        "'90",
        "",
        "a=b",
        "10/03/2020",
    ],
)
def test_numbers_and_names_stay_as_they_are(cell: str) -> None:
    assert quoted(cell) == cell
    assert unquoted(cell) == cell


@given(st.text(st.sampled_from("=+-@'\t\r\n 15a,.%＝")) | st.text())
def test_every_cell_comes_back(cell: str) -> None:
    assert unquoted(quoted(cell)) == cell


def test_a_row_is_quoted_cell_by_cell() -> None:
    assert quoted_row(["=1", "-1"]) == ["'=1", "-1"]
