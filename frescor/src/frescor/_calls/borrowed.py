"""Arguments that belong to a request or a transaction: sessions and connections, requests, mapped instances.

A SQLAlchemy session or connection is identified in a key by the database that it reads, which its engine stands for. A
mapped instance is identified by its primary key. Only the caller's thread or task may use them, so no background load
is run with them.

SQLAlchemy is not imported here: its objects are recognised by the names of their classes, and queried by their public
methods.
"""

import functools
import secrets
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

Kind = Literal["session", "connection", "engine", "factory", "request", "proxy", "instance", "resource"]

_KINDS: dict[str, Kind] = {
    "sqlalchemy.orm.session.Session": "session",
    "sqlalchemy.orm.scoping.scoped_session": "session",
    "sqlalchemy.ext.asyncio.session.AsyncSession": "session",
    "sqlalchemy.ext.asyncio.scoping.async_scoped_session": "session",
    "sqlalchemy.engine.base.Connection": "connection",
    "sqlalchemy.ext.asyncio.engine.AsyncConnection": "connection",
    "sqlalchemy.engine.base.Engine": "engine",
    "sqlalchemy.ext.asyncio.engine.AsyncEngine": "engine",
    "sqlalchemy.orm.session.sessionmaker": "factory",
    "sqlalchemy.ext.asyncio.session.async_sessionmaker": "factory",
    "werkzeug.sansio.request.Request": "request",
    "starlette.requests.HTTPConnection": "request",
    "django.http.request.HttpRequest": "request",
    "aiohttp.web_request.BaseRequest": "request",
    "werkzeug.local.LocalProxy": "proxy",
    "sqlite3.Connection": "resource",
    "sqlite3.Cursor": "resource",
    "psycopg._connection_base.BaseConnection": "resource",
    "psycopg2.extensions.connection": "resource",
    "asyncpg.connection.Connection": "resource",
    "_io._IOBase": "resource",
    # Its dependencies' sessions are closed with it.
    "frescor.asgi.endpoint.EndpointCall": "resource",
}
_FOUND: "weakref.WeakKeyDictionary[type, Kind | None]" = weakref.WeakKeyDictionary()
_SCALARS = frozenset({int, str, bytes, bool, float, type(None)})
# Enough for a service that holds a repository that holds a session.
_DEEPEST = 4
_WITH_ENGINE = frozenset({"session", "connection", "engine", "factory"})
# The key in a session's `info` under which tracking keeps references to the connections that it has begun to use.
CONNECTIONS = "frescor_connections"


def kind_of(cls: type) -> Kind | None:
    """What an instance of a class is, if it belongs to a request or a transaction; else None."""
    try:
        return _FOUND[cls]
    except KeyError:
        kind = _FOUND[cls] = _look_up(cls)
        return kind


def _look_up(cls: type) -> Kind | None:
    for base in cls.__mro__:
        kind = _KINDS.get(f"{base.__module__}.{base.__qualname__}")
        if kind is not None:
            return kind
    return "instance" if hasattr(cls, "__mapper__") and hasattr(cls, "_sa_class_manager") else None


def is_borrowed(values: Iterable[object]) -> bool:
    """Whether any of these values, or anything they hold, may only be used by the caller's thread or task."""
    return any(kind_of(type(value)) in ("session", "connection", "instance", "resource") for value in _within(values))


def arguments_of(loader: object) -> tuple[object, ...]:
    """The arguments that a cached function's call gives its loader."""
    return (*loader.args, *loader.keywords.values()) if isinstance(loader, functools.partial) else ()


def _within(values: Iterable[object], depth: int = 0) -> Iterator[object]:
    """Some values, with what is in their containers and their fields."""
    for value in values:
        kind = type(value)
        if kind in _SCALARS:
            continue
        yield value
        if depth < _DEEPEST and not isinstance(value, type) and kind_of(kind) is None:
            if isinstance(value, Mapping):
                yield from _within(value.values(), depth + 1)
            elif isinstance(value, list | tuple | set | frozenset):
                yield from _within(value, depth + 1)
            elif fields := getattr(value, "__dict__", None) or getattr(kind, "__slots__", ()):
                yield from _within([getattr(value, name, None) for name in (*fields,)], depth + 1)


def stand_in(value: Any) -> tuple[object, ...] | None:
    """What identifies a value in a key, as values with an identity of their own; None if nothing does."""
    kind = kind_of(type(value))
    if kind in _WITH_ENGINE:
        return _database(value, kind)
    if kind == "instance":
        state = value._sa_instance_state
        if state.key is None or state.session is None:
            return None
        database = _database_of_session(state.session, type(value))
        return None if database is None else (type(value), *state.key[1:], database)
    return None


def why_without_identity(value: object, name: str) -> str | None:
    """Why a value cannot be the argument of this name, and what to write instead; None for a value of another kind."""
    cls = value if isinstance(value, type) else type(value)
    kind, where = kind_of(cls), f"a {cls.__module__}.{cls.__qualname__}"
    if kind == "request":
        return (
            f"{where}, a different one at each call, which has no identity by value: no two calls would be the same. "
            "Instead, take what the result depends on, such as page=request.args['page'] or the user's id; or, if it "
            f"depends on nothing of the request, ignore=({name!r},)."
        )
    if kind == "proxy":
        return (
            f"{where}, which stands for another object in each request and has no identity by value. Pass what the "
            f"result depends on, such as current_user.id; or, if it does not depend on it, ignore=({name!r},)."
        )
    if kind == "resource":
        return (
            f"{where}, which has no identity by value: no two calls would be the same. Let the function create or find "
            f"it itself, or declare that the result does not depend on it: ignore=({name!r},)."
        )
    if isinstance(value, type):
        return None
    if kind == "instance":
        how = "has not been stored yet" if value._sa_instance_state.key is None else "belongs to no session any more"  # type: ignore[attr-defined]  # of mapped instances
        return f"{where} that {how}: nothing tells when its content changes. Pass its id, and let the function load it."
    if kind in _WITH_ENGINE:
        return (
            f"{where} without one engine for all its classes, so that it does not tell which database the result comes "
            f"from. Give key={{{name!r}: …}}, a function of it that returns the database's name; or, if all of them "
            f"read the same databases, ignore=({name!r},)."
        )
    return None


# -- databases ---------------------------------------------------------------------------------------------------------

# By an engine's dialect, which an engine shares with those derived from it by execution options: the name that `track`
# gives its database.
_NAMES: "weakref.WeakKeyDictionary[Any, str]" = weakref.WeakKeyDictionary()
_ADDRESSES: "weakref.WeakKeyDictionary[Any, tuple[object, ...]]" = weakref.WeakKeyDictionary()
_IN_MEMORY: "weakref.WeakKeyDictionary[Any, bytes]" = weakref.WeakKeyDictionary()


def name_engine(dialect: object, name: str) -> None:
    """The database of this dialect's engine is tracked under this name, the same in all processes; empty: not
    tracked."""
    _NAMES[dialect] = name
    _ADDRESSES.clear()


def _database(value: Any, kind: Kind | None) -> tuple[object, ...] | None:
    if kind == "factory":
        bind = value.kw.get("bind")
        return None if bind is None else _database_of_bind(bind)
    if kind == "session":
        return _database_of_session(value, None)
    return _database_of_bind(value)


def _database_of_session(session: Any, cls: type | None) -> tuple[object, ...] | None:
    if hasattr(session, "registry") and callable(session.registry):
        session = session.registry()
    session = getattr(session, "sync_session", session)
    try:
        bind = session.get_bind() if cls is None else session.get_bind(cls)
    except sys.modules["sqlalchemy.exc"].UnboundExecutionError:
        return None
    begun = [found for reference in session.info.get(CONNECTIONS, ()) if (found := reference()) is not None]
    return _database_of_bind(bind, tuple([found for found in begun if not found.closed]))


def _database_of_bind(bind: Any, begun: tuple[Any, ...] = ()) -> tuple[object, ...]:
    """The database of an engine or connection: its name, and the schemas that its statements go to."""
    bind = getattr(bind, "sync_connection", None) or bind
    connection = None if bind is bind.engine else bind
    engine = getattr(bind.engine, "sync_engine", bind.engine)
    own = _translated(engine)
    if connection is not None and hasattr(connection, "get_execution_options"):
        begun += (connection,)
    # The engine's own map, unless a connection that has begun has another: beginning a connection changes no key.
    translated = next((other for one in begun if one.dialect is engine.dialect and (other := _translated(one))), own)
    return ("database", _address(engine), translated)


def _address(engine: Any) -> tuple[object, ...]:
    known = _ADDRESSES.get(engine)
    if known is not None:
        return known
    name, url = _NAMES.get(engine.dialect), engine.url
    if name:
        known = (name,)
    else:
        query = tuple(sorted((key, str(value)) for key, value in url.query.items()))
        if (not url.host and url.database in (None, "", ":memory:")) or "mode=memory" in f"{url.database}{query}":
            # Identified by its pool, which it shares with the engines derived from it.
            return (_IN_MEMORY.setdefault(engine.pool, secrets.token_bytes(16)),)
        # Without driver and password: the data is the same with another driver.
        known = (url.get_backend_name(), url.username, url.host, url.port, url.database, query)
    _ADDRESSES[engine] = known
    return known


def _translated(of: Any) -> tuple[tuple[str, str], ...]:
    """The map from the schemas that statements name to those that they go to."""
    found: Mapping[Any, Any] = of.get_execution_options().get("schema_translate_map") or {}
    return tuple(sorted((str(name), str(other)) for name, other in found.items()))


# -- mapped instances --------------------------------------------------------------------------------------------------

_TOLD: list[Callable[[object], None]] = []


def when_met(tell: Callable[[object], None]) -> None:
    """Call this with each mapped instance that is an argument of a load."""
    if tell not in _TOLD:
        _TOLD.append(tell)


def meet(values: Iterable[object]) -> None:
    """A load begins with these arguments: the content of mapped instances counts as read by it."""
    for value in _within(values) if _TOLD else ():
        if kind_of(type(value)) == "instance":
            for tell in _TOLD:
                tell(value)
