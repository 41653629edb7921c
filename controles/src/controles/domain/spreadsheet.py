"""Cells of CSV files: a spreadsheet must not run what somebody typed as a formula, and an import restores the text.

A cell that a spreadsheet might run gets a leading apostrophe, which spreadsheets treat as a mark for text; reading
removes it. Numbers keep their sign, so -5 stays -5, and so does a dash alone.
"""

import re
from collections.abc import Iterable

# Also after leading spaces, and with full-width signs, which spreadsheets convert.
_FORMULA = re.compile(r"'*[\s\ufeff]*[=+\-@＝＋－＠\t\r\n]")
_NUMBER = re.compile(r"-?[0-9]+([.,][0-9]+)*%?|-")
_QUOTED = re.compile(r"''*[\s\ufeff]*[=+\-@＝＋－＠\t\r\n]")


def quoted(cell: str) -> str:
    """`cell` in a form that is safe in a file opened by a spreadsheet."""
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def quoted_row(cells: Iterable[str]) -> list[str]:
    """Each of the cells, quoted where it has to be."""
    return [quoted(cell) for cell in cells]


def unquoted(cell: str) -> str:
    """Undoes `quoted`; a cell that `quoted` would not have changed stays as it is."""
    return cell[1:] if _QUOTED.match(cell) and not _NUMBER.fullmatch(cell[1:]) else cell
