"""A list as rows of plain values, whatever it becomes; and cells that no spreadsheet takes for a formula."""

import datetime as dt
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

Cell = str | int | bool | dt.date | None


class Kind(StrEnum):
    """What a column holds; money is centavos."""

    TEXT = "text"
    MONEY = "money"
    NUMBER = "number"
    DATE = "date"
    YES_NO = "yes-no"


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    kind: Kind = Kind.TEXT


@dataclass(frozen=True, slots=True)
class Table:
    """`rows` can be read once; `filtro` says in words what the list was narrowed to."""

    title: str
    columns: tuple[Column, ...]
    rows: Iterable[tuple[Cell, ...]]
    filtro: tuple[str, ...]


# What a spreadsheet begins a formula with, also after blanks, and in the wide forms of some keyboards.
_FORMULA = re.compile(r"^[\s\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r]")
_PLAIN_NUMBER = re.compile(r"-?[0-9]+(?:[.,][0-9]+)?")


def safe_text(text: str) -> str:
    """`text` behind an apostrophe if a spreadsheet could run it. A number stays a number: -5 is -5."""
    flat = text.replace("\x00", "")
    return f"'{flat}" if _FORMULA.match(flat) and not _PLAIN_NUMBER.fullmatch(flat) else flat


def without_guard(text: str) -> str:
    """What `safe_text` was given, on the way back from a file."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text[1:]) else text
