"""Local copies hold exactly as long as nothing that they depend on was pushed, and somebody listens."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from frescor._copies.local import Local, is_immutable
from frescor._values.codec import Codec
from frescor._values.entry import Entry

CODEC = Codec()


class Hands:
    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def local(hands: Hands) -> Local:
    local = Local(monotonic=hands, now=hands, dice=lambda: 0.0)
    local.alive_until = math.inf
    return local


def entry(value: object = "value", *, ends: float = 2000) -> Entry:
    until = int(ends * 1e6)
    return Entry(10, until, until, 0, ("=t", "*"), CODEC.encode(value))


def keep(local: Local, key: str = "k", value: object = "value", **options: object) -> None:
    mark = local.mark()
    local.learn(mark, {"=t": 5, "*": 5})
    local.keep(mark, key, entry(value, **options), value, CODEC)  # type: ignore[arg-type]


def read(local: Local, key: str = "k") -> object:
    copy = local.get(key)
    return None if copy is None else copy.value()


def test_a_copy_is_used_while_its_tags_are_known_and_not_newer(local: Local) -> None:
    keep(local)
    assert read(local) == "value"
    local.drop(tags=["=other"])
    assert read(local) == "value"
    local.drop(tags=["=t"])
    assert read(local) is None
    local.learn(local.mark(), {"=t": 11})
    assert read(local) is None  # newer than the copy
    local.learn(local.mark(), {"=t": 10})
    assert read(local) == "value"


def test_a_stamp_whose_push_came_while_it_was_asked_for_is_not_installed(local: Local) -> None:
    keep(local)
    mark = local.mark()
    local.drop(tags=["=t"])
    local.learn(mark, {"=t": 5})
    assert read(local) is None
    assert local.stamps(["=t", "*"]) == {"*": 5}


def test_a_copy_whose_key_was_pushed_while_it_was_read_is_not_kept(local: Local) -> None:
    keep(local)
    mark = local.mark()
    local.drop(keys=["k"])
    local.keep(mark, "k", entry("old"), "old", CODEC)
    assert read(local) is None


def test_nothing_learned_before_a_gap_counts_after_it(local: Local) -> None:
    keep(local)
    mark = local.mark()
    local.forget()
    local.learn(mark, {"=t": 5, "*": 5})
    local.keep(mark, "k2", entry(), "value", CODEC)
    assert read(local) is None
    assert read(local, "k2") is None
    assert local.stamps(["=t"]) == {}


class _ReadBefore(dict[str, int]):
    """Stamps that are read by another thread at the very moment before they go."""

    def __init__(self, stamps: dict[str, int], local: Local) -> None:
        super().__init__(stamps)
        self._local = local

    def pop(self, *args: Any) -> Any:
        self._local.get("k")
        return super().pop(*args)

    def clear(self) -> None:
        self._local.get("k")
        super().clear()


@pytest.mark.parametrize("end", [lambda local: local.drop(tags=["=t"]), Local.forget], ids=["push", "gap"])
def test_a_copy_that_is_read_while_its_stamp_goes_is_not_believed_for_good(
    local: Local, end: Callable[[Local], None]
) -> None:
    keep(local)
    local._stamps = _ReadBefore(local._stamps, local)
    end(local)
    assert read(local) is None


def test_waiters_are_woken_when_the_server_was_emptied(local: Local) -> None:
    woken: list[int] = []
    assert local.watch("k", local.mark(), lambda: woken.append(1))
    local.clear()
    assert woken == [1]


def test_nobody_listens_nobody_is_answered(local: Local, hands: Hands) -> None:
    keep(local)
    local.alive_until = hands.seconds + 2
    assert read(local) == "value"
    hands.seconds += 2
    assert read(local) is None
    assert local.stamps(["=t"]) == {}
    local.lose()
    keep(local, "other")
    assert read(local, "other") is None


def test_a_copy_ends_with_its_time(local: Local, hands: Hands) -> None:
    keep(local, ends=1010)
    hands.seconds = 1009.9
    assert read(local) == "value"
    hands.seconds = 1010.0
    assert read(local) is None


def test_a_copy_that_can_be_changed_is_decoded_for_each_reader_and_one_that_cannot_is_shared(local: Local) -> None:
    keep(local, "list", ["a"])
    first = read(local, "list")
    assert isinstance(first, list)
    first.append("b")
    assert read(local, "list") == ["a"]
    keep(local, "tuple", ("a",))
    assert read(local, "tuple") is read(local, "tuple")


def test_copies_stay_within_their_bytes_and_the_often_used_stay(hands: Hands) -> None:
    local = Local(max_bytes=100_000, monotonic=hands, now=hands, dice=lambda: 0.0)
    local.alive_until = math.inf
    for _ in range(5):
        for number in range(20):
            keep(local, f"hot:{number}", "x" * 100)
            for _ in range(5):
                read(local, f"hot:{number}")
    for number in range(2000):
        keep(local, f"cold:{number}", "x" * 100)
        assert local._admission.used <= 100_000
    assert sum(read(local, f"hot:{number}") is not None for number in range(20)) >= 18


def test_a_value_larger_than_the_memory_is_not_kept(hands: Hands) -> None:
    local = Local(max_bytes=1000, monotonic=hands, now=hands)
    local.alive_until = math.inf
    keep(local, "large", "x" * 2000)
    assert read(local, "large") is None
    assert local._admission.used == 0


def test_a_waiter_is_woken_by_a_push_and_not_missed_if_it_came_before(local: Local) -> None:
    woken: list[int] = []
    mark = local.mark()
    assert local.watch("k", mark, lambda: woken.append(1))
    local.drop(keys=["other"])
    assert woken == []
    local.drop(keys=["k"])
    assert woken == [1]
    assert not local.watch("k", mark, lambda: woken.append(2))
    mark = local.mark()
    assert local.watch("k", mark, lambda: woken.append(3))
    local.lose()
    assert woken == [1, 3]


@dataclass(frozen=True)
class Frozen:
    inner: object


@dataclass
class Open:
    inner: object


class Struct(msgspec.Struct, frozen=True):
    inner: object


class OpenStruct(msgspec.Struct):
    inner: object


@pytest.mark.parametrize("make", [Frozen, Struct, lambda inner: (inner,), lambda inner: frozenset([inner])])
def test_immutable_is_what_is_so_all_the_way_down(make: object) -> None:
    assert is_immutable(make("x"))  # type: ignore[operator]
    if make is not None and isinstance(make("x"), Frozen | Struct | tuple):  # type: ignore[operator]
        assert not is_immutable(make(["x"]))  # type: ignore[operator]


@pytest.mark.parametrize("value", [[], {}, set(), bytearray(), Open(1), OpenStruct(1), object()])
def test_what_can_be_changed_is_not_immutable(value: object) -> None:
    assert not is_immutable(value)


@pytest.mark.parametrize("raised", ["=sql:due#@!", "=sql:due#@!paid,cents"])
def test_a_write_of_this_process_ends_the_columns_that_it_does_not_name_at_once(local: Local, raised: str) -> None:
    blind, named, other = "=sql:due#@member", "=sql:due#@paid", "=sql:dues#@member"
    local.learn(local.mark(), {blind: 5, named: 5, other: 5})
    mark = local.mark()
    local.drop(tags=[raised])
    assert blind not in local.stamps([blind, named, other])
    assert (named in local.stamps([named])) is ("paid" in raised)
    assert other in local.stamps([other])
    local.learn(mark, {blind: 5})
    assert blind not in local.stamps([blind])
    local.learn(local.mark(), {blind: 6})
    assert blind in local.stamps([blind])
