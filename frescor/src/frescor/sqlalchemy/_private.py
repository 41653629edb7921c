"""The private parts of SQLAlchemy that Frescor uses, in one place; checked when `frescor.sqlalchemy` is imported.

No other module of Frescor names any. Where one overrides methods of SQLAlchemy (of the compiler or an execution),
`overrides` checks that they still exist, because SQLAlchemy would never call a method that overrides nothing.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from importlib import import_module
from operator import attrgetter, methodcaller
from types import FunctionType
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.engine import cursor, default
from sqlalchemy.ext import compiler as own_rules
from sqlalchemy.orm import base, identity, loading
from sqlalchemy.orm.state import InstanceState
from sqlalchemy.pool import base as pool
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import Delete, Insert, Update, UpdateBase

from frescor.errors import CacheError

C = TypeVar("C", bound=type)

# Methods of the compiler that SQLAlchemy 2.0 has not: there nothing calls them.
SINCE_2_1 = ("visit_tstring",) if sa.__version__.startswith("2.0.") else ()

SUPPORTED = "SQLAlchemy>=2.0.44,<2.2"


def require(owner: object, *names: str) -> None:
    """Raise CacheError unless SQLAlchemy still has these attributes."""
    missing = ", ".join(name for name in names if not hasattr(owner, name))
    if missing:
        where = getattr(owner, "__qualname__", None) or getattr(owner, "__name__", repr(owner))
        raise CacheError(
            f"Frescor works with {SUPPORTED}; in SQLAlchemy {sa.__version__} {where} has no {missing}, without which "
            f"reads or writes would go unseen: pip install '{SUPPORTED}', or a newer Frescor."
        )


def overrides(*own: str) -> Callable[[C], C]:
    """A decorator for a class that overrides SQLAlchemy's methods: raises CacheError for a method that overrides
    nothing. `own`: methods that are new."""

    def check(found: C) -> C:
        names = [
            name
            for name, value in vars(found).items()
            if name not in own and (isinstance(value, FunctionType) or name.startswith("_"))
        ]
        require(found.__mro__[1], *(name for name in names if not name.startswith("__")))
        return found

    return check


# SQLAlchemy 2.0 calls it WeakInstanceDict.
_IDENTITY_MAP = "_WeakInstanceDict" if hasattr(identity, "_WeakInstanceDict") else "WeakInstanceDict"
require(identity, _IDENTITY_MAP)
# The map of a session's objects.
IdentityMap: Any = getattr(identity, _IDENTITY_MAP)
require(IdentityMap, "get", "__getitem__", "fast_get_state", "values", "items", "all_states")
require(InstanceState, "runid", "expired", "modified")
require(loading, "_new_runid")
# Its package has a function of the module's name.
mapper = import_module("sqlalchemy.orm.mapper")
require(mapper, "_all_registries")
require(pool, "_AdhocProxiedConnection")
require(cursor, "_NO_CURSOR_DML")
require(own_rules, "_dispatcher")
require(sa.Select, "_compiler_dispatch")
require(orm.Session, "_is_clean")
require(default.DefaultDialect, "_has_events", "_deliver_insertmanyvalues_batches")
require(
    default.DefaultExecutionContext, "_setup_result_proxy", "_expanded_parameters", "_rowcount", "cursor_fetch_strategy"
)
require(SQLCompiler, "compile_state")
require(UpdateBase, "_returning", "_independent_ctes")
require(Insert, "_post_values_clause", "_prefixes", "_multi_values", "_values")
require(Update, "_where_criteria", "_prefixes", "_multi_values", "_values")
require(Delete, "_where_criteria")

if (base.DEFAULT_STATE_ATTR, base.DEFAULT_MANAGER_ATTR) != ("_sa_instance_state", "_sa_class_manager"):
    # By these names Frescor's core, which does not import SQLAlchemy, recognises ORM objects and refuses them as
    # values.
    require(base, "'_sa_instance_state'")

# The number that every ORM query gets; a connection outside of the pool.
new_runid: Callable[[], int] = loading._new_runid
AdhocProxiedConnection = pool._AdhocProxiedConnection
# Compiles a construct by the rules of `@compiles`.
OwnRules = own_rules._dispatcher

# Called for every statement or before every hit: implemented in C, without a Python frame.
runid_of: Callable[[InstanceState[Any]], int | None] = attrgetter("runid")
is_clean: Callable[[orm.Session], bool] = methodcaller("_is_clean")
# False for the queries by which a dialect learns about its server.
begins_by_itself: Callable[[sa.Connection], bool] = attrgetter("_allow_autobegin")
# The isolation level that the engine was created with; None if none was given.
level_on_connect: Callable[[sa.Dialect], Any] = attrgetter("_on_connect_isolation_level")
where_criteria: Callable[[Update | Delete], tuple[Any, ...]] = attrgetter("_where_criteria")
prefixes: Callable[[Insert | Update], tuple[Any, ...]] = attrgetter("_prefixes")
multi_values: Callable[[Insert | Update], tuple[Any, ...]] = attrgetter("_multi_values")
post_values_clause: Callable[[Insert], object] = attrgetter("_post_values_clause")
independent_ctes: Callable[[UpdateBase], tuple[Any, ...]] = attrgetter("_independent_ctes")
returning_of: Callable[[UpdateBase], tuple[Any, ...]] = attrgetter("_returning")
compile_state_of: Callable[[SQLCompiler], Any] = attrgetter("compile_state")
# The parameters into which the list of each IN was expanded, by the list's own name; None or empty without one.
spread_parameters: Callable[[Any], dict[str, list[str]] | None] = attrgetter("_expanded_parameters")


def values_of(statement: Insert | Update) -> dict[Any, Any]:
    """The values given to a statement's `values`, by column or by name."""
    return dict(statement._values or ())


def mapped_metadata() -> Collection[sa.MetaData]:
    """The metadata of all mapped classes."""
    return {registry.metadata for registry in mapper._all_registries()}


def is_written_by_itself(select: type) -> bool:
    """Whether a subclass of Select has rules of its own for its text (by `@compiles`, or for a compiler's method of its
    own), or gives out other conditions or tables than those in its text."""
    own: Any = select
    return (
        own._compiler_dispatch is not sa.Select._compiler_dispatch
        or own.get_final_froms is not sa.Select.get_final_froms
        or own.whereclause is not sa.Select.whereclause
    )


def has_more_tables(compiled: SQLCompiler) -> bool:
    """Whether an UPDATE or DELETE names more tables than the one that it changes."""
    state = compile_state_of(compiled)
    # Only these two kinds of statement have these attributes.
    return bool(getattr(state, "_extra_froms", None) or getattr(state, "is_multitable", None))


def executions_of(execution: Any) -> Sequence[Mapping[str, Any]]:
    """The parameters of each execution of a statement; of one that came as the driver's text, by their places."""
    if execution.compiled is not None:
        found: Sequence[Mapping[str, Any]] = execution.compiled_parameters
        return found
    given = execution.parameters
    return [one if isinstance(one, dict) else {str(place): value for place, value in enumerate(one)} for one in given]


def expect_no_rows(execution: Any, changed: int) -> None:
    """Let an execution fetch nothing from its cursor, and report this many changed rows."""
    execution.cursor_fetch_strategy = cursor._NO_CURSOR_DML
    execution._rowcount = changed


def silence(dialect: sa.Dialect) -> None:
    """Hide this dialect's own events from all listeners."""
    dialect.__dict__["_has_events"] = False


# `_has_events` is not checked: in SQLAlchemy 2.1.0 each connection takes it from its engine, and no class has it.
@overrides("_has_events")
class _UnheardConnection(sa.Connection):
    _has_events = False


@overrides()
class UnheardEngine(sa.Engine):
    """An engine for Frescor's own statements. No listener of the application is called for them, not even one for all
    engines, and they are not logged."""

    _has_events = False
    _connection_cls = _UnheardConnection

    def _should_log_info(self) -> bool:
        return False

    def _should_log_debug(self) -> bool:
        return False


def telling_of_inserts(contexts: type, given: Callable[[Any], None], told: Callable[[Any], None]) -> type:
    """A class for a dialect's executions. `given` is called before listeners, if there are any; `told` after an INSERT,
    once the keys of its rows are known."""

    @overrides()
    class Telling(contexts):  # type: ignore[misc]  # one subclass for each dialect
        def pre_exec(self) -> None:
            super().pre_exec()
            connection = self.root_connection
            if connection._has_events or connection.engine._has_events:
                given(self)

        def _setup_result_proxy(self) -> Any:
            result = super()._setup_result_proxy()
            if self.isinsert:
                told(self)
            return result

    return Telling
