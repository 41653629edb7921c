"""Types with a codec of their own: those that a program registers, and those of libraries that are installed.

A stored value names its codec and that one's version. A reader that has no such codec, being an older or a newer
release, takes the entry for a miss.
"""

import importlib
import threading
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from frescor._values.detached import Detached, content_of, from_content
from frescor._values.names import class_name, is_found
from frescor._values.scalars import TO_BYTES, Unsupported
from frescor.errors import PolicyError

T = TypeVar("T")

# The modules that hold the codecs of libraries, by the library's first name; imported when one of its values is met.
# Stored bytes alone let none be imported but numpy's, of which values are read without an annotation that names them.
_LIBRARIES = {
    "numpy": "frescor._values.numpy_codecs",
    "pandas": "frescor._values.pandas_codecs",
    "polars": "frescor._values.polars_codecs",
}
_ANYWHERE = "numpy"
_BUILT_IN = (str, int, float, bool, bytes, list, dict, tuple, set, frozenset, type(None), *TO_BYTES)


@dataclass(frozen=True, slots=True)
class Coding:
    """How values of one type are stored: as what `encode` makes of them.

    is_own: registered by the program, so that each value is decoded when it is stored, and compared. by_name: only
    decoded where the annotation names the type.
    """

    kind: type
    name: str
    version: int
    encode: Callable[[Any], object]
    decode: Callable[[Any], Any]
    is_own: bool = False
    by_name: bool = False

    def content(self, value: Any) -> object:
        """What is stored of a value. Raises Unsupported for one that cannot be kept."""
        try:
            content = self.encode(value)
        except Unsupported:
            raise
        except Exception as error:  # whatever a program's own function raises is told with the value that it is about
            raise Unsupported(value, f"the encode function of its codec raised {error!r}.") from error
        if type(content) is self.kind:
            raise Unsupported(
                value,
                "the encode function of its codec returned the same type again. Let it return what the value consists "
                "of, such as a tuple of numbers and text.",
            )
        return content

    def check(self, value: Any, content: Any) -> Any:
        """What this content, as it is read, is decoded to, if only its encoding can tell whether it is equal; else
        None. Raises Unsupported for one of another type, or that is not equal."""
        try:
            back = self.decode(content)
        except Exception as error:  # as above
            raise Unsupported(value, f"the decode function of its codec raised {error!r}.") from error
        # Of types without `__eq__`, and with NaN, different objects are never equal.
        compares = vars(object)["__eq__"] is not getattr(self.kind, "__eq__") and not _has_nan(content)  # noqa: B009
        if type(back) is not self.kind or (compares and _differ(value, back)):
            how = "another value" if type(back) is self.kind else f"a {type(back).__qualname__}"
            raise Unsupported(
                value, f"its codec does not return what went in, but {how}. Correct its encode and decode functions."
            )
        return None if compares else back


def _differ(one: Any, other: Any) -> bool:
    try:
        return not bool(one == other)
    except Exception:  # noqa: BLE001  # as arrays do: the comparison has no single answer
        return False


def _has_nan(content: Any) -> bool:
    """Whether something in it is not equal to itself."""
    if isinstance(content, list | tuple | set | frozenset):
        return any(map(_has_nan, content))
    if isinstance(content, dict):
        return any(map(_has_nan, content.values()))
    return content.is_nan() if isinstance(content, Decimal) else isinstance(content, float) and content != content


_DETACHED = Coding(Detached, "frescor.Detached", 1, content_of, from_content)
_by_type: dict[type, Coding] = {Detached: _DETACHED}
_by_name: dict[str, Coding] = {_DETACHED.name: _DETACHED}
# The classes that annotations of cached functions have named, without a codec for them.
_settled: "weakref.WeakSet[type]" = weakref.WeakSet()
_lock = threading.Lock()


def register_codec(
    kind: type[T],
    encode: Callable[[T], object],
    decode: Callable[[Any], T],
    *,
    version: int = 1,
    name: str | None = None,
) -> None:
    """Let values of a type be cached, wherever they stand in a value. Once, before functions that return it are
    declared: best beside the class.

    encode: returns what a value consists of, as anything that can be cached itself, such as a tuple or a dictionary.
    decode: makes a new value of that. On a cache without secrets it may get what somebody else wrote to the server: let
    it check what it gets, and raise anything for what it does not accept; for the reader that is a miss.
    version: increase it when what `encode` returns changes. Entries of another version are misses.
    name: what stored entries call the type, the same in all programs that share them; by default its module and name.

    Values of a subclass are refused: it needs a codec of its own. Each value is decoded again when it is stored, and
    refused unless the result has the same type and, if the type defines `__eq__`, is equal.

    Raises PolicyError if the type or the name already has a codec, if Frescor stores the type by itself, and if a
    cached function that was declared before returns it.
    """
    given: Any = kind
    if not isinstance(given, type):
        raise PolicyError(f"register_codec takes a class, then its encode and decode functions; got {given!r}.")
    if given in _BUILT_IN or given.__module__.partition(".")[0] in _LIBRARIES or given is object:
        raise PolicyError(
            f"{class_name(kind)} needs no codec: Frescor stores it itself, or refuses it with the reason."
        )
    functions: tuple[object, object] = (encode, decode)
    if not all(map(callable, functions)):
        raise PolicyError(
            f"the codec of {class_name(kind)} consists of two functions: encode(value), which returns what it consists "
            f"of, and decode(content), which returns the value; got {encode!r} and {decode!r}."
        )
    number: object = version
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise PolicyError(f"the version of a codec is a whole number from 1; got {version!r}.")
    called: Any = class_name(kind) if name is None else name
    if not isinstance(called, str) or not called.isprintable() or not 0 < len(called) <= 200:
        raise PolicyError(f"the name of a codec is printable text of 1 to 200 characters; got {name!r}.")
    if called.partition(".")[0] in _LIBRARIES:
        raise PolicyError(f"the name {called!r} begins as those of a library's own codecs: choose another.")
    _add(Coding(kind, called, version, encode, decode, is_own=True))


def _add(coding: Coding) -> None:
    with _lock:
        for other in (_by_type.get(coding.kind), _by_name.get(coding.name)):
            if other is not None and not _is_again(other, coding):
                raise PolicyError(
                    f"there already is a codec named {other.name!r}, of {class_name(other.kind)}: a type has one "
                    "codec, and each codec a name of its own. Register it in one place, or give this one another name=."
                )
        if coding.kind in _settled:
            raise PolicyError(
                f"a cached function that returns {class_name(coding.kind)} was declared before its codec was "
                "registered. Register it first: best beside the class."
            )
        _by_type[coding.kind] = _by_name[coding.name] = coding


def _is_again(one: Coding, other: Coding) -> bool:
    """Whether it is the same definition, run again: a module that is reloaded, a cell of a notebook."""
    if one.kind is other.kind:
        return one.name == other.name and all(
            getattr(old, "__code__", old) == getattr(new, "__code__", new)
            for old, new in ((one.encode, other.encode), (one.decode, other.decode))
        )
    return class_name(one.kind) == class_name(other.kind) and not is_found(
        one.kind, one.kind.__module__, one.kind.__qualname__
    )


def add_codings(codings: Iterable[Coding]) -> None:
    """The codecs of a library."""
    for coding in codings:
        _by_type[coding.kind] = _by_name[coding.name] = coding


def coding_of(kind: type) -> Coding | None:
    """The codec of a type; None if it has none."""
    coding = _by_type.get(kind)
    if coding is None and (library := kind.__module__.partition(".")[0]) in _LIBRARIES:
        _load(library)
        coding = _by_type.get(kind)
    return coding


def coding_named(name: object, version: object) -> Coding:
    """The codec that an entry names. Raises ValueError if this program has none of that name and version."""
    coding = _by_name.get(name) if isinstance(name, str) else None
    if coding is None and isinstance(name, str) and name.partition(".")[0] == _ANYWHERE:
        _load(_ANYWHERE)
        coding = _by_name.get(name)
    if coding is None or coding.version != version:
        raise ValueError(f"this program has no codec {name} of version {version}")
    return coding


def _load(library: str) -> None:
    try:
        importlib.import_module(_LIBRARIES[library])
    except ImportError as error:
        raise ValueError(f"{library} cannot be imported here: {error}") from error


def settle(kinds: Iterable[type]) -> None:
    """These classes are named by an annotation: whether they have a codec is settled now."""
    for kind in kinds:
        if kind not in _by_type and kind not in _BUILT_IN:
            _settled.add(kind)
