"""What a statement does, as far as its text and structure tell: plain values, the same for every execution."""

from dataclasses import dataclass, field
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import types

# Schema and name as they stand in the statement.
Named = tuple[str | None, str]
Kind = Literal["insert", "update", "delete"]


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a primary key and the parameter that it is compared with; `many`: with each of a list (IN)."""

    kind: types.TypeEngine[Any]
    parameter: str
    many: bool = False


@dataclass(frozen=True, slots=True)
class LookUp:
    """Rows of a table that are named by their whole primary key, in the order of the columns' names."""

    table: Named
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """A table that is written to. rows: None when they are not known. columns: those that an update sets, None: any.

    generated: an insert whose keys are known only afterwards.
    """

    table: Named
    kind: Kind
    rows: LookUp | None = None
    columns: frozenset[str] | None = None
    generated: bool = False
    declared: sa.Table | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What a statement reads and writes.

    control: a word that governs the transaction and came as text. changes_schema: names may mean something else after.
    isolation: it may change how old a snapshot is. returning: its targets are read too. translated: its names are
    those that the database is given, whatever the schema_translate_map.
    """

    reads: tuple[Named, ...] = ()
    lookups: tuple[LookUp, ...] = ()
    writes: tuple[Target, ...] = ()
    functions: tuple[str, ...] = ()
    control: str | None = None
    changes_schema: bool = False
    isolation: bool = False
    returning: bool = False
    translated: bool = False
    declared: tuple[sa.Table, ...] = field(default=(), repr=False)


NOTHING = Facts()
