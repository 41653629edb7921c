"""A list as rows of plain values, for any output format."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

Cell = str | int | bool | dt.date | None


class Kind(StrEnum):
    """The kind of a column's values; money is in centavos."""

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
    """`rows` can be read once; `filtro` describes the list's filter in words."""

    title: str
    columns: tuple[Column, ...]
    rows: Iterable[tuple[Cell, ...]]
    filtro: tuple[str, ...]
