"""How a read-through call begins."""

import pytest
from unsteady import UnsteadyStore, engine_on

from frescor import Policy, PolicyError
from frescor._calls.loading import Loading, Subject
from frescor._plan import Arrive
from frescor._runtime.arrival import again, arrive
from frescor._runtime.engine import Engine
from frescor._values.codec import Codec
from frescor._values.seal import KeyRing

POLICY = Policy(name="p", expire=100, jitter=0.1)
CODEC = Codec(int)


@pytest.fixture
def engine() -> Engine:
    return engine_on(UnsteadyStore())


def call(**fields: object) -> Arrive:
    given: dict[str, object] = {"key": "p:k", "tags": ("*",), "policy": POLICY, "codec": CODEC} | fields
    return Arrive(**given)  # type: ignore[arg-type]  # each test gives what it is about


def test_each_call_has_a_later_number_and_a_token_of_its_own(engine: Engine) -> None:
    first, second = arrive(engine, call()), arrive(engine, call())
    assert first.arrived < second.arrived
    assert first.token != second.token
    assert (first.key, first.tags, first.policy, first.codec) == ("p:k", ("*",), POLICY, CODEC)


@pytest.mark.parametrize(("lot", "ttl_ms"), [(0.0, 90_000), (0.5, 100_000), (1.0, 110_000)])
def test_its_time_to_live_is_the_policys_with_jitter_by_lot(lot: float, ttl_ms: int) -> None:
    chance = {"uniform": lambda low, high: low + lot * (high - low)}
    assert arrive(engine_on(UnsteadyStore(), chance=chance), call()).ttl_ms == ttl_ms


def test_its_chance_of_an_early_load_is_never_the_logarithm_of_nothing() -> None:
    for lot in (0.0, 0.25, 1.0):
        engine = engine_on(UnsteadyStore(), chance={"uniform": lambda low, high, lot=lot: low + lot * (high - low)})
        assert 0 < arrive(engine, call()).dice <= 1


def test_it_is_now_in_microseconds(engine: Engine) -> None:
    assert arrive(engine, call()).now == engine.now() == 1_000_000_000


def test_it_asks_for_the_tags_that_its_entry_had_the_last_time(engine: Engine) -> None:
    engine.expect("p:k", ("=rows",))
    assert arrive(engine, call()).expected == ("=rows",)
    assert arrive(engine, call(key="p:other")).expected == ()


def test_within_a_load_it_reads_nothing_that_this_process_remembers(engine: Engine) -> None:
    assert arrive(engine, call()).fresh is False
    with Loading():
        assert arrive(engine, call()).fresh is True


def test_it_is_called_what_its_function_or_else_its_policy_is(engine: Engine) -> None:
    assert arrive(engine, call(label="module.load")).label == "module.load"
    assert arrive(engine, call()).label == "p"


def test_a_call_that_is_part_of_a_load_of_itself_is_refused(engine: Engine) -> None:
    of = Subject(engine.place, ("p:k",), ("p:k",), "load")
    with Loading(of), pytest.raises(PolicyError, match="calls itself with the same arguments"):
        arrive(engine, call())
    with Loading(Subject(object(), ("p:k",), ("p:k",), "load")):
        assert arrive(engine, call()).key == "p:k"


def test_a_sealed_policy_needs_secrets_that_seal(engine: Engine) -> None:
    sealed = Policy(name="s", expire=1, sealed=True)
    with pytest.raises(PolicyError, match="seal_secrets"):
        arrive(engine, call(policy=sealed))
    proves = engine_on(UnsteadyStore(), ring=KeyRing.of_key_secret(b"sixteen bytes, or more", "ns"))
    with pytest.raises(PolicyError, match="seal_secrets"):
        arrive(proves, call(policy=sealed))
    seals = engine_on(UnsteadyStore(), ring=KeyRing([b"sixteen bytes, or more, of a secret"], "ns"))
    assert arrive(seals, call(policy=sealed)).policy is sealed


def test_loaded_anew_it_is_a_later_call_that_loads_in_any_case_and_has_nobody_waiting(engine: Engine) -> None:
    request = arrive(engine, call(label="load"))
    anew = again(engine, request)
    assert (anew.refresh, anew.background) == (True, True)
    assert anew.arrived > request.arrived
    assert anew.token != request.token
    assert (anew.key, anew.tags, anew.label, anew.ttl_ms) == (request.key, request.tags, "load", request.ttl_ms)
