"""Whoever holds the server's password writes entries of his own: which of them a cache takes, with secrets and without.

What remains to him is in docs/threat-model.md: to put an entry back together with the stamps of its tags, until the
end that it was made with.
"""

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from msgspec.structs import replace

from frescor import MISS, Cache, Policy
from frescor._store import MemoryStore
from frescor._store.memory import _Item
from frescor._values.codec import Codec
from frescor._values.entry import SKEW, Entry, Packing, stamped
from frescor._values.seal import KeyRing
from frescor._values.tags import entry_tags

SECRET = b"a secret of sixteen bytes or more"
KINDS: dict[str, dict[str, Any]] = {
    "no secrets": {},
    "key secret": {"key_secret": b"short"},
    "seal secrets": {"seal_secrets": [SECRET]},
    "sealed": {"seal_secrets": [SECRET]},
}
FAR = 4_000_000_000_000_000
KEY = "prices:7"


@dataclasses.dataclass(frozen=True)
class Price:
    cents: int
    until: dt.date | None = None


class World:
    """A cache, its policy, and the server's bytes in the hands of somebody else."""

    def __init__(self, kind: str) -> None:
        self.cache = Cache.from_url("memory://", "shop", **KINDS[kind])
        self.policy = Policy(name="prices", expire=60, tags=("prices",), sealed=kind == "sealed")
        self.loads = 0
        store = self.cache.store
        assert isinstance(store, MemoryStore)
        self.items = store._items

    def read(self, key: str = KEY, policy: Policy | None = None) -> Price:
        def load() -> Price:
            self.loads += 1
            return Price(self.loads)

        return self.cache.get_or_load(key, load, policy or self.policy)

    def bytes_of(self, key: str = KEY) -> bytes:
        value = self.items[f"e:{key}"].value
        assert isinstance(value, bytes)
        return value

    def write(self, data: bytes, key: str = KEY) -> None:
        self.items[f"e:{key}"] = dataclasses.replace(self.items.get(f"e:{key}") or _Item(b"", None, 0), value=data)

    def is_refused(self, data: bytes, key: str = KEY, *, counted: bool = True) -> bool:
        """Whether a reader of these bytes gets what is loaded then, the forgery is counted, and the next one hits."""
        errors, loads = self.errors, self.loads
        self.write(data, key)
        refused = self.read(key) == Price(loads + 1) and self.loads == loads + 1
        hit = self.read(key) == Price(loads + 1) and self.loads == loads + 1
        return refused and hit and (self.errors > errors) is counted

    @property
    def errors(self) -> int:
        stats = self.cache.stats()
        return stats["prices"].errors if "prices" in stats else 0


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    world = World(request.param)
    yield world
    world.cache.close()


@pytest.fixture(params=[kind for kind in KINDS if kind != "no secrets"])
def proven(request: pytest.FixtureRequest) -> Iterator[World]:
    world = World(request.param)
    yield world
    world.cache.close()


@pytest.fixture
def bare() -> Iterator[World]:
    world = World("no secrets")
    yield world
    world.cache.close()


def test_every_single_byte_counts(world: World) -> None:
    world.read()
    whole = world.bytes_of()
    for place in range(len(whole)):
        assert world.is_refused(whole[:place] + bytes([whole[place] ^ 0x41]) + whole[place + 1 :]), place


def test_an_entry_that_is_cut_off_padded_or_something_else_is_refused(world: World) -> None:
    world.read()
    whole = world.bytes_of()
    for other in (b"", b"\0", whole[:1], whole[:9], whole[:-1], whole + b"\0", whole * 2, b"\xff" * 300, b"$" * 9):
        assert world.is_refused(other), other


def test_an_entry_of_another_key_policy_version_or_namespace_is_refused(world: World) -> None:
    world.read("prices:8")
    assert world.is_refused(world.bytes_of("prices:8"))
    for other in (world.policy.replace(version=2), dataclasses.replace(world.policy, name="other")):
        world.read("prices:9", other)
        # Its own entry, under its own key, in a cache where the policy was another: a plain miss.
        assert world.is_refused(world.bytes_of("prices:9"), "prices:9", counted=False)


def test_an_entry_of_another_namespace_is_refused(proven: World) -> None:
    other = World("sealed" if proven.policy.sealed else "seal secrets")
    other.cache._engine.packing.ring = KeyRing([SECRET], "other")
    other.read()
    assert proven.is_refused(other.bytes_of())


def test_an_old_entry_is_invalid_after_an_invalidation_whoever_puts_it_back(world: World) -> None:
    world.read()
    old = world.bytes_of()
    world.cache.invalidate("prices")
    assert world.is_refused(old, counted=False)
    world.cache.clear_all()
    assert world.is_refused(old, counted=False)


def test_an_old_entry_with_another_header_is_refused(proven: World) -> None:
    proven.read()
    old = proven.bytes_of()
    proven.cache.invalidate("prices")
    headers: list[Callable[[bytes], bytes]] = [
        lambda data: data[:1] + (int.from_bytes(data[1:9], "big") + 10**7).to_bytes(8, "big") + data[9:],
        lambda data: data[:10] + FAR.to_bytes(7, "big") + data[17:],
        # No tags of its own, those bytes counted as the payload's.
        lambda data: data[:23] + b"\0" + data[24:],
        # As if a caller had brought it, stamped by the store.
        lambda data: stamped(
            data[:9] + bytes([data[9] | 2]) + data[10:] + bytes(8), int.from_bytes(data[1:9], "big") + 10**7
        ),
    ]
    for change in headers:
        assert proven.is_refused(change(old))


def test_a_forged_entry_is_refused_by_who_has_secrets(proven: World) -> None:
    proven.read()
    as_of = int.from_bytes(proven.bytes_of()[1:9], "big")
    tags = entry_tags(KEY, ("prices",))
    payload = Codec(Price).encode(Price(666))
    now = proven.cache._engine.now()
    rings = (None, KeyRing([b"another secret of many bytes"], "shop"), KeyRing.of_key_secret(b"other", "shop"))
    for ring in rings:
        for sealed in (False, True) if ring is not None and ring.seals else (False,):
            forged = Entry(as_of, now + 10**6, now + 10**6, 0, tags, payload)
            assert proven.is_refused(Packing(ring).pack(KEY, forged, sealed=sealed))


def genuine(bare: World) -> Entry:
    bare.read()
    return Packing().unpack(KEY, bare.bytes_of())


def test_without_secrets_an_entry_ends_no_later_than_its_policy_allows(bare: World) -> None:
    entry = genuine(bare)
    latest = bare.cache._engine.now() + 66_000_000 + SKEW
    for ends in ({"fresh_until": FAR, "stale_until": FAR}, {"stale_until": entry.fresh_until + 1}, {"stale_until": 0}):
        assert bare.is_refused(Packing().pack(KEY, replace(entry, **ends)))
    late = replace(entry, fresh_until=latest - 10**6, stale_until=latest - 10**6)
    bare.write(Packing().pack(KEY, late))
    loads = bare.loads
    bare.read()
    assert bare.loads == loads


def test_without_secrets_an_entry_has_the_tags_of_its_call_and_no_time_to_come(bare: World) -> None:
    entry = genuine(bare)
    for tags in ((), ("*",), entry.tags[:-1], entry.tags[1:]):
        assert bare.is_refused(Packing().pack(KEY, replace(entry, tags=tags)))
    assert bare.is_refused(Packing().pack(KEY, replace(entry, as_of=FAR)))
    assert bare.is_refused(Packing().pack(KEY, replace(entry, as_of=2**64 - 1)))


@pytest.mark.parametrize("forged", [None, 7, "text", [1], {"cents": 1}, ("Price", 1)], ids=repr)
def test_without_secrets_a_value_of_another_type_is_refused(bare: World, forged: object) -> None:
    assert bare.is_refused(Packing().pack(KEY, replace(genuine(bare), payload=Codec().encode(forged))))


def test_without_secrets_a_record_with_fields_of_other_types_is_refused(bare: World) -> None:
    entry = genuine(bare)
    for wrong in (Price("text"), Price(1, "text"), Price(None)):  # type: ignore[arg-type]
        codec = Codec(Price)
        assert codec.encode(wrong)[:1] == b"n"
        assert bare.is_refused(Packing().pack(KEY, replace(entry, payload=codec.encode(wrong))))


def test_a_forged_value_that_is_refused_does_not_survive_a_clear(bare: World) -> None:
    entry = genuine(bare)
    bare.write(Packing().pack(KEY, replace(entry, payload=Codec(Price).encode(Price(666)))))
    assert bare.read() == Price(666)
    assert bare.cache.clear_all()
    assert bare.read() == Price(2)


@pytest.mark.parametrize("kind", ["no secrets", "seal secrets"])
def test_a_function_that_returns_other_values_than_it_says_is_cached_all_the_same(kind: str) -> None:
    world = World(kind)

    def load() -> Price:
        world.loads += 1
        return None  # type: ignore[return-value]

    for _ in range(3):
        assert world.cache.get_or_load(KEY, load, world.policy) is None
    assert world.loads == 1


@pytest.mark.parametrize("kind", ["no secrets", "key secret", "seal secrets"])
def test_what_a_caller_has_set_is_its_keys_and_ends_with_its_tags(kind: str) -> None:
    world = World(kind)
    cache = world.cache
    cache.set("k", 1, tags=("prices",))
    cache.set("other", 2)
    kept = world.bytes_of("k")
    assert cache.get("k") == 1
    cache.invalidate("prices")
    assert cache.get("k", MISS) is MISS
    world.write(kept, "k")
    assert cache.get("k", MISS) is MISS
    world.write(kept, "other")
    assert cache.get("other", MISS) is MISS
    assert cache.stats()["(keys)"].errors == 1


def test_a_loader_may_let_its_value_live_longer_than_the_policy(world: World) -> None:
    from frescor import current_load

    def load() -> Price:
        current_load().expire(7200)
        world.loads += 1
        return Price(1)

    for _ in range(2):
        world.cache.get_or_load(KEY, load, world.policy)
    assert (world.loads, world.errors) == (1, 0)


def test_a_policy_that_has_become_shorter_ends_its_entries(world: World) -> None:
    world.read(policy=world.policy.replace(expire=86_400))
    assert world.read(policy=world.policy.replace(expire=60)) == Price(2)


def test_a_policy_that_has_got_a_tag_does_not_read_what_lacks_it(world: World) -> None:
    world.read(policy=world.policy.replace(tags=()))
    assert world.read() == Price(2)


def test_without_secrets_an_entry_of_a_million_tags_is_refused_before_they_are_asked_for(bare: World) -> None:
    entry = genuine(bare)
    many = entry.tags + tuple(f"={n}" for n in range(1_000_000))
    assert bare.is_refused(Packing().pack(KEY, replace(entry, tags=many)))


def test_an_entry_larger_than_any_value_is_refused_unread(world: World) -> None:
    world.read()
    assert world.is_refused(world.bytes_of() + bytes(70_000_000))


def test_an_entry_put_back_with_the_stamps_of_its_tags_ends_when_it_was_made_to(world: World) -> None:
    world.read()
    before = dict(world.items)
    world.cache.invalidate("prices")
    world.items.clear()
    # Entry, tags and clock, kept for as long as the attacker likes.
    world.items.update({name: dataclasses.replace(item, ends=None) for name, item in before.items()})
    assert world.read() == Price(1)
    now = world.cache._engine.nondeterminism.now() + world.policy.ttl * (1 + world.policy.jitter)
    world.cache._engine.nondeterminism = dataclasses.replace(world.cache._engine.nondeterminism, now=lambda: now)
    assert world.read() == Price(2)
