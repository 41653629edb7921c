"""What a return annotation says about values: the classes that it names, and whether msgspec alone can decode them."""

import collections.abc
import dataclasses
import datetime as dt
import enum
import types
import typing
from typing import Any

import msgspec

from frescor._values.names import class_name
from frescor.errors import PolicyError

# Types whose hashes cannot be foreseen by whoever chooses the values, or of which few values share a hash.
_SAFE_KEYS = (str, bytes, bool, int, float, type(None), dt.date, dt.datetime, dt.time, enum.Enum)
_HASHED = (dict, set, frozenset, collections.abc.Mapping, collections.abc.Set)


def type_name(kind: type) -> str:
    """The name of a class in messages and fingerprints."""
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def is_record(kind: object) -> bool:
    """Whether it is a class whose instances have fields: a dataclass, a Struct, a named tuple or an Enum."""
    return isinstance(kind, type) and (
        dataclasses.is_dataclass(kind)
        or issubclass(kind, msgspec.Struct | enum.Enum)
        or (issubclass(kind, tuple) and hasattr(kind, "_fields"))
    )


def field_names(cls: type) -> tuple[str, ...]:
    """The fields of such a class; those of an Enum are none."""
    if issubclass(cls, enum.Enum):
        return ()
    if dataclasses.is_dataclass(cls):
        return tuple(field.name for field in dataclasses.fields(cls))
    if issubclass(cls, msgspec.Struct):
        return cls.__struct_fields__
    return tuple(cls._fields)  # type: ignore[attr-defined]  # a named tuple


def classes_in(annotation: object) -> list[type]:
    """The record classes that an annotation names, directly or in the fields of another class."""
    found: dict[type, None] = {}
    waiting = [annotation]
    while waiting:
        part = waiting.pop()
        part = getattr(part, "__supertype__", part)
        waiting += typing.get_args(part)
        if not is_record(part):
            continue
        cls = typing.cast(type, part)
        if cls not in found:
            found[cls] = None
            if not issubclass(cls, enum.Enum):
                waiting += _hints(cls).values()
    return list(found)


def _hints(cls: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(cls)
    except (NameError, TypeError) as error:
        raise PolicyError(
            f"the annotations of {cls.__module__}.{cls.__qualname__} cannot be read: {error}. Names that they use "
            "must be importable when the program runs, not only under TYPE_CHECKING."
        ) from error


def _has_any(annotation: object, seen: set[object]) -> bool:
    if annotation in (Any, object, list, dict, tuple, set, frozenset):
        return True
    if is_record(annotation) and annotation not in seen and not issubclass(typing.cast(type, annotation), enum.Enum):
        seen.add(annotation)
        return any(_has_any(hint, seen) for hint in _hints(typing.cast(type, annotation)).values())
    return any(
        _has_any(part, seen)
        for part in typing.get_args(annotation)
        if isinstance(part, type) or typing.get_origin(part)
    )


def _has_keys(annotation: object, seen: set[object]) -> bool:
    """Whether dictionary keys or set members may be of a type of which an attacker can choose many values with one
    hash. Such values are counted while they are decoded, which msgspec's own decoder cannot do."""
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in _HASHED and not all(map(_is_safe_key, parts[:1])):
        return True
    if is_record(annotation) and annotation not in seen and not issubclass(typing.cast(type, annotation), enum.Enum):
        seen.add(annotation)
        return any(_has_keys(hint, seen) for hint in _hints(typing.cast(type, annotation)).values())
    return any(_has_keys(part, seen) for part in parts if isinstance(part, type) or typing.get_origin(part))


def _is_safe_key(annotation: object) -> bool:
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        return True
    if origin in (typing.Union, types.UnionType):
        return all(map(_is_safe_key, parts))
    if origin is typing.Annotated:
        return _is_safe_key(parts[0])
    return annotation is None or (isinstance(annotation, type) and issubclass(annotation, _SAFE_KEYS))


def typed_decoder(annotation: object) -> msgspec.msgpack.Decoder[Any] | None:
    """msgspec's own decoder for values of this annotation; None where the annotation leaves a type open, or where keys
    have to be counted while they are decoded."""
    if annotation is None or annotation is type(None) or _has_any(annotation, set()) or _has_keys(annotation, set()):
        return None
    try:
        return msgspec.msgpack.Decoder(typing.cast(Any, annotation), strict=True)
    except TypeError:
        return None


def fingerprint(annotation: object, fields: dict[type, tuple[str, ...]]) -> str:
    """Text that changes when the shape of the value changes, so that a new program does not read an old one's
    entries."""
    shapes = sorted(
        f"{type_name(cls)}({', '.join(f'{name}: {hint}' for name, hint in _hints(cls).items() if name in names)})"
        if names
        else f"{type_name(cls)}{list(getattr(cls, '__members__', ()))}"
        for cls, names in fields.items()
    )
    text = f"{annotation}|{'|'.join(shapes)}"
    for cls in fields:
        # A file that is run as a program names its classes differently than when it is imported.
        if cls.__module__ in ("__main__", "__mp_main__"):
            text = text.replace(type_name(cls), class_name(cls))
    return text
