"""What a database says of itself, as plain values: two that are equal say the same of every statement.

Names are those of tags: small letters, and no schema for what is in the default one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from frescor.sqlalchemy._statements.facts import Facts, Kind
from frescor.sqlalchemy._statements.tags import TableName

# What only the database itself writes, and a sequence, which changes without any transaction.
Relation = str
TABLE, VIEW, STORED_VIEW, SEQUENCE = "table", "view", "stored view", "sequence"


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key: its table, its columns, those that it refers to (none: any), and what it does."""

    table: TableName
    columns: frozenset[str]
    referred: frozenset[str]
    on_delete: str
    on_update: str


@dataclass(frozen=True, slots=True)
class Body:
    """What a routine, a trigger or a view holds; its names are looked for in this schema first. facts: None if what it
    does cannot be told."""

    schema: str | None
    facts: Facts | None


@dataclass(frozen=True, slots=True)
class View:
    """What reading something reads: a view, or a table that has row-level policies. system: the catalogue, too.
    body: where the database tells no more than the text."""

    tables: frozenset[TableName] = frozenset()
    functions: frozenset[str] = frozenset()
    system: bool = False
    body: Body | None = None


@dataclass(frozen=True, slots=True)
class Trigger:
    """What a write to a table does besides: a trigger, or a rule. function: that it calls. tables: that it writes to.
    changes_row: it may give a row another key than the statement says."""

    name: str
    kinds: frozenset[Kind]
    function: str | None = None
    body: Body | None = None
    tables: frozenset[TableName] = frozenset()
    changes_row: bool = False


@dataclass(frozen=True, slots=True)
class Description:
    """One database, as one reading of its catalogue found it.

    path: the schemas in which a name without one is looked for. parents: of partitions and of tables that inherit.
    calls: functions that a write to a table calls, in defaults and constraints. unnamed: those that any statement may
    call without their name, by an operator or a cast. replaces: tables in which a row may take another's place by their
    own definition. parts: tables that are the inside of another one. alters: tables whose rows may come to hold
    something else in a column than a statement says, by a trigger before it or since the column is computed.
    """

    path: tuple[str | None, ...] = (None,)
    relations: Mapping[TableName, Relation] = field(default_factory=dict)
    views: Mapping[TableName, View] = field(default_factory=dict)
    policies: Mapping[TableName, View] = field(default_factory=dict)
    references: frozenset[tuple[TableName, Reference]] = frozenset()
    parents: Mapping[TableName, frozenset[TableName]] = field(default_factory=dict)
    triggers: Mapping[TableName, tuple[Trigger, ...]] = field(default_factory=dict)
    routines: Mapping[str, tuple[Body, ...]] = field(default_factory=dict)
    calls: Mapping[TableName, frozenset[str]] = field(default_factory=dict)
    unnamed: frozenset[str] = frozenset()
    replaces: frozenset[TableName] = frozenset()
    parts: Mapping[TableName, frozenset[TableName]] = field(default_factory=dict)
    alters: frozenset[TableName] = frozenset()
