"""What a database says about itself, as plain values. Equal descriptions lead to equal results for every statement.

Names are spelled as in tags: lower case, and no schema for tables in the default one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from frescor.sqlalchemy._statements.facts import Facts, Kind
from frescor.sqlalchemy._statements.tags import TableName

# Kinds of relation that matter by name: a materialized view, and a sequence, which changes outside of transactions.
Relation = str
TABLE, VIEW, STORED_VIEW, SEQUENCE = "table", "view", "stored view", "sequence"


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key: its table, its columns, the columns that it refers to (None: any), and its actions."""

    table: TableName
    columns: frozenset[str]
    referred: frozenset[str]
    on_delete: str
    on_update: str


@dataclass(frozen=True, slots=True)
class Body:
    """The text of a routine, a trigger or a view. Its names are first looked for in `schema`. facts: None if it is
    unknown what the text does."""

    schema: str | None
    facts: Facts | None


@dataclass(frozen=True, slots=True)
class View:
    """What is read through a view, or through a table's row-level policies. system: also the database's own catalogue.
    body: set if the database tells no more than the text."""

    tables: frozenset[TableName] = frozenset()
    functions: frozenset[str] = frozenset()
    system: bool = False
    body: Body | None = None


@dataclass(frozen=True, slots=True)
class Trigger:
    """What a write to a table causes: a trigger or a rule. function: that it calls. tables: that it writes to.
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

    path: the schemas searched for a name without one. parents: of partitions and of tables that inherit. calls:
    functions that a write to a table calls, in defaults and constraints. unnamed: functions that any statement may call
    without naming them, by an operator or a cast. replaces: tables whose definition lets a new row replace another one.
    parts: tables that store the content of another one. alters: tables in which a column may get another value than the
    statement says, because of a trigger that runs before it or because the column is computed. without_rollback: tables
    of an engine without transactions, where a write stays whatever becomes of its transaction.
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
    without_rollback: frozenset[TableName] = frozenset()
