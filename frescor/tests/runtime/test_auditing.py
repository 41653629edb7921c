"""Audits: what is reported, what a write explains, and what they cost."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from readings import told
from unsteady import NOW, UnsteadyStore, engine_on

from frescor import Cache, Event, Policy, PolicyError
from frescor._plan import Arrive, Request, Verdict, audit
from frescor._protocol.commands import UNAVAILABLE, Invalidate, Loaded, Pause, Raised, Read, Reading
from frescor._runtime.arrival import again, arrive
from frescor._runtime.auditing import MOST_AUDITS, Auditor
from frescor._values.codec import Codec
from frescor._values.shapes import policy_shape
from frescor._values.tags import entry_tags
from frescor.testing import PrivateServer
from waiting import until

POLICY = Policy(name="p", expire=60, tags=("t",), early=False)


@pytest.fixture
def cache() -> Iterator[Cache]:
    with Cache.from_url("memory://", "audited", auditing=1) as cache:
        auditor = cache._engine.auditor
        assert auditor is not None
        auditor.settles = 0.01
        yield cache


def audits(cache: Cache, count: int) -> bool:
    auditor = cache._engine.auditor
    assert auditor is not None
    return bool(until(lambda: cache.stats()["p"].audited >= count and not auditor._running))


def mismatches(cache: Cache) -> list[Event]:
    found: list[Event] = []
    cache.on_mismatch(found.append)
    return found


def test_a_value_that_changed_and_was_not_invalidated_is_reported_with_what_it_depends_on(
    cache: Cache, caplog: pytest.LogCaptureFixture
) -> None:
    found = mismatches(cache)
    row = {"secret": "old"}

    @cache.cached(POLICY, name="of_row")
    def of_row(number: int) -> dict[str, str]:
        return dict(row)

    of_row(7)
    row["secret"] = "new"
    assert of_row(7) == {"secret": "old"}
    assert until(lambda: bool(found))
    assert audits(cache, 1)
    (event,) = found
    assert (event.policy, event.function, event.key, event.tags, event.how) == (
        "p",
        "of_row",
        of_row.key(7),
        ("t",),
        "hits",
    )
    assert cache.stats()["p"].mismatches == 1
    (line,) = [message for message in caplog.messages if "audit" in message]
    for part in ("of_row (policy p, key ", "s old", "(t)", "cache.explain"):
        assert part in line
    assert "old" not in line.replace("s old", "")
    assert "new" not in line
    # Nothing was mended behind the application's back.
    assert of_row(7) == {"secret": "old"}


def test_an_equal_value_is_counted_and_nothing_is_said(cache: Cache, caplog: pytest.LogCaptureFixture) -> None:
    found = mismatches(cache)

    @cache.cached(POLICY)
    def value() -> dict[str, float]:
        return {"nan": float("nan"), "one": 1.0}

    value()
    value()
    assert audits(cache, 1)
    assert (found, cache.stats()["p"].mismatches, caplog.messages) == ([], 0, [])


def test_coroutine_functions_are_audited_too(cache: Cache) -> None:
    found = mismatches(cache)
    runs: list[int] = []

    @cache.cached(POLICY)
    async def value() -> int:
        runs.append(1)
        return len(runs)

    async def main() -> None:
        await value()
        await value()
        for _ in range(500):
            if found:
                break
            await asyncio.sleep(0.01)
        await cache.aio.close()

    asyncio.run(main())
    assert len(found) == 1
    assert cache.stats()["p"].mismatches == 1


def test_a_copy_in_this_process_is_audited_as_it_is() -> None:
    with PrivateServer() as server, Cache.from_url(server.url, "audited", auditing=1) as cache:
        auditor, listener = cache._engine.auditor, cache._engine.listener
        assert auditor is not None
        assert listener is not None
        auditor.settles = 0.01
        found = mismatches(cache)
        runs: list[int] = []

        @cache.cached(POLICY)
        def value() -> int:
            runs.append(1)
            return len(runs)

        value()
        assert listener.await_alive(10)
        assert until(lambda: bool(value()) and any(event.how == "local" for event in found))


def test_a_load_that_is_audited_is_told_as_such_and_stores_nothing(cache: Cache) -> None:
    loads: list[Event] = []
    cache.on_load(loads.append)
    runs: list[int] = []

    @cache.cached(POLICY)
    def value() -> int:
        runs.append(1)
        return len(runs)

    value()
    assert value() == 1
    assert until(lambda: len(loads) == 2)
    assert [event.how for event in loads] == ["call", "audit"]
    assert audits(cache, 1)
    assert value() == 1


def test_so_many_run_at_a_time_and_no_more(cache: Cache) -> None:
    go, running = threading.Event(), []

    @cache.cached(POLICY)
    def value() -> int:
        running.append(1)
        assert len(running) == 1 or go.wait(10)
        return 1

    value()
    for _ in range(10):
        value()
    assert until(lambda: len(running) == 1 + MOST_AUDITS)
    go.set()
    assert audits(cache, MOST_AUDITS)
    assert len(running) == 1 + MOST_AUDITS


def test_a_part_of_hits_is_drawn_and_the_one_that_was_drawn_is_taken() -> None:
    dice = iter([0.5, 0.05, 0.5, 0.05])
    auditor = Auditor(0.1, lambda low, high: next(dice))
    assert [auditor.draw(), auditor.takes()] == [False, True]
    auditor.ended()
    assert auditor.draw() is False
    assert auditor.draw() is True
    # Without another draw.
    assert auditor.takes() is True


@pytest.mark.parametrize("rate", [-0.1, 1.1, True, "0.1"])
def test_what_is_no_part_is_refused(rate: Any) -> None:
    with pytest.raises(PolicyError, match=r"from 0 to 1, such as 0\.001"):
        Cache.from_url("memory://", "audited", auditing=rate)


def test_without_auditing_nothing_is_asked() -> None:
    with Cache.from_url("memory://", "audited") as cache:
        assert cache._engine.detour is None


# -- the plan, step by step ------------------------------------------------------------------------------------------

TAGS = entry_tags("p:k", ("t",))
OLD = dict.fromkeys(TAGS, 10)
CODEC = Codec()
ONE, TWO = (Loaded(CODEC.encode(number), 1, 1, int(NOW * 1e6)) for number in (1, 2))


def audited(*answers: object) -> tuple[list[object], Verdict]:
    """What an audit of an entry asks, which holds 1 as of 100, and what it comes to."""
    store = UnsteadyStore()
    engine = engine_on(store)
    Cache(engine).get_or_load("p:k", lambda: 1, POLICY)
    data = engine.store.perform(Read(("p:k",), ()))
    request: Request = arrive(engine, Arrive("p:k", TAGS, POLICY, CODEC, policy_shape("p", 1)))
    reading = Reading(data.entries, OLD)
    asked, finding = told(audit(engine.process, again(engine, request, audits=True), None, 5.0), reading, *answers)
    return asked, finding.verdict


READ_AGAIN = Reading([], OLD)


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ([READ_AGAIN, ONE], Verdict.SAME),
        ([READ_AGAIN, TWO, 0.0, READ_AGAIN], Verdict.DIFFERS),
        # The write whose data the load saw raises its tags while the audit waits.
        ([READ_AGAIN, TWO, 0.0, Reading([], OLD | {"=t": 11})], Verdict.UNKNOWN),
        ([READ_AGAIN, TWO, 0.0, Reading([], OLD | {"=t": None})], Verdict.UNKNOWN),
        ([READ_AGAIN, TWO, 0.0, UNAVAILABLE], Verdict.UNKNOWN),
        # It was raised between the hit and the audit.
        ([Reading([], OLD | {"=t": int(NOW * 1e6) + 9})], Verdict.UNKNOWN),
        ([Reading([], OLD | {"=t": None})], Verdict.UNKNOWN),
        ([UNAVAILABLE], Verdict.UNKNOWN),
        ([READ_AGAIN, Raised(LookupError(), 1)], Verdict.UNKNOWN),
        ([READ_AGAIN, Loaded(TWO.payload, 1, 1, 0, private=True)], Verdict.UNKNOWN),
        ([READ_AGAIN, Loaded(TWO.payload, 1, 1, 0, as_of=5)], Verdict.UNKNOWN),
    ],
)
def test_a_difference_is_reported_only_if_no_write_explains_it(answers: list[object], verdict: Verdict) -> None:
    asked, found = audited(*answers)
    assert found is verdict
    # It waits for what a write may still have to do before it says so.
    assert (Pause(5.0) in asked) is (len(answers) > 2)


def copy_audited(meanwhile: Callable[[Any], None]) -> Verdict:
    """An audit of a copy whose tag was raised on the server, with this done while it waits."""
    store = UnsteadyStore()
    engine = engine_on(store, local_bytes=1 << 20)
    store.namespace = "audited"
    local = engine.local
    local._admission.max_bytes = 1 << 20
    local.alive_until = float("inf")
    cache = Cache(engine)
    for _ in range(2):
        cache.get_or_load("p:k", lambda: 1, POLICY)
    copy = local.get("p:k")
    assert copy is not None
    store.perform(Invalidate(("=t",)))
    request = arrive(engine, Arrive("p:k", TAGS, POLICY, CODEC, policy_shape("p", 1)))
    steps = audit(engine.process, again(engine, request, audits=True), copy, 5.0)
    reading = store.perform(next(steps))  # type: ignore[arg-type]
    assert steps.send(reading) == Pause(5.0)
    meanwhile(local)
    with pytest.raises(StopIteration) as ended:
        steps.send(5.0)
    verdict: Verdict = ended.value.value.verdict
    return verdict


def test_a_copy_that_is_used_long_after_its_tag_was_raised_is_reported_and_one_whose_push_came_is_not() -> None:
    assert copy_audited(lambda local: None) is Verdict.DIFFERS
    assert copy_audited(lambda local: local.drop(tags=("=t",))) is Verdict.UNKNOWN
