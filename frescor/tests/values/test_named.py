"""Paths, ranges, time zones, fractions and IP addresses come back equal and of the same type."""

import io
import ipaddress
import struct
from fractions import Fraction
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frescor import Cache, PolicyError
from frescor._copies.local import is_immutable
from frescor._values.codec import Codec
from frescor._values.named import to_bytes
from frescor.errors import EntryUnreadable

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10)
numbers = st.integers(-(2**70), 2**70)
named = st.one_of(
    texts.map(Path),
    texts.map(PurePosixPath),
    texts.map(PureWindowsPath),
    st.builds(range, numbers, numbers, numbers.filter(bool)),
    st.fractions(),
    st.just(5000).map(lambda digits: Fraction(10**digits, 3)),
    st.ip_addresses(),
    st.ip_addresses().map(ipaddress.ip_interface),
    st.ip_addresses().map(ipaddress.ip_network),
    st.just(ipaddress.IPv6Address("fe80::1%eth0")),
    st.timezone_keys().map(ZoneInfo),
)


@given(named, st.booleans())
def test_a_value_comes_back_equal_and_of_its_type(value: Any, proven: bool) -> None:
    codec = Codec()
    back = codec.decode(codec.encode([value, (value,)]), proven=proven)
    assert back == [value, (value,)]
    assert type(back[0]) is type(value)
    assert isinstance(value, Fraction) or repr(back[0]) == repr(value)


@given(named)
def test_no_reader_can_change_one_so_that_a_copy_is_shared(value: Any) -> None:
    assert is_immutable(value)


@pytest.mark.parametrize("value", [Path("a/b"), range(3), Fraction(1, 3), ipaddress.ip_address("::1"), ZoneInfo("UTC")])
def test_a_function_annotated_with_one_returns_it_from_the_cache(value: Any) -> None:
    runs = []
    with Cache.from_url("memory://", "test") as cache:

        def read() -> Any:
            runs.append(1)
            return {"value": value}

        read.__annotations__["return"] = dict[str, type(value)]  # type: ignore[misc]
        cached = cache.cached(expire=60, key_prefix="p", name="read")(read)
        assert [cached(), cached()] == [{"value": value}] * 2
    assert runs == [1]


def test_a_path_that_is_a_key_is_found_again() -> None:
    codec = Codec()
    assert codec.decode(codec.encode({Path("a"): {range(2)}})) == {Path("a"): {range(2)}}


def test_a_time_zone_without_a_name_is_refused() -> None:
    # A file of one zone, UTC: six counts, an offset with its name's place, the name.
    counts = (0, 0, 0, 0, 1, len(b"UTC\0"))
    file = b"TZif" + bytes(16) + struct.pack(">6l", *counts) + struct.pack(">lBB", 0, 0, 0) + b"UTC\0"
    zone = ZoneInfo.from_file(io.BytesIO(file))
    assert to_bytes(zone) is None
    with pytest.raises(PolicyError, match="time zone without a name"):
        Codec().encode(zone)


@pytest.mark.parametrize(
    "content",
    [
        ["PurePath", "a"],
        ["range", "z", "1", "1"],
        ["range", "1", "2", "0"],
        ["ZoneInfo", "../passwd"],
        ["Popen", "ls"],
        [],
    ],
)
def test_bytes_that_nobody_wrote_are_no_value(content: list[str]) -> None:
    payload = b"n" + msgspec.msgpack.encode(msgspec.msgpack.Ext(16, msgspec.msgpack.encode(content)))
    for proven in (True, False):
        with pytest.raises(EntryUnreadable):
            Codec().decode(payload, proven=proven)


def test_a_subclass_is_refused() -> None:
    with pytest.raises(PolicyError, match="no encoding is known"):
        Codec().encode(type("Fractional", (Fraction,), {})(1))
