"""Values that readers share: a hit is the object itself, and a change of it is noticed where one asks for that."""

from collections.abc import Iterator

import pytest

from frescor import Cache, Policy, PolicyError
from frescor._copies.local import Local
from frescor._copies.watching import Watched, report_if_changed
from frescor._values.codec import Codec
from frescor._values.entry import Entry
from frescor.testing import PrivateServer


@pytest.fixture(scope="module")
def server() -> Iterator[PrivateServer]:
    with PrivateServer() as server:
        yield server


@pytest.fixture
def cache(server: PrivateServer) -> Iterator[Cache]:
    with Cache.from_url(server.url, "shared", local=100_000, timeout=5) as cache:
        cache._engine.listen()
        assert cache._engine.listener is not None
        cache._engine.listener.await_alive(5)
        yield cache
        cache.clear_all()


POLICY = Policy(name="shared", expire=60, shared=True, early=False)


def test_hits_on_a_local_copy_are_one_object_if_the_policy_says_so(cache: Cache) -> None:
    @cache.cached(POLICY)
    def rows(size: int) -> list[dict[str, int]]:
        return [{"n": number} for number in range(size)]

    made = rows(3)
    first = rows(3)
    assert first is not made
    assert all(rows(3) is first for _ in range(3))
    assert rows.peek(3) is first
    assert rows.many([(3,)])[0] is first
    assert rows(3) == made
    rows.invalidate(3)
    assert rows(3) is not first


def test_other_readers_of_the_key_get_copies_of_their_own(cache: Cache) -> None:
    policy = POLICY.replace(shared=False)
    shared = [cache.get_or_load("k", lambda: [1], POLICY) for _ in range(3)]
    assert shared[1] is shared[2]
    own = [cache.get_or_load("k", lambda: [2], policy), cache.get("k")]
    assert own == [[1], [1]]
    assert all(one is not shared[2] for one in own)


def test_without_it_each_hit_is_a_copy(cache: Cache) -> None:
    @cache.cached(POLICY.replace(shared=False))
    def rows() -> list[int]:
        return [1]

    rows().append(2)
    rows().append(2)
    assert rows() == [1]


def test_it_has_no_effect_with_strict_and_is_refused() -> None:
    with pytest.raises(PolicyError, match="no object to share"):
        Policy(name="p", expire=60, shared=True, strict=True)


@pytest.fixture
def watching(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRESCOR_CHECK_SHARED", "1")


@pytest.mark.usefixtures("watching")
def test_a_change_is_told_to_the_next_caller(request: pytest.FixtureRequest) -> None:
    cache: Cache = request.getfixturevalue("cache")

    @cache.cached(POLICY)
    def rows(size: int) -> list[object]:
        return [{"n": size}]

    for size in (1, 2):
        for _ in range(3):
            assert rows(size) == [{"n": size}]
    rows(1).append(object())
    with pytest.raises(PolicyError, match=r"a value of shared:.*rows was changed by a caller.*copy\.deepcopy"):
        rows(1)
    assert rows(2) == [{"n": 2}]


@pytest.mark.parametrize("how", ["replaced", "makes room"])
def test_a_change_is_logged_when_the_copy_goes(how: str, caplog: pytest.LogCaptureFixture) -> None:
    local = Local(max_bytes=4000, monotonic=lambda: 0.0, now=lambda: 0.0, dice=lambda: 0.0, watches_shared=True)
    local.alive_until = 1.0

    def keep(key: str, size: int) -> list[bytes]:
        value = [b"x" * size]
        entry = Entry(10, 9_000_000, 9_000_000, 0, (), Codec().encode(value))
        local.keep(local.mark(), key, entry, value, Codec(), shared=True)
        return value

    same, changed = keep("p:f:same", 100), keep("p:f:changed", 100)
    changed.append(b"")
    for key in ("p:f:same", "p:f:changed") if how == "replaced" else ("a", "b", "c"):
        for _ in range(5):
            keep(key, 200)
    assert same == [b"x" * 100]
    assert ["p:f was changed" in record.message for record in caplog.records] == [True]


def test_a_change_that_keeps_the_value_equal_is_none_and_one_of_a_type_is() -> None:
    value = {"a": [1], "b": {2, 3}}
    watched = Watched("p:f:digest", value, Codec())
    value["b"] = {3, 2}
    watched.check(value)
    report_if_changed(value, None)
    value["a"] = [True]
    with pytest.raises(PolicyError, match="a value of p:f was changed"):
        watched.check(value)
