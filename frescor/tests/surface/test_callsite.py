"""What is known of a cached function before it is called: which calls find this process's copy without a key."""

import itertools
from collections.abc import Iterator

import pytest

from frescor import Cache
from frescor._surface.callsite import CallSite
from frescor.testing import PrivateServer


@pytest.fixture
def cache(server: PrivateServer) -> Iterator[Cache]:
    with Cache.from_url(server.url, "test") as cache:
        yield cache


@pytest.fixture
def keys_made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """The calls that a key was made for, or looked for by more than their arguments."""
    made: list[tuple[object, ...]] = []
    bind = CallSite.bind

    def counted(site: CallSite, *about: object) -> object:
        made.append(about[1:])
        return bind(site, *about)  # type: ignore[arg-type]

    monkeypatch.setattr(CallSite, "bind", counted)
    return made


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((7, "a"), {}), ((7,), {"b": "a"}), ((), {"a": 7, "b": "a"}), ((), {"b": "a", "a": 7})],
    ids=["by position", "one by keyword", "all by keyword", "in another order"],
)
def test_a_call_that_was_made_once_finds_the_copy_without_a_key(
    cache: Cache, keys_made: list[object], args: tuple[int, ...], kwargs: dict[str, object]
) -> None:
    @cache.cached(expire=300, key_prefix="of")
    def of(a: int, b: str = "a") -> str:
        return f"{a}{b}"

    # Loaded, then read from the server, whose answer is kept once this process is told of changes.
    made = [len(keys_made)]
    while len(made) < 500 and (len(made) < 2 or made[-1] != made[-2]):
        assert of(*args, **kwargs) == "7a"  # type: ignore[arg-type]
        made.append(len(keys_made))
    assert made[-1] == made[-2]


def test_calls_that_differ_in_a_type_a_name_or_a_place_are_apart(cache: Cache) -> None:
    @cache.cached(expire=300, key_prefix="shown")
    def shown(*args: object, **kwargs: object) -> str:
        return f"{args} {kwargs}"

    given = (0, False, "0", b"0", None)
    calls: list[tuple[tuple[object, ...], dict[str, object]]] = [((value,), {}) for value in given]
    calls += [((), {name: value}) for name in ("a", "b") for value in given]
    calls += [((one,), {"a": other}) for one, other in itertools.product(given, given)]
    calls += [((), {"a": one, "b": other}) for one, other in itertools.product(given, given)]
    for _ in range(3):
        for args, kwargs in calls:
            assert shown(*args, **kwargs) == f"{args} {kwargs}"


def test_two_orders_of_the_same_names_are_one_call(cache: Cache) -> None:
    runs = []

    @cache.cached(expire=300, key_prefix="of")
    def of(a: int, b: int) -> int:
        runs.append((a, b))
        return a - b

    assert [of(a=3, b=1), of(b=1, a=3), of(3, b=1), of(3, 1)] == [2, 2, 2, 2]
    assert runs == [(3, 1)]
