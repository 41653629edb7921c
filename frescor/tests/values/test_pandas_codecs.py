"""pandas' frames and series come back as they were, index and missing values included, or are refused."""

from typing import Any

import pytest

from frescor import Cache, PolicyError
from frescor._values.codec import Codec
from frescor.errors import EntryUnreadable

pd: Any = pytest.importorskip("pandas", reason="frames are tested by `make test-frames`")
pytest.importorskip("pyarrow", reason="frames are tested by `make test-frames`")
np: Any = pytest.importorskip("numpy")

FRAMES = {
    "numbers and text": lambda: pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": [float("nan"), -0.0]}),
    "small types": lambda: pd.DataFrame({"a": np.array([1, 2], "f2"), "b": np.array([1, 2], "u1")}),
    "categories": lambda: pd.DataFrame({"a": pd.Categorical(["x", None], categories=["y", "x"], ordered=True)}),
    "times": lambda: pd.DataFrame(
        {"a": pd.date_range("2026", periods=2, tz="America/Sao_Paulo"), "b": pd.to_timedelta([1, 2], "s")}
    ),
    "seconds": lambda: pd.DataFrame({"a": np.array(["2026", "NaT"], "M8[s]")}),
    "nullable": lambda: pd.DataFrame(
        {
            "a": pd.array([1, None], dtype="Int64"),
            "b": pd.array([True, None], dtype="boolean"),
            "c": pd.array([0.5, None], dtype="Float64"),
            "d": pd.array(["x", None], dtype="string"),
        }
    ),
    "periods and intervals": lambda: pd.DataFrame(
        {"a": pd.period_range("2026-01", periods=2, freq="M"), "b": pd.interval_range(0, 2)}
    ),
    "an index of times with a frequency": lambda: pd.DataFrame(
        {"a": [1, 2]}, index=pd.date_range("2026", periods=2, freq="D", name="day")
    ),
    "an index of several levels": lambda: pd.DataFrame(
        {"a": [1, 2]}, index=pd.MultiIndex.from_tuples([("x", 1), ("y", 2)], names=["k", None])
    ),
    "columns that are numbers": lambda: pd.DataFrame({1: [1], 2: [2]}, index=[5]),
    "columns of several levels": lambda: pd.DataFrame(
        [[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])
    ),
    "no rows": lambda: pd.DataFrame({"a": pd.Series([], dtype="int64")}),
    "no columns": lambda: pd.DataFrame(index=[1, 2]),
    "dates": lambda: pd.DataFrame({"a": pd.Series([pd.Timestamp("2026-01-01").date()], dtype=object)}),
}


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.parametrize("proven", [True, False])
def test_a_frame_comes_back_as_it_was(name: str, proven: bool) -> None:
    frame = FRAMES[name]()
    codec = Codec(dict[str, pd.DataFrame])
    back = codec.decode(codec.encode({"a": frame}), proven=proven)["a"]
    pd.testing.assert_frame_equal(back, frame, check_exact=True, check_freq=True)
    assert type(back) is pd.DataFrame


@pytest.mark.parametrize("name", ["a", None, ("a", 1)])
def test_a_series_comes_back_with_its_name_and_index(name: object) -> None:
    series = pd.Series([1.5, None], index=pd.date_range("2026", periods=2, freq="h"), name=name)
    back = Codec(pd.Series).decode(Codec(pd.Series).encode(series))
    pd.testing.assert_series_equal(back, series, check_exact=True, check_freq=True)
    assert back.name == series.name


def test_each_reader_gets_a_frame_of_its_own_that_it_may_change() -> None:
    runs = []
    with Cache.from_url("memory://", "test") as cache:

        @cache.cached(expire=60, key_prefix="frame", name="frame")
        def frame() -> pd.DataFrame:
            runs.append(1)
            return pd.DataFrame({"a": [1.0, 2.0]})

        for _ in range(3):
            found = frame()
            assert found["a"].tolist() == [1.0, 2.0]
            found.loc[0, "a"] = 9.0
            found["b"] = 1
    assert runs == [1]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: pd.DataFrame({"a": [{}, "x"]}), "does not keep it exactly"),
        (lambda: pd.DataFrame({"a": [[1, 2], [3]]}), "does not keep it exactly"),
        (lambda: pd.DataFrame([[1, 2]], columns=["a", "a"]), "Duplicate column names"),
        (lambda: pd.DataFrame({"a": [1 + 2j]}), "does not keep it exactly"),
        (lambda: pd.DataFrame({"a": pd.Series([float("nan"), None, True], dtype=object)}), "missing values"),
        (lambda: type("Own", (pd.DataFrame,), {})({"a": [1]}), "no encoding is known"),
        (lambda: pd.Index([1]), "DataFrame and Series can be cached"),
        (lambda: pd.Timestamp("2026"), "to_pydatetime"),
    ],
)
def test_what_arrow_does_not_keep_is_refused(make: Any, says: str) -> None:
    value = make()
    with pytest.raises(PolicyError, match=says):
        Codec(pd.DataFrame).encode([value])


def test_a_frame_is_kept_and_read_only_where_the_annotation_names_it() -> None:
    with pytest.raises(PolicyError, match="Annotate the function with -> DataFrame"):
        Codec().encode([pd.DataFrame()])
    payload = Codec(pd.DataFrame).encode(pd.DataFrame({"a": [1]}))
    with pytest.raises(EntryUnreadable):
        Codec().decode(payload)


def test_bytes_that_arrow_did_not_write_are_no_frame() -> None:
    codec = Codec(pd.DataFrame)
    payload = codec.encode(pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}))
    for place in range(30, len(payload), 7):
        broken = bytearray(payload)
        broken[place] ^= 0xFF
        try:
            codec.decode(bytes(broken), proven=False)
        except EntryUnreadable:
            continue
