"""Whether a value matches an annotation, with everything in it.

Used for bytes without a proof: a value of another type would crash the program that reads it. An annotation that is not
known here, such as a protocol or a type variable, accepts everything.
"""

import collections.abc
import enum
import functools
import types
import typing
from collections.abc import Callable, Iterable
from typing import Any

from frescor._values.detached import Detached
from frescor._values.records import field_names, hints_of, is_mapped, is_record

Check = Callable[[Any], bool]
_SEQUENCES = (collections.abc.Sequence, collections.abc.Collection, collections.abc.Iterable)
_SETS = (set, frozenset, collections.abc.Set)
_MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
# A value of one of these types counts as the wider one (PEP 484).
_WIDER: dict[object, tuple[type, ...]] = {float: (float, int), complex: (complex, float, int)}


@functools.lru_cache(maxsize=4096)
def conforming(annotation: object) -> Check | None:
    """A check whether a value matches this annotation; None if every value does."""
    annotation = _plain(annotation)
    if annotation is Any or annotation is object:
        return None
    if annotation is None or annotation is type(None):
        return lambda value: value is None
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Union or origin is types.UnionType:
        return _any_of([conforming(part) for part in arguments])
    if origin is typing.Literal:
        return lambda value: any(type(value) is type(one) and value == one for one in arguments)
    kind = origin or annotation
    if not isinstance(kind, type):
        return None
    return _of_kind(kind, arguments)


def _plain(annotation: object) -> object:
    while True:
        if typing.get_origin(annotation) is typing.Annotated:
            annotation = typing.get_args(annotation)[0]
        elif hasattr(annotation, "__supertype__"):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":
            annotation = annotation.__value__  # type: ignore[attr-defined]
        else:
            return annotation


def _any_of(checks: list[Check | None]) -> Check | None:
    if None in checks:
        return None
    known = [check for check in checks if check is not None]
    return lambda value: any(check(value) for check in known)


def _of_kind(kind: type, arguments: tuple[Any, ...]) -> Check | None:
    if kind is tuple and arguments and arguments[-1] is not ...:
        parts = [conforming(argument) for argument in arguments if argument != ()]
        return lambda value: (
            isinstance(value, tuple)
            and len(value) == len(parts)
            and all(part is None or part(item) for part, item in zip(parts, value, strict=True))
        )
    if kind in _MAPPINGS:
        return _mapping(kind, arguments)
    if kind in (list, tuple) or kind in _SETS or kind in _SEQUENCES:
        return _collection(kind, arguments)
    if is_record(kind):
        return _record(kind)
    if is_mapped(kind):
        return lambda value: isinstance(value, (kind, Detached))
    if typing.is_typeddict(kind):
        return _typed_dict(kind)
    return _instance(_WIDER.get(kind, (kind,)))


def _instance(kinds: tuple[type, ...]) -> Check | None:
    try:
        isinstance(None, kinds)
    except TypeError:
        return None  # a protocol without isinstance
    return lambda value: isinstance(value, kinds)


def _all(check: Check | None, of: object) -> "Callable[[Iterable[Any]], bool]":
    """A check whether all of some values pass; for plain classes it is carried out in C."""
    if check is None:
        return lambda _: True
    kinds = _WIDER.get(of, (of,))
    if isinstance(of, type) and typing.get_origin(of) is None and not is_record(of) and not typing.is_typeddict(of):
        exact = frozenset(kinds)
        return lambda values: exact.issuperset(map(type, values)) or all(map(check, values))
    return lambda values: all(map(check, values))


def _collection(kind: type, arguments: tuple[Any, ...]) -> Check:
    of = arguments[0] if arguments else Any
    items = _all(conforming(of), of)

    def check(value: Any) -> bool:
        found: object = value
        return isinstance(found, kind) and items(value)

    return check


def _mapping(kind: type, arguments: tuple[Any, ...]) -> Check:
    of_key, of_item = arguments if len(arguments) == 2 else (Any, Any)
    keys, items = _all(conforming(of_key), of_key), _all(conforming(of_item), of_item)

    def check(value: Any) -> bool:
        found: object = value
        return isinstance(found, kind) and keys(value) and items(value.values())

    return check


def _typed_dict(kind: Any) -> Check:
    hints = typing.get_type_hints(kind)
    required = kind.__required_keys__

    def check(value: Any) -> bool:
        return (
            type(value) is dict
            and hints.keys() >= value.keys() >= required
            and all((part := _field(hints[name])) is None or part(item) for name, item in value.items())
        )

    return check


def _field(hint: object) -> Check | None:
    origin = typing.get_origin(hint)
    return conforming(typing.get_args(hint)[0] if origin in (typing.Required, typing.NotRequired) else hint)


def _record(kind: type) -> Check:
    if issubclass(kind, enum.Enum):
        return lambda value: isinstance(value, kind)
    checks: dict[str, Check | None] | None = None

    def check(value: Any) -> bool:
        # Made at the first value, since a class may contain itself.
        nonlocal checks
        if checks is None:
            checks = {name: conforming(hint) for name, hint in _fields(kind).items()}
        return isinstance(value, kind) and all(
            part is None or part(getattr(value, name)) for name, part in checks.items()
        )

    return check


def _fields(kind: type) -> dict[str, Any]:
    hints = hints_of(kind)
    return {name: hints[name] for name in field_names(kind) if name in hints}
