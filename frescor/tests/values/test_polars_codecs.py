"""polars' frames and series come back as they were, or are refused."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest

from frescor import PolicyError
from frescor._values.codec import Codec
from frescor.errors import EntryUnreadable

pl: Any = pytest.importorskip("polars", reason="frames are tested by `make test-frames`")
testing: Any = pytest.importorskip("polars.testing")

FRAMES = {
    "numbers and text": lambda: pl.DataFrame({"a": [1, None], "b": ["x", None], "c": [float("nan"), -0.0]}),
    "categories": lambda: pl.DataFrame({"a": pl.Series(["x", "y"], dtype=pl.Categorical)}),
    "an enum": lambda: pl.DataFrame({"a": pl.Series(["x"], dtype=pl.Enum(["x", "y"]))}),
    "times": lambda: pl.DataFrame(
        {"a": [dt.datetime(2026, 1, 1, tzinfo=dt.UTC)], "b": [dt.date(2026, 1, 1)], "c": [dt.timedelta(seconds=1)]}
    ),
    "nested": lambda: pl.DataFrame({"a": [[1, 2], [3]], "b": [{"x": 1}, {"x": None}]}),
    "decimals": lambda: pl.DataFrame({"a": [Decimal("1.50")]}),
    "no rows": lambda: pl.DataFrame(schema={"a": pl.Int8}),
    "nothing": lambda: pl.DataFrame(),
}


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("proven", [True, False])
def test_a_frame_comes_back_as_it_was(name: str, proven: bool) -> None:
    frame = FRAMES[name]()
    codec = Codec(list[pl.DataFrame])
    back = codec.decode(codec.encode([frame]), proven=proven)[0]
    testing.assert_frame_equal(back, frame, check_exact=True)
    assert (type(back), back.schema) == (pl.DataFrame, frame.schema)


def test_a_series_comes_back_with_its_name() -> None:
    series = pl.Series("a", [1, None], dtype=pl.UInt16)
    back = Codec(pl.Series).decode(Codec(pl.Series).encode(series))
    testing.assert_series_equal(back, series)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: pl.DataFrame({"a": pl.Series([object()], dtype=pl.Object)}), "does not keep it exactly"),
        (lambda: pl.DataFrame({"a": [1]}).lazy(), "LazyFrame's collect"),
    ],
)
def test_what_arrow_does_not_keep_is_refused(make: Any, says: str) -> None:
    with pytest.raises(PolicyError, match=says):
        Codec(pl.DataFrame).encode(make())


def test_a_frame_is_kept_and_read_only_where_the_annotation_names_it() -> None:
    with pytest.raises(PolicyError, match="Annotate the function with -> DataFrame"):
        Codec().encode([pl.DataFrame()])
    with pytest.raises(EntryUnreadable):
        Codec().decode(Codec(pl.DataFrame).encode(pl.DataFrame({"a": [1]})))


def test_bytes_that_polars_did_not_write_are_no_frame() -> None:
    codec = Codec(pl.DataFrame)
    payload = codec.encode(pl.DataFrame({"a": [1, 2], "b": ["x", "y"]}))
    for place in range(30, len(payload), 7):
        broken = bytearray(payload)
        broken[place] ^= 0xFF
        try:
            codec.decode(bytes(broken), proven=False)
        except EntryUnreadable:
            continue
