"""Triggers for writes that bypass Python: psql, another program, another trigger.

Each write to a table with triggers inserts a row into the outbox, which a relay applies. The row holds the table's tag
and the tag of all its rows; a trigger cannot make row tags, since it does not know their secret.

A connection that Frescor tracks announces that once, when it is opened (`mark_connections`). Its writes then insert no
row, because its transaction writes its own. On PostgreSQL the announcement is a suffix of application_name, the one
setting that a pooler such as PgBouncer keeps for each client, even if clients share the server's connections. SQLite's
connections have no variables: a setting that only ANALYZE reads is used instead.

What triggers do not see: on PostgreSQL, writes to a partition by its own name, unless the partition was named, too, and
writes by logical replication. On SQLite, the writes of a connection with `trusted_schema=OFF` fail with an error.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from frescor.errors import PolicyError
from frescor.sqlalchemy._outbox.outbox import TABLE, TRIGGER, database_now, missing, outbox_table
from frescor.sqlalchemy._outbox.relay_connection import CHANNEL
from frescor.sqlalchemy._statements.tags import Tags, table_name

_NAME = "frescor_outbox"
# The suffix of application_name, of which the server keeps 63 ASCII characters.
_MARK = " (frescor)"
# A number that nobody would set by hand, and large enough to have no effect on ANALYZE.
_ANALYSIS_LIMIT = 1_610_612_741
_IDS = 2**62 - 1


@dataclass(frozen=True, slots=True)
class QualifiedName:
    """The name of a table, a trigger or a function, with its schema."""

    name: str
    schema: str | None = None

    def __str__(self) -> str:
        return self.name if self.schema is None else f"{self.schema}.{self.name}"


def install_triggers(
    connection: sa.Connection,
    tables: Iterable[object],
    *,
    database: str = "",
    outbox: str = TABLE,
    schema: str | None = None,
) -> list[str]:
    """Create the triggers of these tables, replacing existing ones; returns the tables' names. Does not commit.

    tables: mapped classes, Tables, or names such as `militante` and `other_schema.militante`. database: the name that
    `track` was given. outbox and schema: where the outbox is. Raises PolicyError for a table that does not exist, if
    there is no outbox, and for a database that is neither PostgreSQL nor SQLite.
    """
    names = [_named(table) for table in tables]
    box = outbox_table(sa.MetaData(), outbox, schema)
    _check(connection, names, box)
    ddl = _POSTGRESQL if connection.dialect.name == "postgresql" else _SQLITE
    for statement in ddl.before(connection, box):
        _execute(connection, statement)
    for name in names:
        tags = _tags(connection, name, Tags(database, b"", dialect=connection.dialect.name))
        for statement in (*ddl.drop(connection, name), *ddl.create(connection, name, tags, box)):
            _execute(connection, statement)
    return [str(name) for name in names]


def remove_triggers(connection: sa.Connection, tables: Iterable[object] | None = None) -> list[str]:
    """Remove the triggers of these tables, or all; returns the names of the tables that had any. Does not commit."""
    wanted = None if tables is None else {_named(table) for table in tables}
    ddl = _POSTGRESQL if connection.dialect.name == "postgresql" else _SQLITE
    there = [name for name in _installed(connection) if wanted is None or name in wanted]
    for name in there:
        for statement in ddl.drop(connection, name):
            _execute(connection, statement)
    return [str(name) for name in there]


def installed_triggers(connection: sa.Connection) -> list[str]:
    """The tables that have triggers."""
    return [str(name) for name in _installed(connection)]


def mark_connections(engine: sa.Engine) -> None:
    """From now on, let the triggers ignore what this engine's connections write; pass an AsyncEngine's
    `sync_engine`."""
    name = f"left(current_setting('application_name'), {63 - len(_MARK)}) || '{_MARK}'"
    statement = {
        "postgresql": f"SELECT set_config('application_name', {name}, false)",
        "sqlite": f"PRAGMA analysis_limit = {_ANALYSIS_LIMIT}",
    }.get(engine.dialect.name)

    def mark(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute(statement)
        cursor.close()
        # Otherwise a rollback would undo the setting.
        connection.commit()

    if statement is not None:
        sa.event.listen(engine, "connect", mark)


def _execute(connection: sa.Connection, statement: str) -> None:
    # In a migration the connection often belongs to a tracked engine, which would examine the function's text.
    connection.exec_driver_sql(statement, execution_options={"frescor_reads": (), "frescor_writes": ()})


class _Postgresql:
    """One statement-level trigger for each table, and one function for all."""

    def before(self, connection: sa.Connection, box: sa.Table) -> Sequence[str]:
        now = database_now().compile(dialect=connection.dialect)
        # SECURITY DEFINER, so that whoever may write to a table can insert a row, without any right on the outbox.
        # gen_random_uuid exists from PostgreSQL 13 on; random() has fewer than 62 bits.
        return (
            f"""
CREATE OR REPLACE FUNCTION {self._function(connection, box)}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $frescor$
BEGIN
  IF right(current_setting('application_name'), {len(_MARK)}) = '{_MARK}' THEN RETURN NULL; END IF;
  INSERT INTO {self._outbox(connection, box)} (id, tags, origin, created_at) VALUES (
    ('x' || substr(replace(gen_random_uuid()::text, '-', ''), 17))::bit(64)::bigint & {_IDS},
    TG_ARGV[0], '{TRIGGER}', {now}
  );
  PERFORM pg_notify('{CHANNEL}', '');
  RETURN NULL;
END $frescor$""",  # noqa: S608  # names are quoted
        )

    def create(self, connection: sa.Connection, name: QualifiedName, tags: str, box: sa.Table) -> Sequence[str]:
        table = _quoted(connection, name)
        # ALWAYS: other triggers do not fire in sessions that restore a dump or replicate.
        return (
            f"CREATE TRIGGER {_NAME} AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {self._function(connection, box)}({_escaped(tags)})",
            f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {_NAME}",
        )

    def drop(self, connection: sa.Connection, name: QualifiedName) -> Sequence[str]:
        return (f"DROP TRIGGER IF EXISTS {_NAME} ON {_quoted(connection, name)}",)

    def _outbox(self, connection: sa.Connection, box: sa.Table) -> str:
        schema = box.schema or sa.inspect(connection).default_schema_name
        return _quoted(connection, QualifiedName(box.name, schema))

    def _function(self, connection: sa.Connection, box: sa.Table) -> str:
        schema = box.schema or sa.inspect(connection).default_schema_name
        return _quoted(connection, QualifiedName("frescor_note_write", schema))


class _Sqlite:
    """Three row-level triggers for each table; SQLite has no statement-level ones."""

    def before(self, *_: object) -> Sequence[str]:
        return ()

    def create(self, connection: sa.Connection, name: QualifiedName, tags: str, box: sa.Table) -> Sequence[str]:
        now = database_now().compile(dialect=connection.dialect)
        # A trigger can name only tables of its own schema, and without the schema.
        outbox = connection.dialect.identifier_preparer.quote(box.name)
        table = connection.dialect.identifier_preparer.quote(name.name)
        waits = f"applied_at IS NULL AND origin = '{TRIGGER}' AND tags = {_literal(tags)}"
        waiting = f"SELECT 1 FROM {outbox} WHERE {waits}"  # noqa: S608  # quoted
        values = f"random() & {_IDS}, {_literal(tags)}, '{TRIGGER}', {now}"
        insert = f"INSERT INTO {outbox} (id, tags, origin, created_at) VALUES ({values})"  # noqa: S608  # quoted
        limit = "SELECT analysis_limit FROM pragma_analysis_limit"
        action = f"WHEN ({limit}) IS NOT {_ANALYSIS_LIMIT} AND NOT EXISTS ({waiting}) BEGIN {insert}; END"
        return [
            f"CREATE TRIGGER {self._name(connection, name, event)} AFTER {event} ON {table} {action}"
            for event in ("INSERT", "UPDATE", "DELETE")
        ]

    def drop(self, connection: sa.Connection, name: QualifiedName) -> Sequence[str]:
        events = ("INSERT", "UPDATE", "DELETE")
        return [f"DROP TRIGGER IF EXISTS {self._name(connection, name, event)}" for event in events]

    def _name(self, connection: sa.Connection, name: QualifiedName, event: str) -> str:
        return _quoted(connection, QualifiedName(f"{_NAME}_{event.lower()}_{name.name}", name.schema))


_POSTGRESQL, _SQLITE = _Postgresql(), _Sqlite()


def _check(connection: sa.Connection, names: Sequence[QualifiedName], box: sa.Table) -> None:
    if connection.dialect.name not in ("postgresql", "sqlite"):
        raise PolicyError(f"there are triggers for PostgreSQL and SQLite, not for {connection.dialect.name}.")
    inspector = sa.inspect(connection)
    if not inspector.has_table(box.name, schema=box.schema):
        raise PolicyError(missing(box))
    if not names:
        raise PolicyError("no table is named: each one that other programs write to has to be.")
    for name in names:
        there = inspector.get_table_names(schema=name.schema)
        if name.name not in there:
            raise PolicyError(
                f"there is no table {str(name)!r} to put triggers on; a view has none. There are: "
                f"{', '.join(sorted(there)) or 'none'}."
            )
        if connection.dialect.name == "sqlite" and (name.schema or "main") != (box.schema or "main"):
            raise PolicyError(f"the table {str(name)!r} is in another file than the outbox, which no trigger reaches.")


def _installed(connection: sa.Connection) -> list[QualifiedName]:
    if connection.dialect.name == "postgresql":
        found = connection.execute(
            sa.text(
                "SELECT relname, nullif(nspname, current_schema()) FROM pg_trigger "
                "JOIN pg_class ON pg_class.oid = tgrelid JOIN pg_namespace ON pg_namespace.oid = relnamespace "
                "WHERE tgname = :name AND NOT tgisinternal ORDER BY nspname, relname"
            ),
            {"name": _NAME},
        )
        return [QualifiedName(name, schema) for name, schema in found]
    found = connection.execute(
        sa.text(
            "SELECT DISTINCT tbl_name FROM sqlite_master WHERE type = 'trigger' "
            "AND substr(name, 1, length(:start)) = :start ORDER BY tbl_name"
        ),
        {"start": f"{_NAME}_"},
    )
    return [QualifiedName(name) for (name,) in found]


def _named(table: object) -> QualifiedName:
    if isinstance(table, str):
        schema, _, name = table.rpartition(".")
        return QualifiedName(name, schema or None)
    found = table if isinstance(table, sa.Table) else getattr(table, "__table__", None)
    if not isinstance(found, sa.Table):
        raise PolicyError(f"a table is a mapped class, a Table or a name; got {table!r}.")
    return QualifiedName(found.name, found.schema)


def _tags(connection: sa.Connection, name: QualifiedName, tags: Tags) -> str:
    found = table_name(name.schema, name.name, sa.inspect(connection).default_schema_name)
    # In ASCII, and without the sign that drivers take for a parameter.
    return json.dumps((tags.table(found), tags.rows(found)), separators=(",", ":")).replace("%", "\\u0025")


def _quoted(connection: sa.Connection, name: QualifiedName) -> str:
    prepared = connection.dialect.identifier_preparer
    return (
        prepared.quote(name.name)
        if name.schema is None
        else f"{prepared.quote(name.schema)}.{prepared.quote(name.name)}"
    )


def _escaped(text: str) -> str:
    """A PostgreSQL literal that keeps its backslashes, whatever `standard_conforming_strings` is set to."""
    doubled = text.replace("\\", "\\\\")
    return f"E{_literal(doubled)}"


def _literal(text: str) -> str:
    quoted = text.replace("'", "''")
    return f"'{quoted}'"
