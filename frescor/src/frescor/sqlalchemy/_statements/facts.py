"""What a statement does, according to its text and structure: plain values, the same for every execution."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import types

# Schema and name as written in the statement.
Named = tuple[str | None, str]


class Untranslated(str):
    """The name of a table from `sa.table(…)`, whose schema no schema_translate_map changes."""

    __slots__ = ()


# truncate: also the tables that refer to it. schema: a change of its definition, and so of what it shows, but of no
# row.
Kind = Literal["insert", "update", "delete", "truncate", "schema"]


@dataclass(frozen=True, slots=True)
class Field:
    """One column and the parameter that it is compared with; `many`: the parameter is a list (IN)."""

    kind: types.TypeEngine[Any]
    parameter: str
    many: bool = False


@dataclass(frozen=True, slots=True)
class Bounds:
    """The two parameters between which a column's value is; open: the end itself is excluded."""

    low: Field
    high: Field
    low_is_open: bool
    high_is_open: bool


@dataclass(frozen=True, slots=True)
class LookUp:
    """Rows of a table that are named by their whole primary key; the columns are in the order of their names."""

    table: Named
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """An occurrence of a table in a statement that is not a look-up. bound: columns that have the value of a parameter,
    or are between those of two, in every row that can matter there. declared: None in a text, which may bind
    columns that the table does not have."""

    table: Named
    declared: sa.Table | None
    bound: tuple[tuple[str, Field | Bounds], ...]


@dataclass(frozen=True, slots=True)
class Target:
    """A table that is written to. rows: None if they are not known. columns: those that an update sets; None: any.

    generated: an insert whose keys are known only afterwards. values: for an insert or update, the parameters that hold
    the new values, by the columns' names; None if rows may be written in another way. bound: the parameters that
    columns are compared with in each row. returns: RETURNING can be appended. In a text, `declared` is None,
    and columns are named as the database takes the names.
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

    places: the occurrences of tables in `reads`, for tables of which each occurrence binds a column. loose: names that
    may be tables; those that are count as read. procedures: those that are called. control: a word that ends or
    controls the transaction, given as text. changes_schema: names may refer to something else afterwards. changes_path:
    the same for names without a schema on this connection. isolation: it may change how old a snapshot is. returning:
    its targets are read, too. translated: its names are those that the database gets, whatever the
    schema_translate_map. commits: some databases commit the open transaction before it. everything: it may change the
    content of any table, or of everything that reads it. unknown: if it is not known what the statement does, a
    sentence that says so. columns: those of tables that it names, in any place; None if it may name others. literals:
    the values of a text's literals, which are named like parameters; lists: the parameters in its lists, by the lists'
    names.
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
    columns: frozenset[tuple[Named, str]] | None = None
    literals: Mapping[str, Any] = field(default_factory=dict, compare=False)
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict, compare=False)
    declared: tuple[sa.Table, ...] = field(default=(), repr=False)

    @property
    def needs_catalog(self) -> bool:
        """Whether it names anything that the catalogue has to explain. SET, SAVEPOINT and the like do not."""
        return bool(
            self.reads
            or self.lookups
            or self.writes
            or self.functions
            or self.procedures
            or self.loose
            or self.everything
            or self.unknown
        )


NOTHING = Facts()
