"""numpy's arrays and scalars, as their bytes with their type, shape and order. Imported when one of them is met."""

from typing import Any

import numpy as np

from frescor._values.registered import Coding, add_codings
from frescor._values.scalars import Unsupported

_VERSION = 1
_TEXTS = (np.str_, np.bytes_)


def _described(value: Any, dtype: np.dtype[Any]) -> object:
    """What makes an equal dtype again. Raises Unsupported if nothing does."""
    if dtype.hasobject or dtype.metadata is not None:
        raise Unsupported(
            value,
            "its dtype refers to Python objects, or has metadata, and cannot be stored as bytes. Give it a type such "
            "as float64, datetime64[ns] or U20 first: astype(…); or return a list.",
        )
    description: Any = np.lib.format.dtype_to_descr(dtype)
    if dtype.fields is None and np.dtype(description).type is not dtype.type:
        # Of two integer types of one size, such as long and long long, the description names one.
        description = f"{dtype.byteorder}{dtype.char}"
    made = np.lib.format.descr_to_dtype(description)
    if made != dtype or made.isalignedstruct != dtype.isalignedstruct or made.itemsize != dtype.itemsize:
        raise Unsupported(
            value,
            f"its dtype {dtype} has gaps or an alignment that its description does not tell. Make it packed: "
            "numpy.lib.recfunctions.repack_fields.",
        )
    return description


def _dtype(description: Any) -> np.dtype[Any]:
    if description is None:
        raise ValueError("no description of a dtype")
    made: np.dtype[Any] = np.lib.format.descr_to_dtype(description)
    if made.hasobject:
        raise ValueError("a dtype that refers to objects")
    return made


def _take_array(value: np.ndarray[Any, Any]) -> object:
    # Neither order: it comes back in C order, with the same content.
    order = "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"
    return (
        _described(value, value.dtype),
        value.shape,
        order,
        value.flags.writeable,
        value.tobytes("F" if order == "F" else "C"),
    )


def _make_array(content: Any) -> np.ndarray[Any, Any]:
    description, shape, order, writeable, data = content
    # Each reader gets bytes of its own, which it may write to.
    made: np.ndarray[Any, Any] = np.ndarray(shape, _dtype(description), bytearray(data), order=order)
    if made.nbytes != len(data) or min(shape, default=0) < 0:
        raise ValueError("an array of another size")
    made.flags.writeable = bool(writeable)
    return made


def _take_scalar(value: np.generic) -> object:
    if isinstance(value, _TEXTS):
        # As an element of an array it would lose what stands after its last character but NUL.
        return (value.dtype.kind, value[:])
    return (_described(value, value.dtype), value.tobytes())


def _make_scalar(kind: type[Any]) -> Any:
    def make(content: Any) -> Any:
        description, data = content
        if kind in _TEXTS:
            return kind(data)
        made = np.ndarray((), _dtype(description), bytearray(data))[()]
        if type(made) is not kind or made.nbytes != len(data):
            raise ValueError("a scalar of another type")
        return made

    return make


def _scalar_types() -> list[type[np.generic]]:
    found: list[type[np.generic]] = []
    waiting: list[type[np.generic]] = [*np.generic.__subclasses__()]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        # Those that others inherit from have no instances. Subclasses of a program or of another library stay refused.
        if kind.__module__ == "numpy" and kind not in (np.object_, np.record) and kind in np.sctypeDict.values():
            found.append(kind)
    return found


add_codings(
    [
        Coding(np.ndarray, "numpy.ndarray", _VERSION, _take_array, _make_array),
        *(
            Coding(kind, f"numpy.{np.dtype(kind).char}", _VERSION, _take_scalar, _make_scalar(kind))
            for kind in _scalar_types()
        ),
    ]
)
