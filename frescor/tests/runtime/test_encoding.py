"""What becomes of values on their way to the store."""

import datetime as dt

import pytest
from unsteady import UnsteadyStore, engine_on

from frescor import Policy, PolicyError
from frescor._calls.loading import CurrentLoad
from frescor._plan import Arrive, Request
from frescor._protocol.commands import Loaded, Raised
from frescor._runtime.arrival import arrive
from frescor._runtime.encoding import entries, loaded
from frescor._runtime.engine import Engine
from frescor._values.codec import Codec
from frescor._values.tags import entry_tags

PLAIN = Codec()


@pytest.fixture
def engine() -> Engine:
    return engine_on(UnsteadyStore(), largest_value=64)


def counted(engine: Engine) -> dict[str, int]:
    return engine.reporter._counters.take()


def requests(engine: Engine, policy: Policy, *keys: str) -> dict[str, Request]:
    return {key: arrive(engine, Arrive(key, entry_tags(key, ()), policy, PLAIN)) for key in keys}


def only(engine: Engine, value: object, policy: Policy | None = None, load: CurrentLoad | None = None) -> Loaded:
    asked = requests(engine, policy or Policy(name="p", expire=60), "p:k")
    found = loaded(engine, {"p:k": value}, load or CurrentLoad(), asked, began=3, cost=0.5)
    assert isinstance(found, dict)
    return found["p:k"]


def test_a_brought_value_is_an_entry_with_the_tags_of_its_key_and_its_own(engine: Engine) -> None:
    found, ttl_ms, refused = entries(engine, {"a:b": 1, "c": None}, dt.timedelta(seconds=2), ("t",), PLAIN)
    assert (ttl_ms, refused) == (2000, ())
    assert {key: tags for key, (_, tags) in found.items()} == {key: entry_tags(key, ("t",)) for key in ("a:b", "c")}
    entry = engine.packing.unpack("a:b", found["a:b"][0])
    assert (entry.by_caller, entry.fresh_until, entry.payload) == (True, engine.now() + 2_000_000, PLAIN.encode(1))


def test_a_brought_value_that_is_too_large_is_named_counted_and_said_once(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        found, _, refused = entries(engine, {"k": "x" * 100, "small": 1}, 1, (), PLAIN)
        assert (set(found), refused) == ({"small"}, ("k",))
    assert counted(engine)["too_large|(keys)"] == 2
    assert len(caplog.messages) == 1
    assert "largest_value is 64" in caplog.messages[0]


@pytest.mark.parametrize(("key", "expire", "tags"), [("a::b", 1, ()), ("k", 0, ()), ("k", 1, ("",)), ("k", 1, "a tag")])
def test_what_cannot_be_a_key_a_time_or_tags_is_refused(engine: Engine, key: str, expire: int, tags: object) -> None:
    with pytest.raises(PolicyError):
        entries(engine, {key: 1}, expire, tags, PLAIN)  # type: ignore[arg-type]  # it is what is tested


def test_a_loaded_value_comes_with_when_it_was_loaded_and_what_that_took(engine: Engine) -> None:
    found = only(engine, 7)
    assert (found.payload, found.began, found.cost, found.now) == (PLAIN.encode(7), 3, 500_000, engine.now())
    assert (found.ttl_ms, found.private, found.as_of, found.tags) == (None, False, None, ())


def test_what_the_loader_said_of_it_goes_along(engine: Engine) -> None:
    load = CurrentLoad()
    load.expire(5)
    load.depends_on("row:1")
    load.is_as_of(77)
    load.keep_private()
    found = only(engine, 7, load=load)
    assert (found.ttl_ms, found.private, found.as_of, found.tags) == (5000, True, 77, load.store_tags)
    load.do_not_store()
    assert only(engine, 7, load=load).ttl_ms == 0


@pytest.mark.parametrize(("none_expire", "ttl_ms"), [(None, None), (0, 0), (2, 2000)])
def test_nothing_found_lives_as_long_as_the_policy_says_of_that(
    engine: Engine, none_expire: float | None, ttl_ms: int | None
) -> None:
    policy = Policy(name="p", expire=60, none_expire=none_expire)
    assert only(engine, None, policy).ttl_ms == ttl_ms
    assert only(engine, 0, policy).ttl_ms is None


def test_a_loaded_value_that_is_too_large_is_for_its_waiters_alone(engine: Engine) -> None:
    found = only(engine, "x" * 100)
    assert (found.ttl_ms, found.payload) == (0, PLAIN.encode("x" * 100))
    assert counted(engine)["too_large|p"] == 1


def test_a_value_that_cannot_be_kept_exactly_is_an_error_for_who_waits(engine: Engine) -> None:
    found = loaded(
        engine,
        {"p:k": object()},
        CurrentLoad(),
        requests(engine, Policy(name="p", expire=1), "p:k"),
        began=3,
        cost=0,
    )
    assert isinstance(found, Raised)
    assert (type(found.error), found.began) == (PolicyError, 3)


def test_a_key_that_was_not_asked_for_is_an_error(engine: Engine) -> None:
    asked = requests(engine, Policy(name="p", expire=1), "p:k")
    found = loaded(engine, {"p:k": 1, "p:other": 2}, CurrentLoad(), asked, began=3, cost=0)
    assert isinstance(found, Raised)
    assert "'p:other'" in str(found.error)
