"""polars' frames and series as Arrow's IPC format, which polars writes itself. Imported when one of them is met.

Read only where the annotation names the class, as pandas' are.
"""

import io
from typing import Any

import polars as pl

from frescor._values.registered import Coding, add_codings
from frescor._values.scalars import Unsupported

_VERSION = 1


def _take(frame: Any, value: Any) -> bytes:
    data = io.BytesIO()
    try:
        frame.write_ipc(data)
        back = _make(data.getvalue())
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError, TypeError) as error:
        raise Unsupported(value, _reason(" ".join(str(error).split())[:200])) from error
    if back.schema != frame.schema or not back.equals(frame, null_equal=True):
        raise Unsupported(value, _reason("it comes back different"))
    return data.getvalue()


def _reason(why: str) -> str:
    return (
        f"Arrow does not keep it exactly ({why}). Cast columns of Python objects to a type of polars, or return lists "
        "or dictionaries."
    )


def _make(data: bytes) -> Any:
    try:
        return pl.read_ipc(io.BytesIO(data))
    except pl.exceptions.PanicException as error:
        # No Exception, but what polars raises for bytes that it did not foresee.
        raise ValueError(f"no frame: {error}") from error


def _take_frame(frame: Any) -> object:
    return _take(frame, frame)


def _take_series(series: Any) -> object:
    return _take(series.to_frame(), series)


def _make_series(content: Any) -> Any:
    return _make(content).to_series()


add_codings(
    [
        Coding(pl.DataFrame, "polars.DataFrame", _VERSION, _take_frame, _make, by_name=True),
        Coding(pl.Series, "polars.Series", _VERSION, _take_series, _make_series, by_name=True),
    ]
)
