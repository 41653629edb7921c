"""A list as rows of plain values, whatever it becomes."""

import datetime as dt
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
