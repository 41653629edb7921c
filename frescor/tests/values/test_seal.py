"""What was not sealed by this ring for this key does not open."""

import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frescor import Cache, Policy, PolicyError
from frescor._values.seal import KeyRing
from frescor.errors import EntryUnreadable
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


def test_a_key_secret_alone_proves_and_seals_nothing() -> None:
    with Cache.from_url("memory://", "ns", key_secret=b"short") as cache:
        assert cache.get_or_load("p", lambda: 1, Policy(name="p", expire=60)) == 1
        with pytest.raises(PolicyError, match="seal_secrets"):
            cache.get_or_load("p", lambda: 1, Policy(name="p", expire=60, sealed=True))


def test_secrets_that_are_text_are_refused_with_what_to_write() -> None:
    for wrong in ("x" * 32, b"x" * 32, ["x" * 32]):
        with pytest.raises(PolicyError, match=r"seal_secrets=\[secret\.encode\(\)\]"):
            Cache.from_url("memory://", "ns", seal_secrets=wrong)  # type: ignore[arg-type]


def test_a_policy_can_be_read_after_its_secrets_were_rotated(server: PrivateServer) -> None:
    for sealed in (False, True):
        policy = Policy(name=f"p{sealed}", expire=60, sealed=sealed)
        expected = iter([0, 0, 2])
        for run, secrets_ in enumerate(([OLD], [NEW, OLD], [NEW])):
            with Cache.from_url(server.url, "ns", seal_secrets=secrets_, local=False) as cache:
                assert cache.get_or_load("p:1", functools.partial(int, run), policy) == next(expected)
