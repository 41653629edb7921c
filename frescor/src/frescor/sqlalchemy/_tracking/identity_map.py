"""Objects in a session's identity map: what a loader reads of them without a statement.

SQLAlchemy has no event for an object that comes from the identity map. `session.get`, many-to-one relationships and
queries whose object is there already call `IdentityMap.get`; `merge`, iteration and applications call other methods of
the map. So these methods are wrapped, on the class: this covers sessions that exist already, and those that replace
their map (`expunge_all`).

When an object is met, these count as read: its row, in each of its tables; what its computed attributes
(`column_property`) read; and for each loaded relationship, its tables and the objects in it, recursively. They may be
as old as the first object that the session holds. `filled` is the store's clock at that time, or at the time when
everything in the session was last expired.

An object that a loader has from elsewhere (a global, a closure) and reads without asking the session cannot be seen:
pass its id and load it.
"""

import sys
import weakref
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import event, orm
from sqlalchemy.orm.state import InstanceState
from sqlalchemy.sql.util import find_tables

from frescor._calls.borrowed import CONNECTIONS, when_met
from frescor._calls.loading import CurrentLoad, enclosing_load
from frescor.sqlalchemy._private import IdentityMap, runid_of
from frescor.sqlalchemy._statements.tags import Tags, is_row_key_type, row_key_of, table_name
from frescor.sqlalchemy._tracking.capture import Seen, met, seen_by
from frescor.sqlalchemy._tracking.loaded_relationships import depend_on_relationship, value_of
from frescor.sqlalchemy._transactions.context import current_context
from frescor.sqlalchemy._transactions.transaction import TrackedTransaction

_FILLED, _STOOD, _CONNECTIONS = "frescor_filled", "frescor_stood", CONNECTIONS
# By dialect, which engines made by execution options share: the tracking of the engine.
Databases = dict[sa.Dialect, Any]
_databases: Databases = {}
_Map = IdentityMap
_plain_get, _plain_item, _plain_state = _Map.get, _Map.__getitem__, _Map.fast_get_state
_plain_values, _plain_items = _Map.values, _Map.items
_plain_states: Any = _Map.all_states


def watch_sessions(databases: Databases) -> None:
    """Watch all sessions; `databases` finds an engine's tracking. Does nothing when it is called again."""
    global _databases
    _databases = databases
    if _Map.get is _plain_get:
        for name, method in (
            ("get", _get),
            ("__getitem__", _item),
            ("fast_get_state", _state),
            ("values", _values),
            ("items", _items),
            ("all_states", _states),
        ):
            setattr(_Map, name, method)
        when_met(_given)
        event.listen(orm.Session, "after_attach", _attached)
        event.listen(orm.Session, "after_begin", _began)


def _get(self: Any, key: Any, default: Any = None) -> Any:
    found = _plain_get(self, key, default)
    if found is not None and (load := enclosing_load()) is not None:
        _read(load, orm.attributes.instance_state(found))
    return found


def _item(self: Any, key: Any) -> Any:
    found = _plain_item(self, key)
    if (load := enclosing_load()) is not None:
        _read(load, orm.attributes.instance_state(found))
    return found


def _state(self: Any, key: Any) -> Any:
    found = _plain_state(self, key)
    if found is not None and (load := enclosing_load()) is not None:
        _read(load, found)
    return found


def _values(self: Any) -> Any:
    _read_all(self)
    return _plain_values(self)


def _items(self: Any) -> Any:
    _read_all(self)
    return _plain_items(self)


def _states(self: Any) -> Any:
    # SQLAlchemy itself goes through the states to expire or expunge them, and reads nothing.
    if not str(sys._getframe(1).f_globals.get("__name__", "")).startswith(("sqlalchemy.", __name__)):
        _read_all(self)
    return _plain_states(self)


def _read_all(objects: Any) -> None:
    if (load := enclosing_load()) is not None:
        for state in _plain_states(objects):
            _read(load, state)


def _read(load: CurrentLoad, state: InstanceState[Any]) -> None:
    """An object that a session holds was met during this load."""
    seen = seen_by(load)
    # An expired object holds nothing: what is asked of it is read by a statement.
    run = runid_of(state)
    if not state.expired and (run is None or run <= seen.mark) and id(state) not in seen.met:
        _meet(seen, state)


def _given(instance: object) -> None:
    """A load is given a mapped instance: it may read what that holds without asking its session."""
    if (load := enclosing_load()) is not None:
        state = orm.attributes.instance_state(instance)
        if state.session is None:
            # Nothing tells how old it is.
            load.keep_private()
        _read(load, state)


def _attached(session: orm.Session, _instance: object) -> None:
    current_context().sessions.add(session)


def _began(session: orm.Session, _transaction: object, connection: sa.Connection) -> None:
    current_context().sessions.add(session)
    info = session.info
    # Earlier connections that were closed or given back are left out.
    open_ones = [found for found in info.get(_CONNECTIONS, ()) if _is_open(found())]
    info[_CONNECTIONS] = [*open_ones, weakref.ref(connection)]
    tracking = _databases.get(connection.dialect)
    states = _plain_states(session.identity_map)
    if tracking is not None and (not states or all(state.expired for state in states)):
        info[_FILLED], info[_STOOD] = tracking.clock_seen(), tracking.slices.standing


def _meet(seen: Seen, first: InstanceState[Any]) -> None:
    rest = [first]
    session = first.session
    filled = 0 if session is None else session.info.get(_FILLED, 0)
    while rest:
        state = rest.pop()
        if id(state) in seen.met:
            continue
        seen.met[id(state)] = state
        if state.modified:
            seen.load.keep_private()
        try:
            tracking = _tracking_of(session, state.mapper)
        except sa.exc.UnboundExecutionError:
            # Each statement of this session names its engine, so the object's database is unknown.
            seen.load.keep_private()
            continue
        if tracking is None:
            continue
        if tracking.catalog.at_hand is None:
            for connection in _open_connections(session):
                tracking.learn(connection)
        tags = _told(seen, state, tracking)
        met(seen.load, tags, filled)
        if any(transaction.changed(tags) for transaction in _transactions_of(session, tracking)):
            # Flushed but not committed, in whatever thread the session was used.
            seen.load.keep_private()
        for relationship in state.mapper.relationships:
            if relationship.key in state.dict:
                rest += _related(state.dict[relationship.key])


def _transactions_of(session: orm.Session | None, tracking: Any) -> list[TrackedTransaction]:
    """The open transactions of a session on a tracked engine."""
    transactions = [connection.info.get(tracking) for connection in _open_connections(session)]
    return [transaction for transaction in transactions if transaction is not None]


def _open_connections(session: orm.Session | None) -> list[sa.Connection]:
    connections = [] if session is None else [found() for found in session.info.get(_CONNECTIONS, ())]
    return [found for found in connections if found is not None and _is_open(found)]


def _is_open(connection: sa.Connection | None) -> bool:
    return connection is not None and not connection.closed and not connection.invalidated


def _tracking_of(session: orm.Session | None, mapper: orm.Mapper[Any]) -> Any:
    if session is None:
        return None
    return _databases.get(session.get_bind(mapper).dialect)


def _told(seen: Seen, state: InstanceState[Any], tracking: Any) -> list[str]:
    """Let the load depend on an object; returns the object's tags."""
    mapper, tags, default = state.mapper, tracking.tags, tracking.default_schema
    stood = {} if state.session is None else state.session.info.get(_STOOD, {})
    dialect = tracking.engine.dialect
    whole: list[str] = []
    for table in mapper.tables:
        if not isinstance(table, sa.Table):
            continue
        name = table_name(table.schema, table.name, default)
        # Of a view, or a table with parts, the tables behind it are written to.
        behind = tracking.behind(name)
        if behind is None:
            seen.load.keep_private()
        else:
            whole += [tags.table(one) for one in behind if one != name]
        columns = sorted(table.primary_key.columns, key=lambda column: column.name)
        values = [value_of(state, column) for column in columns]
        kinds = [column.type for column in columns]
        known = columns and all(is_row_key_type(kind, dialect) for kind in kinds)
        row = row_key_of(kinds, values) if known else None
        if row is None:
            whole.append(tags.table(name))
        else:
            table_tag = tags.table(name)
            whole += seen.depend_on_rows(table_tag, [tags.row(table_tag, row)])
    for attribute in cast(list[Any], mapper.column_attrs):
        if attribute.key in state.dict:
            for expression in cast(list[Any], attribute.columns):
                if not isinstance(expression, sa.Column):
                    # Including tables of subqueries.
                    whole += [_tag(table, tags, default) for table in find_tables(expression)]
    for relationship in mapper.relationships:
        if relationship.key in state.dict:
            whole += depend_on_relationship(seen, state, relationship, tracking, stood.get(tracking.cache.store, ()))
    seen.depend(whole)
    return whole


def _tag(table: Any, tags: Tags, default: str | None) -> str:
    return tags.table(table_name(table.schema, table.name, default))


def _related(value: Any) -> list[InstanceState[Any]]:
    if value is None:
        return []
    members: Any
    if isinstance(value, dict):
        members = value.values()
    elif hasattr(value, "__iter__"):
        members = value
    else:
        members = (value,)
    states = (sa.inspect(member, raiseerr=False) for member in members)
    return [state for state in states if isinstance(state, InstanceState)]
