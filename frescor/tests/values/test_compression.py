import secrets
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frescor import Cache, EntryUnreadable, Policy
from frescor._values.codec import Codec
from frescor._values.compression import COMPRESSED, THRESHOLD, compressed, expanded
from frescor.testing import PrivateServer

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


@given(st.binary(max_size=200), st.integers(1, 200))
def test_what_is_compressed_comes_back(piece: bytes, times: int) -> None:
    payload = b"n" + piece * times
    assert expanded(compressed(payload)) == payload


def test_only_what_is_large_and_gets_smaller_is_compressed() -> None:
    assert compressed(b"n" + b"a" * (THRESHOLD - 2)) == b"n" + b"a" * (THRESHOLD - 2)
    assert len(compressed(b"n" + b"a" * THRESHOLD)) < 100
    noise = b"n" + secrets.token_bytes(THRESHOLD)
    assert compressed(noise) == noise


@given(st.binary(max_size=300))
def test_bytes_that_were_not_compressed_here_are_unreadable_and_harmless(noise: bytes) -> None:
    with pytest.raises(EntryUnreadable):
        expanded(COMPRESSED + noise)


def test_what_is_cut_off_padded_or_compressed_twice_is_unreadable() -> None:
    whole = compressed(b"n" + b"a" * THRESHOLD)
    for wrong in (whole[:-1], whole + b"x", COMPRESSED + zstd.compress(whole)):
        with pytest.raises(EntryUnreadable):
            Codec().decode(wrong)


def test_a_large_value_takes_less_room_in_the_store_sealed_or_not(server: PrivateServer) -> None:
    value = [{"nome": f"Maria da Silva {n}", "valor": 3000} for n in range(500)]
    with Cache.from_url(server.url, "test", local=False, seal_secrets=[secrets.token_bytes(32)], timeout=5) as cache:
        for sealed in (False, True):
            policy = Policy(name=f"large-{sealed}", expire=60, sealed=sealed)
            for _ in range(2):
                assert cache.get_or_load(f"{policy.name}:list", lambda: value, policy) == value
        sizes = [info.size for info in cache.list_keys()]
        assert len(sizes) == 2
        assert all(size < len(repr(value)) / 4 for size in sizes)
