"""What is different within a context: a cache that is off, one in another's place, one value for repeated calls."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import orm
from unsteady import UnsteadyStore, engine_on

from frescor import MISS, Cache, PolicyError
from frescor._protocol.commands import Invalidate
from frescor._runtime.scope import Memo, kept
from frescor._values.codec import Codec
from frescor._values.shapes import policy_shape
from frescor.sqlalchemy import track
from frescor.testing import PrivateServer
from shop import Customer, Shop


@pytest.fixture(params=["memory", "server"])
def cache(request: pytest.FixtureRequest) -> Iterator[Cache]:
    if request.param == "memory":
        with Cache.from_url("memory://", "scope") as cache:
            yield cache
        return
    with PrivateServer() as server, Cache.from_url(server.url, "scope") as cache:
        yield cache


class Counted:
    def __init__(self, cache: Cache) -> None:
        self.runs = 0

        @cache.cached(expire=60, key_prefix="p", tags=("t",), early=False)
        def value(number: int) -> list[int]:
            self.runs += 1
            return [number, self.runs]

        self.value = value


def test_while_it_is_disabled_every_call_loads_and_nothing_is_kept(cache: Cache) -> None:
    counted = Counted(cache)
    assert counted.value(1) == [1, 1]
    cache.set("k", "before")
    with cache.disabled():
        assert [counted.value(1), counted.value(1)] == [[1, 2], [1, 3]]
        assert counted.value.many([(1,), (2,)]) == [[1, 4], [2, 5]]
        assert counted.value.peek(1) is MISS
        assert (cache.get("k"), cache.get_many("k")) == (None, {})
        found = cache.get_or_load_many(("a", "b"), lambda keys: dict.fromkeys(keys, 1), counted.value.policy)
        assert found == {"a": 1, "b": 1}
    assert counted.value(1) == [1, 1]
    assert cache.get("k") == "before"
    assert counted.value(2) == [2, 6]


def test_writes_invalidate_while_it_is_disabled(cache: Cache) -> None:
    counted = Counted(cache)
    for write in (
        lambda: cache.invalidate("t"),
        lambda: cache.invalidate_pattern("p:*"),
        lambda: counted.value.invalidate(1),
        lambda: counted.value.refresh(1),
        cache.clear_all,
    ):
        kept = counted.value(1)
        with cache.disabled():
            write()
        assert counted.value(1) != kept
    cache.set("k", "old")
    with cache.disabled():
        assert cache.set("k", "new") is False
    assert cache.get("k") is None


def test_a_value_that_cannot_be_kept_is_refused_while_it_is_disabled_too(cache: Cache) -> None:
    @cache.cached(expire=60, key_prefix="p")
    def value() -> object:
        return object()

    with cache.disabled(), pytest.raises(PolicyError):
        value()


def test_other_threads_keep_their_cache(cache: Cache) -> None:
    counted = Counted(cache)
    counted.value(1)
    with cache.disabled():
        thread = threading.Thread(target=counted.value, args=(1,))
        thread.start()
        thread.join(10)
        assert counted.runs == 1


def test_tasks_that_it_starts_have_none_and_tasks_beside_it_have(cache: Cache) -> None:
    runs = []

    @cache.cached(expire=60, key_prefix="p", early=False)
    async def value() -> int:
        runs.append(1)
        return len(runs)

    async def beside(inside: asyncio.Event, done: asyncio.Event) -> int:
        await inside.wait()
        found = await value()
        done.set()
        return found

    async def main() -> None:
        assert await value() == 1
        inside, done = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(beside(inside, done))
        with cache.disabled():
            inside.set()
            await done.wait()
            assert await task == 1
            assert await asyncio.create_task(value()) == 2
            assert set(await asyncio.gather(value(), value())) == {3, 4}
        assert await value() == 1
        await cache.aio.close()

    asyncio.run(main())


def test_a_load_around_it_depends_on_what_was_loaded_within(cache: Cache) -> None:
    counted = Counted(cache)

    @cache.cached(expire=60, key_prefix="outer", early=False)
    def outer() -> list[int]:
        with cache.disabled():
            return counted.value(1)

    assert outer() == outer()
    before = outer()
    cache.invalidate("t")
    assert outer() != before


def test_the_environment_switches_it_off_for_a_whole_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRESCOR_DISABLED", "1")
    with Cache.from_url("memory://", "scope") as cache:
        counted = Counted(cache)
        assert [counted.value(1), counted.value(1)] == [[1, 1], [1, 2]]
    with Cache.from_url("memory://", "scope", disabled=False) as cache:
        counted = Counted(cache)
        assert [counted.value(1), counted.value(1)] == [[1, 1], [1, 1]]
    monkeypatch.setenv("FRESCOR_DISABLED", "off")
    with Cache.from_url("memory://", "scope") as cache:
        assert cache.set("k", 1)
    monkeypatch.setenv("FRESCOR_DISABLED", "perhaps")
    with pytest.raises(PolicyError, match="FRESCOR_DISABLED is 1, so that nothing is cached, or 0"):
        Cache.from_url("memory://", "scope")


def test_all_that_is_done_with_a_cache_is_done_with_the_one_in_its_place(cache: Cache) -> None:
    counted = Counted(cache)
    counted.value(1)
    aio = cache.aio
    with Cache.from_url("memory://", "other") as other:
        with cache.replaced_by(other) as given:
            assert given is other
            assert [counted.value(1), counted.value(1)] == [[1, 2], [1, 2]]
            cache.set("k", 1)
            assert other.get("k") == 1
            assert asyncio.run(cache.aio.get("k")) == 1
            found: list[object] = []
            thread = threading.Thread(target=lambda: found.append(counted.value(1)))
            thread.start()
            thread.join(10)
            assert found == [[1, 2]]
        assert cache.get("k") is None
        assert counted.value(1) == [1, 1]
        assert cache.aio is aio


def test_it_is_put_back_when_the_test_fails(cache: Cache) -> None:
    engine = cache._engine
    with Cache.from_url("memory://", "other") as other, pytest.raises(LookupError), cache.replaced_by(other):
        raise LookupError("the test failed")
    assert cache._engine is engine


def test_a_disabled_process_asks_the_store_for_nothing_when_it_reads() -> None:
    program = (
        "from frescor import Cache\n"
        "cache = Cache.from_url('redis://127.0.0.1:1/0', 'scope')\n"
        "@cache.cached(expire=60, key_prefix='p')\n"
        "def value() -> int:\n    return 1\n"
        "assert [value(), cache.get('k')] == [1, None]\n"
        "assert cache._engine.listener is None or not cache._engine.pending\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={"FRESCOR_DISABLED": "1"}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_within_a_memo_a_call_returns_what_it_returned_before_without_the_store() -> None:
    store = UnsteadyStore()
    engine = engine_on(store)
    cache = Cache(engine)
    counted = Counted(cache)
    counted.value(1)
    with cache.memo():
        first = counted.value(1)
        store.asked.clear()
        assert counted.value(1) == first == [1, 1]
        assert store.asked == []
        first.append(7)
        assert counted.value(1) == [1, 1]
        engine.store.perform(Invalidate(("=t",)))  # another process
        assert counted.value(1) == [1, 1]
    assert counted.value(1) == [1, 2]
    assert counted.value(1) is not counted.value(1)


def test_a_write_within_a_memo_ends_what_it_keeps(cache: Cache) -> None:
    counted = Counted(cache)
    writes = (
        lambda: cache.invalidate("t"),
        lambda: cache.invalidate_pattern("p:*"),
        lambda: counted.value.invalidate(1),
        lambda: counted.value.refresh(1),
        lambda: asyncio.run(cache.aio.invalidate("t")),
        cache.clear_all,
    )
    with cache.memo():
        for write in writes:
            kept = counted.value(1)
            assert counted.value(1) == kept
            with cache.memo(), cache.disabled():
                write()
            assert counted.value(1) != kept


def test_what_was_looked_for_before_a_write_is_not_kept_after_it() -> None:
    memo, codec, shape = Memo(), Codec(), policy_shape("p", 1)
    mark = memo.mark()
    memo.clear()
    memo.keep(mark, "k", kept(1, codec, shape, ()))
    assert memo.get("k", shape) is None
    memo.keep(memo.mark(), "k", kept([1], codec, shape, ()))
    found = memo.get("k", shape)
    assert found is not None
    assert found.value() == [1]
    assert found.value() is not found.value()
    assert memo.get("k", policy_shape("q", 1)) is None


def test_a_memo_answers_no_load_no_strict_policy_and_nothing_that_is_not_kept(cache: Cache) -> None:
    counted = Counted(cache)
    runs: list[str] = []

    @cache.cached(expire=60, key_prefix="strict", strict=True, tags=("t",))
    def strict() -> int:
        runs.append("strict")
        return len(runs)

    @cache.cached(expire=60, key_prefix="unkept", store_if=lambda _: False)
    def unkept() -> int:
        runs.append("unkept")
        return len(runs)

    @cache.cached(expire=60, key_prefix="outer")
    def outer() -> list[int]:
        return counted.value(1)

    with cache.memo():
        before = strict(), unkept(), counted.value(1)
        cache.store.perform(Invalidate(("=t",)))
        assert strict() != before[0]
        assert unkept() != before[1]
        # Its value is stored, and is to be as new as it says.
        assert outer() != before[2]


def test_threads_and_tasks_of_a_memo_share_it_and_others_do_not(cache: Cache) -> None:
    counted = Counted(cache)

    async def main() -> None:
        with cache.memo():
            kept = counted.value(1)
            cache.store.perform(Invalidate(("=t",)))
            assert await asyncio.to_thread(counted.value, 1) == kept
            await asyncio.to_thread(cache.invalidate, "t")
            assert counted.value(1) != kept
            found: list[object] = []
            cache.store.perform(Invalidate(("=t",)))
            thread = threading.Thread(target=lambda: found.append(counted.value(1)))
            thread.start()
            thread.join(10)
            assert found != [counted.value(1)]

    asyncio.run(main())


def test_hits_on_a_memo_are_counted_and_told(cache: Cache) -> None:
    counted = Counted(cache)
    with cache.memo(), cache.recording() as calls:
        counted.value(1)
        counted.value(1)
    assert [(event.kind, event.how) for event in calls.events][-1] == ("hit", "memo")
    assert calls.hits("p") == 1


def test_commits_of_a_tracked_database_end_a_memo_and_a_dirty_transaction_goes_past_it(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'shop.db'}")
    with Cache.from_url("memory://", "shop") as cache:
        tracking = track(engine, cache)
        shop = Shop(engine, cache)
        with cache.memo():
            assert shop.name(1) == "ana"
            with orm.Session(engine) as session:
                shop.session = session
                session.execute(sa.update(Customer).where(Customer.id == 1).values(name="eva"))
                assert shop.name(1) == "eva"
                session.rollback()
                shop.session = None
            assert shop.name(1) == "ana"
            shop.rename(1, "ada")
            assert shop.name(1) == "ada"
        tracking.close()
    engine.dispose()
