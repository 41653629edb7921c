"""The catalogue of other databases, as far as SQLAlchemy can read it."""

import contextlib
from collections.abc import Iterable

import sqlalchemy as sa

from frescor.sqlalchemy._catalog.dependencies import ACTIONS
from frescor.sqlalchemy._catalog.description import (
    STORED_VIEW,
    TABLE,
    VIEW,
    Body,
    Description,
    Reference,
    Trigger,
    View,
)
from frescor.sqlalchemy._statements.facts import Facts, Kind
from frescor.sqlalchemy._statements.tags import TableName, table_name
from frescor.sqlalchemy._statements.text import facts_of_text
from frescor.sqlalchemy._statements.utility import facts_of_body

_KINDS: dict[str, Kind] = {"INSERT": "insert", "UPDATE": "update", "DELETE": "delete"}
_TRIGGERS = (
    "SELECT trigger_name, event_object_schema, event_object_table, event_manipulation, action_statement "
    "FROM information_schema.triggers"
)


_WITHOUT_ROLLBACK = (
    "SELECT table_schema, table_name FROM information_schema.tables JOIN information_schema.engines USING (engine) "
    "WHERE table_type = 'BASE TABLE' AND transactions <> 'YES' "
    "AND table_schema NOT IN ('mysql', 'sys', 'performance_schema', 'information_schema')"
)


def describe(connection: sa.Connection, schemas: Iterable[str | None]) -> Description:
    """The description of these schemas. Raises SQLAlchemy's errors."""
    inspector = sa.inspect(connection)
    default, dialect = connection.dialect.default_schema_name, connection.dialect.name
    relations: dict[TableName, str] = {}
    views: dict[TableName, View] = {}
    references: set[tuple[TableName, Reference]] = set()
    for schema in schemas:
        relations.update({table_name(schema, name, default): TABLE for name in inspector.get_table_names(schema)})
        with contextlib.suppress(NotImplementedError):
            stored = inspector.get_materialized_view_names(schema)
            relations.update({table_name(schema, name, default): STORED_VIEW for name in stored})
        for name in inspector.get_view_names(schema):
            own = table_name(schema, name, default)
            relations[own] = VIEW
            text = None
            with contextlib.suppress(NotImplementedError, sa.exc.NoSuchTableError):
                text = inspector.get_view_definition(name, schema)
            views[own] = View(body=Body(own[0], _facts_of_view(text, dialect) if text else None))
        for (_, table), keys in inspector.get_multi_foreign_keys(schema=schema).items():
            for key in keys:
                options = key.get("options") or {}
                actions = [str(options.get(name) or "").upper() for name in ("ondelete", "onupdate")]
                reference = Reference(
                    table_name(schema, table, default),
                    frozenset(str.lower(name) for name in key["constrained_columns"]),
                    frozenset(str.lower(str(name)) for name in key["referred_columns"]),
                    *(action if action in ACTIONS else "" for action in actions),
                )
                referred = table_name(key["referred_schema"] or schema, key["referred_table"], default)
                references.add((referred, reference))
    return Description(
        relations=relations,
        views=views,
        references=frozenset(references),
        triggers=_triggers(connection, default),
        without_rollback=_without_rollback(connection, default),
    )


def _facts_of_view(text: str, dialect: str) -> Facts:
    start = text.upper().find("SELECT")
    return facts_of_text(text[max(start, 0) :], dialect)


def _without_rollback(connection: sa.Connection, default: str | None) -> frozenset[TableName]:
    if connection.dialect.name not in ("mysql", "mariadb"):
        return frozenset()
    return frozenset(
        table_name(schema, name, default) for schema, name in connection.exec_driver_sql(_WITHOUT_ROLLBACK)
    )


def _triggers(connection: sa.Connection, default: str | None) -> dict[TableName, tuple[Trigger, ...]]:
    if connection.dialect.name not in ("mysql", "mariadb"):
        return {}
    found: dict[TableName, tuple[Trigger, ...]] = {}
    for name, schema, table, kind, text in connection.exec_driver_sql(_TRIGGERS):
        own = table_name(schema, table, default)
        trigger = Trigger(
            name, frozenset({_KINDS[kind]}), body=Body(own[0], facts_of_body(text, "mysql")), changes_row=True
        )
        found[own] = (*found.get(own, ()), trigger)
    return found
