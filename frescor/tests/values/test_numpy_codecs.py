"""numpy's arrays and scalars come back with type, shape, order and every bit, or are refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from frescor import Cache, PolicyError
from frescor._values.codec import Codec
from frescor.errors import EntryUnreadable

DTYPES = [
    *("?", "i1", "u1", "<i2", ">i4", "<i8", "<u8", "<f2", "<f4", ">f8", "g", "<c8", "<c16", "q", "Q"),
    *("M8[ns]", "<M8[25s]", "m8[us]", "M8", "S3", "<U4", "V5"),
    np.dtype([("a", "i4"), ("b", "<U3", (2,)), ("c", [("d", "f8")])]),
    np.dtype([(("title", "a"), "i4")]),
]


def same(one: Any, other: Any) -> bool:
    return (
        type(one) is type(other)
        and (one.dtype, one.dtype.type, one.shape) == (other.dtype, other.dtype.type, other.shape)
        and one.tobytes() == other.tobytes()
    )


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(DTYPES),
    st.sampled_from([(), (0,), (3,), (2, 3), (2, 0, 3)]),
    st.binary(min_size=288, max_size=288),
    st.sampled_from("CF"),
    st.booleans(),
    st.booleans(),
)
def test_an_array_comes_back_bit_by_bit(
    dtype: Any, shape: tuple[int, ...], data: bytes, order: Any, writeable: bool, proven: bool
) -> None:
    array: NDArray[Any] = np.ndarray(shape, dtype, bytearray(data), order=order)
    array.flags.writeable = writeable
    back = Codec().decode(Codec().encode({"a": (array,)}), proven=proven)["a"][0]
    assert same(back, array)
    assert back.flags.f_contiguous == array.flags.f_contiguous
    assert back.flags.writeable is writeable


@pytest.mark.parametrize(
    "scalar",
    [
        *(np.bool_(True), np.int8(-3), np.uint64(2**64 - 1), np.longlong(5), np.float16(0.1), np.float64("nan")),
        *(np.float32(-0.0), np.longdouble(1) / 3, np.complex64(1 - 2j), np.datetime64("2026-11-25T10:00", ("s", 25))),
        *(np.datetime64("NaT"), np.timedelta64(7, "D"), np.str_("a\0"), np.bytes_(b"a\0"), np.void(b"abc")),
        np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")])[0],
    ],
    ids=lambda scalar: type(scalar).__name__,
)
def test_a_scalar_keeps_its_type_and_its_bits(scalar: Any) -> None:
    for proven in (True, False):
        back = Codec().decode(Codec().encode([scalar]), proven=proven)[0]
        assert same(back, scalar)
        assert bytes(memoryview(back)) == bytes(memoryview(scalar))


def test_a_view_comes_back_as_its_content_and_each_reader_may_write() -> None:
    view = np.arange(12).reshape(3, 4)[::2, ::-1]
    payload = Codec().encode(view)
    one, other = Codec().decode(payload), Codec().decode(payload)
    one[:] = 0
    assert (other == view).all()


def test_a_dtype_with_gaps_keeps_them() -> None:
    array = np.zeros(3, np.dtype({"names": ["a"], "formats": ["i4"], "offsets": [4], "itemsize": 12}))
    array["a"] = [1, 2, 3]
    back = Codec().decode(Codec().encode(array))
    assert (back == array).all()
    assert back.dtype.fields == array.dtype.fields
    assert back.dtype.itemsize == 12


def test_a_function_returns_arrays_from_the_cache() -> None:
    runs = []
    with Cache.from_url("memory://", "test") as cache:

        @cache.cached(expire=60, key_prefix="mean")
        def mean(of: int) -> dict[str, NDArray[np.float64] | np.float64]:
            runs.append(of)
            return {"rows": np.ones(of), "mean": np.float64(1)}

        assert [(mean(3)["rows"] == 1).all() for _ in range(2)] == [True, True]
        assert type(mean(3)["mean"]) is np.float64
    assert runs == [3]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (np.array([{}], dtype=object), "refers to Python objects"),
        (np.zeros(1, dtype=[("a", "O")]), "refers to Python objects"),
        (np.zeros(1, dtype=np.dtype("f8", metadata={"a": 1})), "has metadata"),
        (np.zeros(1, dtype=np.dtype([("a", "i1"), ("b", "f8")], align=True)), "an alignment"),
        (type("Own", (np.ndarray,), {})((2,)), "no encoding is known"),
    ],
)
def test_what_its_bytes_do_not_tell_is_refused(value: object, says: str) -> None:
    with pytest.raises(PolicyError, match=says):
        Codec().encode(value)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("numpy.ndarray", ("|O", (1,), "C", True, b"12345678")),
        ("numpy.ndarray", ([("a", "|O")], (1,), "C", True, b"12345678")),
        ("numpy.ndarray", ("<f8", (10**12,), "C", True, b"")),
        ("numpy.ndarray", ("<f8", (1,), "C", True, bytes(16))),
        ("numpy.ndarray", ("<f8", (-1,), "C", True, b"")),
        ("numpy.ndarray", (None, (1,), "C", True, bytes(8))),
        ("numpy.d", ("<i8", bytes(8))),
        ("numpy.d", ("|O", bytes(8))),
        ("numpy.load", ("a",)),
    ],
)
def test_bytes_that_nobody_wrote_are_no_array(name: str, content: object) -> None:
    codec = Codec()
    payload = b"n" + codec._encoder.encode(codec._extension(17, [name, 1, codec._wire(content)]))
    for proven in (True, False):
        with pytest.raises(EntryUnreadable):
            codec.decode(payload, proven=proven)
