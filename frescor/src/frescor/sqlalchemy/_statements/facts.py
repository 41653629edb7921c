"""What a statement does, according to its text and structure: plain values, the same for every execution."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import types

# Schema and name as they stand in the statement.
Named = tuple[str | None, str]


class Untranslated(str):
    """The name of a table whose schema is what it says, whatever the schema_translate_map: of `sa.table(…)`."""

    __slots__ = ()


# truncate: with the tables that refer to it. schema: its definition, and so what it shows, but no row.
Kind = Literal["insert", "update", "delete", "truncate", "schema"]


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a primary key and the parameter that it is compared with; `many`: with each of a list (IN)."""

    kind: types.TypeEngine[Any]
    parameter: str
    many: bool = False


@dataclass(frozen=True, slots=True)
class Bounds:
    """The two parameters between which one column is; open: it is not the same as this one."""

    low: Field
    high: Field
    low_is_open: bool
    high_is_open: bool


@dataclass(frozen=True, slots=True)
class LookUp:
    """Rows of a table that are named by their whole primary key, in the order of the columns' names."""

    table: Named
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a statement where a table stands that is not looked up. bound: columns that have the value of a
    parameter, or are between those of two, in each row that can matter there."""

    table: Named
    declared: sa.Table
    bound: tuple[tuple[str, Field | Bounds], ...]


@dataclass(frozen=True, slots=True)
class Target:
    """A table that is written to. rows: None when they are not known. columns: those that an update sets, None: any.

    generated: an insert whose keys are known only afterwards. values: of an insert or update, the parameters that hold
    what columns are set to, by the columns' names; None where rows may be written otherwise. bound: the parameters that
    columns are compared with in each row. returns: RETURNING can be put behind it.
    """

    table: Named
    kind: Kind
    rows: LookUp | None = None
    columns: frozenset[str] | None = None
    generated: bool = False
    declared: sa.Table | None = None
    values: Mapping[str, Field] | None = field(default=None, compare=False)
    bound: Mapping[str, Field] = field(default_factory=dict, compare=False)
    returns: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a statement reads and writes.

    places: of tables in `reads` of which each place binds a column, these places.
    loose: names of which those that are tables are read. procedures: those that are called. control: a word that
    governs the transaction and came as text. changes_schema: names may mean something else after. changes_path: so may
    names without a schema, on its connection. isolation: it may change how old a snapshot is. returning: its targets
    are read too. translated: its names are those that the database is given, whatever the schema_translate_map.
    commits: some databases commit what is open before it. everything: it may change what any table, or all that reads
    it, shows. unknown: a sentence that says so, of a statement that cannot be told.
    """

    reads: tuple[Named, ...] = ()
    lookups: tuple[LookUp, ...] = ()
    places: tuple[Place, ...] = ()
    writes: tuple[Target, ...] = ()
    functions: tuple[str, ...] = ()
    loose: tuple[Named, ...] = ()
    procedures: tuple[str, ...] = ()
    control: str | None = None
    changes_schema: bool = False
    isolation: bool = False
    returning: bool = False
    translated: bool = False
    everything: bool = False
    commits: bool = False
    changes_path: bool = False
    unknown: str | None = None
    declared: tuple[sa.Table, ...] = field(default=(), repr=False)


NOTHING = Facts()
