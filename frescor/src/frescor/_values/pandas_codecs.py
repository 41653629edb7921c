"""pandas' frames and series as Arrow's IPC format, by pyarrow. Imported when one of them is met.

Read only where the annotation names the class: Arrow's format is read by much code, which is not meant for bytes that
anybody may have written.
"""

import io
from typing import Any

import pandas as pd

from frescor._values.registered import Coding, add_codings
from frescor._values.scalars import Unsupported

_VERSION = 1
_COLUMN = "values"


def _arrow(value: Any) -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise Unsupported(
            value, "pandas' frames are stored by pyarrow, which is not installed: pip install 'frescor[pandas]'"
        ) from error
    return pyarrow


def _freq(frame: Any) -> str | None:
    """The frequency of an index of times, which Arrow does not keep."""
    return (
        getattr(frame.index, "freqstr", None) if isinstance(frame.index, pd.DatetimeIndex | pd.TimedeltaIndex) else None
    )


def _take(frame: Any, value: Any) -> tuple[str | None, bytes]:
    arrow = _arrow(value)
    freq, data = _freq(frame), io.BytesIO()
    try:
        table = arrow.Table.from_pandas(frame, preserve_index=True)
        with arrow.ipc.new_stream(data, table.schema) as stream:
            stream.write_table(table)
        back = _make(freq, data.getvalue())
        pd.testing.assert_frame_equal(frame, back, check_exact=True)
    except (arrow.ArrowException, AssertionError, ValueError, TypeError, KeyError, AttributeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise Unsupported(
            value,
            f"Arrow does not keep it exactly ({reason}). Give its columns types such as int64, Int64, str, category or "
            "datetime64 (astype), and each a name of its own; or return lists or dictionaries.",
        ) from error
    if frame.attrs != back.attrs or not all(
        _same_objects(frame.iloc[:, place], back.iloc[:, place]) for place in range(frame.shape[1])
    ):
        raise Unsupported(
            value,
            "Arrow does not keep its missing values, or its attrs, exactly: None beside NaN in one column, or attrs "
            "that JSON does not have. Use one of them: convert_dtypes(), or fillna.",
        )
    return (freq, data.getvalue())


def _same_objects(one: Any, other: Any) -> bool:
    """Whether the values of a column are of equal types, where the dtype leaves them open."""
    if str(one.dtype) not in ("object", "Float32", "Float64"):
        return True
    return all(type(left) is type(right) for left, right in zip(one.array, other.array, strict=True))


def _make(freq: str | None, data: bytes) -> Any:
    arrow = _arrow(None)
    table = arrow.ipc.open_stream(data).read_all()
    # Otherwise offsets that point anywhere would be followed.
    table.validate(full=True)
    # A copy: what Arrow hands over may refer to its own memory, which cannot be written to.
    frame = table.to_pandas().copy()
    if freq is not None:
        frame.index.freq = freq
    return frame


def _take_frame(frame: Any) -> object:
    return _take(frame, frame)


def _make_frame(content: Any) -> Any:
    freq, data = content
    return _make(freq, data)


def _take_series(series: Any) -> object:
    return (series.name, *_take(series.to_frame(_COLUMN), series))


def _make_series(content: Any) -> Any:
    name, freq, data = content
    series = _make(freq, data)[_COLUMN]
    series.name = name
    return series


add_codings(
    [
        Coding(pd.DataFrame, "pandas.DataFrame", _VERSION, _take_frame, _make_frame, by_name=True),
        Coding(pd.Series, "pandas.Series", _VERSION, _take_series, _make_series, by_name=True),
    ]
)
