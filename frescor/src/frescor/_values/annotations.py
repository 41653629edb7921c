"""What a return annotation says about values: the classes that it names, and whether msgspec alone can decode them."""

import collections.abc
import datetime as dt
import enum
import types
import typing
from collections.abc import Iterable
from typing import Any

import msgspec

from frescor._values.names import class_name
from frescor._values.records import field_names, hints_of, is_attrs, is_model, is_record, record_name
from frescor._values.registered import coding_of

# Types whose hashes cannot be foreseen by whoever chooses the values, or of which few values share a hash.
_SAFE_KEYS = (str, bytes, bool, int, float, type(None), dt.date, dt.datetime, dt.time, enum.Enum)
_HASHED = (dict, set, frozenset, collections.abc.Mapping, collections.abc.Set)


def type_name(kind: type) -> str:
    """The name of a class in messages and fingerprints."""
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def named_in(annotation: object) -> list[type]:
    """All classes that an annotation names, directly or in the fields of another class."""
    found: dict[type, None] = {}
    waiting = [annotation]
    seen: set[int] = set()
    while waiting:
        part = waiting.pop()
        part = getattr(part, "__supertype__", part)
        if type(part).__name__ == "TypeAliasType" and id(part) not in seen:
            seen.add(id(part))
            waiting.append(part.__value__)  # type: ignore[attr-defined]
        waiting += typing.get_args(part)
        cls = typing.get_origin(part) or part
        if not isinstance(cls, type) or cls in found:
            continue
        found[cls] = None
        if typing.is_typeddict(cls) or (is_record(cls) and not issubclass(cls, enum.Enum)):
            waiting += hints_of(cls).values()
    return list(found)


def classes_in(annotation: object) -> list[type]:
    """The record classes among them."""
    return [cls for cls in named_in(annotation) if is_record(cls)]


def _has_any(annotation: object, seen: set[object]) -> bool:
    if annotation in (Any, object, list, dict, tuple, set, frozenset):
        return True
    if is_record(annotation) and annotation not in seen and not issubclass(typing.cast(type, annotation), enum.Enum):
        seen.add(annotation)
        return any(_has_any(hint, seen) for hint in hints_of(typing.cast(type, annotation)).values())
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
        return any(_has_keys(hint, seen) for hint in hints_of(typing.cast(type, annotation)).values())
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
    if any(is_model(cls) or is_attrs(cls) or coding_of(cls) is not None for cls in named_in(annotation)):
        return None
    try:
        return msgspec.msgpack.Decoder(typing.cast(Any, annotation), strict=True)
    except TypeError:
        return None


def fingerprint(annotation: object, named: Iterable[type]) -> str:
    """Text that changes when the shape of the value changes, so that a new program does not read an old one's
    entries. named: the classes that the annotation names."""
    shapes = sorted(filter(None, map(_shape, named)))
    text = f"{annotation}|{'|'.join(shapes)}"
    for cls in named:
        # A file that is run as a program names its classes differently than when it is imported.
        if cls.__module__ in ("__main__", "__mp_main__"):
            text = text.replace(type_name(cls), class_name(cls))
    return text


def _shape(cls: type) -> str:
    coding = coding_of(cls)
    if coding is not None:
        return f"{coding.name} v{coding.version}"
    if is_record(cls) and issubclass(cls, enum.Enum):
        return f"{type_name(cls)}{list(cls.__members__)}"
    if not is_record(cls) and not typing.is_typeddict(cls):
        return ""
    hints = hints_of(cls)
    names = field_names(cls) if is_record(cls) else tuple(hints)
    name = record_name(cls) if is_model(cls) else type_name(cls)
    return f"{name}({', '.join(f'{name}: {hint}' for name, hint in hints.items() if name in names)})"
