"""What was not sealed by this ring for this key does not open."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from frescor import MISS, Cache, Policy, PolicyError
from frescor.codec import Codec
from frescor.commands import Read, TakeLease, Write
from frescor.entry import pack, unpack
from frescor.errors import EntryUnreadable
from frescor.seal import KeyRing
from frescor.testing import PrivateServer

OLD, NEW = b"old secret, 16 bytes +", b"new secret, 16 bytes +"


@given(st.binary(), st.text(max_size=20))
def test_what_was_sealed_opens_for_its_key_alone(payload: bytes, key: str) -> None:
    ring = KeyRing([NEW], "ns")
    sealed = ring.seal(payload, key)
    assert ring.open(sealed, key) == payload
    for other_ring, other_key in [(ring, key + "x"), (KeyRing([NEW], "other"), key), (KeyRing([OLD], "ns"), key)]:
        with pytest.raises(EntryUnreadable):
            other_ring.open(sealed, other_key)


@given(st.data())
def test_a_changed_or_cut_payload_does_not_open(data: st.DataObject) -> None:
    ring = KeyRing([NEW], "ns")
    sealed = bytearray(ring.seal(b"payload", "k"))
    place = data.draw(st.integers(0, len(sealed) - 1))
    with pytest.raises(EntryUnreadable):
        ring.open(bytes(sealed[:place]), "k")
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(EntryUnreadable):
        ring.open(bytes(sealed), "k")


def test_keys_rotate() -> None:
    sealed = KeyRing([OLD], "ns").seal(b"payload", "k")
    assert KeyRing([NEW, OLD], "ns").open(sealed, "k") == b"payload"
    with pytest.raises(EntryUnreadable):
        KeyRing([NEW], "ns").open(sealed, "k")


def test_a_short_secret_is_refused_with_the_way_to_make_one() -> None:
    for wrong in ([], [b"short"]):
        with pytest.raises(PolicyError, match=r"token_hex\(32\)"):
            KeyRing(wrong, "ns")


def test_a_plaintext_or_replayed_entry_is_a_counted_miss(server: PrivateServer) -> None:
    with Cache.from_url(server.url, "ns", seal_secrets=[NEW], local=False) as cache:
        policy = Policy(name="p", expire=60, sealed=True)
        cache.get_or_load("p:1", lambda: "one", policy)
        cache.get_or_load("p:2", lambda: "two", policy)
        one, two = cache.store.perform(Read(("p:1", "p:2"), ())).entries
        assert one is not None
        assert two is not None
        genuine = unpack(two)
        for payload in (unpack(one).payload, Codec().encode("forged"), b"", genuine.payload[:-1]):
            forged = replace(genuine, payload=payload)
            _overwrite(cache, "p:2", pack(forged))
            assert cache.get_or_load("p:2", lambda: "loaded", policy) == "loaded"
        assert cache.stats()["p"].errors == 4
        assert cache.get("p:2", MISS) is MISS


def _overwrite(cache: Cache, key: str, entry: bytes) -> None:
    grant = cache.store.perform(TakeLease(key, "forger", (), None))
    assert grant is not None
    cache.store.perform(Write(key, "forger", entry, grant.as_of, (), 60_000))
