"""Triggers for writes that bypass Python: psql, another program, another trigger.

Each write to a table with triggers inserts a row into the outbox, which a relay applies. The row holds the table's tag,
the tag of all its rows, and the values of its slice columns, old and new. A trigger cannot make the tags of rows and
slices itself, because it does not know their secret.

A connection that Frescor tracks announces that once, when it is opened (`mark_connections`). Its writes then insert no
row, because its transaction writes its own. On PostgreSQL the announcement is a suffix of application_name, the one
setting that a pooler such as PgBouncer keeps for each client, even if clients share the server's connections. SQLite's
connections have no variables: a setting that only ANALYZE reads is used instead.

On PostgreSQL a table's parts (partitions, and tables that inherit from it) get triggers with it, because a statement
that names a part fires only the part's; the relay adds the tags of the tables above. A part that is made later has none
until triggers are installed again.

What triggers do not see: on PostgreSQL, writes by logical replication. On SQLite, the writes of a connection with
`trusted_schema=OFF` fail with an error.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from frescor.errors import PolicyError
from frescor.sqlalchemy._outbox.outbox import TABLE, TRIGGER, database_now, missing, outbox_table
from frescor.sqlalchemy._outbox.relay_connection import CHANNEL
from frescor.sqlalchemy._slices.columns import SliceColumn, slice_columns
from frescor.sqlalchemy._slices.declared import Declarations, DeclaredSlices, Kinds, declared_slices
from frescor.sqlalchemy._statements.tags import Tags, table_name
from frescor.sqlalchemy._tracking.trigger_reports import kind_of, postgresql_query, sqlite_replaces, sqlite_reports
from frescor.sqlalchemy._transactions.touched import MOST_SLICES

_NAME = "frescor_outbox"
# The suffix of application_name, of which the server keeps 63 ASCII characters.
_MARK = " (frescor)"
# A number that nobody would set by hand, and large enough to have no effect on ANALYZE.
_ANALYSIS_LIMIT = 1_610_612_741
_IDS = 2**62 - 1
# The foreign keys, and no other columns.
NO_OTHERS: DeclaredSlices = MappingProxyType({})


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
    slices: DeclaredSlices | None = NO_OTHERS,
) -> list[str]:
    """Create the triggers of these tables and their parts, replacing existing ones; returns the names of all. Does not
    commit.

    tables: mapped classes, Tables, or names such as `militante` and `other_schema.militante`. database: the name that
    `track` was given. outbox and schema: where the outbox is. slices: as for `track`; the triggers report the values of
    these columns and of foreign keys, so that a write invalidates their slices and not the whole table; None to report
    none. For a table given by name, the database says which foreign keys it has.

    Raises PolicyError for a table that does not exist, if there is no outbox, for slices of a column that cannot have
    them, and for a database that is neither PostgreSQL nor SQLite.
    """
    given = [(_named(table), table) for table in tables]
    names = [name for name, _ in given]
    box = outbox_table(sa.MetaData(), outbox, schema)
    _check(connection, names, box)
    ddl = _POSTGRESQL if connection.dialect.name == "postgresql" else _SQLITE
    for statement in ddl.before(connection, box):
        _execute(connection, statement)
    declared = None if slices is None else declared_slices(slices, connection.dialect)
    if connection.dialect.name == "postgresql":
        parts = dict.fromkeys(part for name in names for part in _parts(connection, name))
        given = [*given, *((part, str(part)) for part in parts if part not in names)]
    for name, table in given:
        tags = _tags(connection, name, Tags(database, b"", dialect=connection.dialect.name))
        columns = () if declared is None else _columns(connection, name, table, declared)
        for statement in (*ddl.drop(connection, name), *ddl.create(connection, name, tags, columns, box)):
            _execute(connection, statement)
    return [str(name) for name, _ in given]


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
    """Statement-level triggers for each table, and one function for all."""

    def before(self, connection: sa.Connection, box: sa.Table) -> Sequence[str]:
        now = database_now().compile(dialect=connection.dialect)
        # SECURITY DEFINER, so that whoever may write to a table can insert a row, without any right on the outbox.
        # gen_random_uuid exists from PostgreSQL 13 on; random() has fewer than 62 bits. Triggers of earlier releases
        # have one argument. A report fails if a column was dropped since, which must not keep others from writing.
        return (
            f"""
CREATE OR REPLACE FUNCTION {self._function(connection, box)}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $frescor$
DECLARE
  tags text := TG_ARGV[0];
  of_old text := 'SELECT ' || TG_ARGV[1] || ' FROM frescor_old';
  of_new text := 'SELECT ' || TG_ARGV[1] || ' FROM frescor_new';
  reports text;
BEGIN
  IF right(current_setting('application_name'), {len(_MARK)}) = '{_MARK}' THEN RETURN NULL; END IF;
  IF TG_NARGS > 1 THEN
    BEGIN
      EXECUTE 'WITH frescor_rows AS ('
        || CASE TG_OP WHEN 'INSERT' THEN of_new WHEN 'DELETE' THEN of_old ELSE of_old || ' UNION ALL ' || of_new END
        || ') SELECT string_agg(to_json(report)::text, '','') FROM (' || TG_ARGV[2] || ') AS every' INTO reports;
      tags := left(tags, -1) || ',' || reports || ']';
    EXCEPTION WHEN OTHERS THEN
      tags := TG_ARGV[0];
    END;
  END IF;
  INSERT INTO {self._outbox(connection, box)} (id, tags, origin, created_at) VALUES (
    ('x' || substr(replace(gen_random_uuid()::text, '-', ''), 17))::bit(64)::bigint & {_IDS},
    tags, '{TRIGGER}', {now}
  );
  PERFORM pg_notify('{CHANNEL}', '');
  RETURN NULL;
END $frescor$""",  # noqa: S608  # names are quoted
        )

    def create(
        self, connection: sa.Connection, name: QualifiedName, tags: str, columns: Sequence[SliceColumn], box: sa.Table
    ) -> Iterator[str]:
        function, table = self._function(connection, box), _quoted(connection, name)
        quote = connection.dialect.identifier_preparer.quote
        named = ", ".join(dict.fromkeys(quote(column.name) for column in columns))
        query = postgresql_query(columns, connection.dialect)
        reports = f", {_escaped(named)}, {_escaped(query)}" if columns else ""
        events = _EVENTS if columns else {"": ("INSERT OR UPDATE OR DELETE OR TRUNCATE", "")}
        for suffix, (event, rows) in events.items():
            arguments = _escaped(tags) + (reports if rows else "")
            yield (
                f"CREATE TRIGGER {_NAME}{suffix} AFTER {event} ON {table} {rows} FOR EACH STATEMENT "
                f"EXECUTE FUNCTION {function}({arguments})"
            )
            # ALWAYS: other triggers do not fire in sessions that restore a dump or replicate.
            yield f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {_NAME}{suffix}"

    def drop(self, connection: sa.Connection, name: QualifiedName) -> Sequence[str]:
        return [f"DROP TRIGGER IF EXISTS {_NAME}{suffix} ON {_quoted(connection, name)}" for suffix in _EVENTS]

    def _outbox(self, connection: sa.Connection, box: sa.Table) -> str:
        schema = box.schema or sa.inspect(connection).default_schema_name
        return _quoted(connection, QualifiedName(box.name, schema))

    def _function(self, connection: sa.Connection, box: sa.Table) -> str:
        schema = box.schema or sa.inspect(connection).default_schema_name
        return _quoted(connection, QualifiedName("frescor_note_write", schema))


# By the suffix of the trigger's name: the event, and the rows that it shows. TRUNCATE shows none.
_EVENTS = {
    "": ("TRUNCATE", ""),
    "_insert": ("INSERT", "REFERENCING NEW TABLE AS frescor_new"),
    "_update": ("UPDATE", "REFERENCING OLD TABLE AS frescor_old NEW TABLE AS frescor_new"),
    "_delete": ("DELETE", "REFERENCING OLD TABLE AS frescor_old"),
}


class _Sqlite:
    """Row-level triggers for each table; SQLite has no statement-level ones.

    A row that REPLACE deletes fires no trigger. So a write that can delete another row reports no slices: an INSERT
    where a row with the same key exists, and an UPDATE that changes a key.
    """

    def before(self, *_: object) -> Sequence[str]:
        return ()

    def create(
        self, connection: sa.Connection, name: QualifiedName, tags: str, columns: Sequence[SliceColumn], box: sa.Table
    ) -> Iterator[str]:
        now = database_now().compile(dialect=connection.dialect)
        # A trigger can name only tables of its own schema, and without the schema.
        outbox = connection.dialect.identifier_preparer.quote(box.name)
        table = connection.dialect.identifier_preparer.quote(name.name)
        waits = f"applied_at IS NULL AND origin = '{TRIGGER}'"
        waiting = f"SELECT 1 FROM {outbox} WHERE {waits}"  # noqa: S608  # quoted
        whole, start = _literal(tags), _literal(f'{tags[:-1]},"?')
        unmarked = f"(SELECT analysis_limit FROM pragma_analysis_limit) IS NOT {_ANALYSIS_LIMIT}"  # noqa: S608  # quoted
        condition = f"WHEN {unmarked} AND NOT EXISTS ({waiting} AND tags = {whole})"
        reports = f"{waiting} AND substr(tags, 1, length({start})) = {start}"
        many = f"(SELECT count(*) FROM ({reports})) >= {MOST_SLICES}"  # noqa: S608  # quoted
        insert = f"INSERT INTO {outbox} (id, tags, origin, created_at)"
        replaces, changes_key = sqlite_replaces(connection, name.name)

        def trigger(when: str, event: str, condition: str, reported: str) -> str:
            found = (
                f"SELECT random() & {_IDS}, CASE WHEN {many} THEN {whole} ELSE reported END, '{TRIGGER}', {now} "  # noqa: S608
                f"FROM (SELECT {reported} AS reported) WHERE NOT EXISTS ({waiting} AND tags = reported)"
            )
            trigger_name = self._name(connection, name, "replace" if when == "BEFORE" else event)
            return f"CREATE TRIGGER {trigger_name} {when} {event} ON {table} {condition} BEGIN {insert} {found}; END"

        if columns:
            yield trigger("BEFORE", "INSERT", f"{condition} AND ({replaces})", whole)
        for event, rows in {"INSERT": ("NEW",), "UPDATE": ("OLD", "NEW"), "DELETE": ("OLD",)}.items():
            reported = whole
            if columns:
                reports = sqlite_reports(columns, rows, connection.dialect)
                reported = f"{_literal(tags[:-1])} || {reports} || ']'"
                if event == "UPDATE":
                    reported = f"CASE WHEN {changes_key} THEN {whole} ELSE {reported} END"
            yield trigger("AFTER", event, condition, reported)

    def drop(self, connection: sa.Connection, name: QualifiedName) -> Sequence[str]:
        events = ("INSERT", "UPDATE", "DELETE", "replace")
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
                "WHERE tgname = ANY(:names) AND NOT tgisinternal GROUP BY nspname, relname ORDER BY nspname, relname"
            ),
            {"names": [f"{_NAME}{suffix}" for suffix in _EVENTS]},
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


def _columns(
    connection: sa.Connection, name: QualifiedName, table: object, declared: Declarations[Kinds]
) -> tuple[SliceColumn, ...]:
    """The slice columns whose values a table's triggers report."""
    found = table if isinstance(table, sa.Table) else getattr(table, "__table__", None)
    there = sa.inspect(connection).get_columns(name.name, schema=name.schema)
    model = found if isinstance(found, sa.Table) else _described(connection, name)
    columns = slice_columns(model, connection.dialect, declared.of(model))
    is_postgresql = connection.dialect.name == "postgresql"
    if not columns or (is_postgresql and _is_divided(connection, name)):
        # The rows of a table with parts are read and written by the parts' names as well.
        return ()
    types = {column["name"]: column["type"] for column in there}
    return tuple(
        column
        for column in columns
        if column.name in types
        and kind_of(column) is not None
        # In a column that the database has with a zone, a time may belong to another day.
        and not (is_postgresql and _zone(types[column.name]) != _zone(column.type))
    )


def _zone(kind: object) -> object:
    return getattr(kind, "timezone", None)


def _described(connection: sa.Connection, name: QualifiedName) -> sa.Table:
    """A table as the database has it, as far as its slice columns need it."""
    inspector, metadata = sa.inspect(connection), sa.MetaData()
    key = inspector.get_pk_constraint(name.name, schema=name.schema)["constrained_columns"]
    columns = inspector.get_columns(name.name, schema=name.schema)
    table = sa.Table(
        name.name,
        metadata,
        *[sa.Column(column["name"], column["type"], primary_key=column["name"] in key) for column in columns],
        schema=name.schema,
    )
    for found in inspector.get_foreign_keys(name.name, schema=name.schema):
        if len(found["constrained_columns"]) == 1:
            table.append_constraint(sa.ForeignKeyConstraint(found["constrained_columns"], ["other.id"]))
    return table


def _parts(connection: sa.Connection, name: QualifiedName) -> list[QualifiedName]:
    """The parts of a table on PostgreSQL, and theirs."""
    default = sa.inspect(connection).default_schema_name
    found = connection.execute(
        sa.text(
            "WITH RECURSIVE part AS (SELECT c.oid FROM pg_catalog.pg_class c "
            "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE relname = :name AND nspname = :schema "
            "UNION SELECT inhrelid FROM pg_catalog.pg_inherits JOIN part ON inhparent = part.oid) "
            "SELECT relname, nspname FROM part JOIN pg_catalog.pg_class c ON c.oid = part.oid "
            "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE relkind IN ('r', 'p') ORDER BY 2, 1"
        ).execution_options(frescor_reads=(), frescor_writes=()),
        {"name": name.name, "schema": name.schema or default},
    )
    return [QualifiedName(part, None if schema == default else schema) for part, schema in found]


def _is_divided(connection: sa.Connection, name: QualifiedName) -> bool:
    found = connection.scalar(
        sa.text(
            "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_class c "
            "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
            "WHERE relname = :name AND nspname = :schema AND (relkind = 'p' OR EXISTS "
            "(SELECT 1 FROM pg_catalog.pg_inherits WHERE c.oid IN (inhrelid, inhparent))))"
        ).execution_options(frescor_reads=(), frescor_writes=()),
        {"name": name.name, "schema": name.schema or sa.inspect(connection).default_schema_name},
    )
    return bool(found)


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
