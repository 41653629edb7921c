"""Cells of CSV files: no spreadsheet takes what somebody typed for a formula, and they come back the same.

A cell that a spreadsheet might run gets an apostrophe in front, which spreadsheets show as a text's mark; reading takes
it away again. A number keeps its sign, -5 stays -5, and so does a dash alone.
"""

import re
from collections.abc import Iterable

# Spaces in front do not keep a spreadsheet from it; wide signs are turned into plain ones.
_FORMULA = re.compile(r"'*[\s\ufeff]*[=+\-@＝＋－＠\t\r\n]")
_NUMBER = re.compile(r"-?[0-9]+([.,][0-9]+)*%?|-")
_QUOTED = re.compile(r"''*[\s\ufeff]*[=+\-@＝＋－＠\t\r\n]")


def quoted(cell: str) -> str:
    """`cell` as it may stand in a file that is opened in a spreadsheet."""
    return f"'{cell}" if _FORMULA.match(cell) and not _NUMBER.fullmatch(cell) else cell


def quoted_row(cells: Iterable[str]) -> list[str]:
    """Each of the cells, quoted where it has to be."""
    return [quoted(cell) for cell in cells]


def unquoted(cell: str) -> str:
    """What `quoted` was given; a cell that it would not have quoted stays as it is."""
    return cell[1:] if _QUOTED.match(cell) and not _NUMBER.fullmatch(cell[1:]) else cell
