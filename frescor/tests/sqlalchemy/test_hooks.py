"""Where SQLAlchemy calls Frescor, what that leaves behind, and what it costs."""

import gc
import itertools
import sys
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from frescor import Cache
from frescor.sqlalchemy import Tracking, outbox_table, track
from frescor.sqlalchemy._engine.hooks import copy_without_hooks
from frescor.sqlalchemy._slices.declared import DeclaredSlices
from frescor.sqlalchemy._tracking.tracking import DATABASES
from shop import Base, Customer, Shop


def test_a_dialect_is_as_before_once_its_engine_is_not_tracked(
    database_url: str, tracker: Callable[..., Tracking]
) -> None:
    engine = sa.create_engine(database_url)
    before = {name: getattr(engine.dialect, name) for name in dir(sa.engine.default.DefaultDialect) if "do_" in name}
    contexts = engine.dialect.execution_ctx_cls
    tracking = tracker(engine)
    assert engine.dialect.do_commit != before["do_commit"]
    tracking.close()
    assert {name: getattr(engine.dialect, name) for name in before} == before
    assert engine.dialect.execution_ctx_cls is contexts
    engine.dispose()


def test_what_another_had_put_in_place_is_put_back(database_url: str, tracker: Callable[..., Tracking]) -> None:
    engine = sa.create_engine(database_url)
    seen: list[str] = []
    execute = engine.dialect.do_execute

    def theirs(cursor: Any, sql: str, parameters: Any, context: Any = None) -> None:
        seen.append(sql)
        execute(cursor, sql, parameters, context)

    engine.dialect.do_execute = theirs  # type: ignore[method-assign, assignment]
    tracking = tracker(engine)
    for _ in range(2):
        seen.clear()
        with engine.connect() as connection:
            assert connection.scalar(sa.text("SELECT 1")) == 1
        assert seen[-1] == "SELECT 1"
        tracking.close()
    assert engine.dialect.do_execute is theirs
    engine.dispose()


@pytest.mark.parametrize("name", ["do_execute", "do_executemany", "do_commit", "do_rollback"])
@pytest.mark.parametrize("on", ["instance", "class"])
def test_what_a_later_tool_puts_around_a_method_is_called_and_stays(
    name: str,
    on: str,
    engine: sa.Engine,
    tracked_cache: Cache,
    tracker: Callable[..., Tracking],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = Shop(engine, tracked_cache)
    assert shop.name(1) == "ana"
    seen: list[str] = []
    place: Any = engine.dialect if on == "instance" else type(engine.dialect)
    wrapped = getattr(place, name)

    def theirs(*given: Any, **named: Any) -> Any:
        seen.append(name)
        return wrapped(*given, **named)

    monkeypatch.setattr(place, name, theirs)

    def use() -> None:
        seen.clear()
        with engine.connect() as connection:
            rename = sa.update(Customer).where(Customer.id == sa.bindparam("which")).values(name=sa.bindparam("to"))
            connection.execute(rename, [{"which": 1, "to": "bia"}, {"which": 2, "to": "eva"}])
            connection.scalar(sa.text("SELECT :n"), {"n": 1})
            connection.commit()
            connection.scalar(sa.text("SELECT :n"), {"n": 1})
            connection.rollback()
        assert seen

    use()
    assert shop.name(1) == "bia"
    tracking = DATABASES[engine.dialect]
    tracking.close()
    if on == "instance":
        assert getattr(engine.dialect, name) is theirs
    use()
    again = tracker(engine)
    use()
    again.close()
    use()


def test_commits_invalidate_nothing_once_an_engine_is_not_tracked_though_a_tool_keeps_its_methods(
    engine: sa.Engine, tracked_cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(engine, tracked_cache)
    assert shop.name(1) == "ana"
    for name in ("do_execute", "do_commit", "do_rollback"):
        ours = getattr(engine.dialect, name)
        monkeypatch.setattr(engine.dialect, name, lambda *given, ours=ours: ours(*given))
    DATABASES[engine.dialect].close()
    with engine.begin() as connection:
        connection.execute(sa.update(Customer).values(name="unseen"))
    assert shop.name(1) == "ana"


def test_a_copy_without_hooks_tells_nobody(engine: sa.Engine, tracked_cache: Cache) -> None:
    shop = Shop(engine, tracked_cache)
    assert shop.name(1) == "ana"
    copied = sa.Engine(engine.pool, copy_without_hooks(engine.dialect), engine.url)
    with copied.begin() as connection:
        connection.execute(sa.update(Customer).values(name="unseen"))
    assert shop.name(1) == "ana"
    shop.rename(1, "bia")
    assert shop.name(1) == "bia"


def test_an_engine_that_is_tracked_has_no_events_for_its_connections(engine: sa.Engine) -> None:
    assert not engine._has_events


def calls_of(function: Callable[[], object]) -> int:
    """How many functions of Python a call makes, in this thread: the least of five, since an answer that comes in two
    pieces is read by one call more."""
    return min(_calls_of(function) for _ in range(5))


def _calls_of(function: Callable[[], object]) -> int:
    count = 0

    def counted(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    gc.disable()
    sys.setprofile(counted)
    try:
        function()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


@pytest.mark.unwatched
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_a_writing_transaction_costs_in_calls(database_url: str, tracked_cache: Cache) -> None:
    plain, tracked = sa.create_engine(database_url), sa.create_engine(database_url)
    metadata = sa.MetaData()
    outbox_table(metadata)
    metadata.create_all(plain)
    Base.metadata.create_all(plain)
    with orm.Session(plain) as session, session.begin():
        session.add(Customer(id=1, name="ana"))
    tracking = track(tracked, tracked_cache)

    def rename(engine: sa.Engine, name: str) -> None:
        with orm.Session(engine) as session, session.begin():
            session.get_one(Customer, 1).name = name

    for name in ("a", "b", "c"):
        rename(plain, name)
        rename(tracked, name * 2)
    # Each time another name, which the ORM would not write otherwise.
    names = map(str, itertools.count())
    without, ours = calls_of(lambda: rename(plain, next(names))), calls_of(lambda: rename(tracked, next(names)))
    tracking.close()
    plain.dispose()
    tracked.dispose()
    # 111 on Python 3.11; what is inlined differs from version to version.
    assert ours - without <= 113, f"{ours} calls beside {without}"


@pytest.mark.unwatched
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_three_slice_columns_cost_in_calls(database_url: str, tracked_cache: Cache) -> None:
    engine = sa.create_engine(database_url)
    metadata = sa.MetaData()
    columns = [sa.Column(name, sa.Integer, info={"slice": "value"}) for name in ("one", "two", "three")]
    table = sa.Table("part", metadata, sa.Column("id", sa.Integer, primary_key=True), *columns)
    table.append_column(sa.Column("size", sa.Integer))
    outbox_table(metadata)
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(table.insert(), {"id": 1, "one": 1, "two": 2, "three": 3, "size": 0})

    def change(size: int) -> None:
        with engine.begin() as connection:
            connection.execute(sa.update(table).where(table.c.id == 1).values(size=size))

    calls = {}
    every: tuple[DeclaredSlices | None, ...] = (None, {})
    for slices in every:
        tracking = track(engine, tracked_cache, slices=slices)
        for size in (1, 2, 3):
            change(size)
        calls[slices is not None] = calls_of(lambda: change(4))
        if slices is not None:
            assert sum("=" in tag for tag in tracking.last_write()) == 3
        tracking.close()
    engine.dispose()
    # 25 on Python 3.11.
    assert calls[True] - calls[False] <= 30, calls
