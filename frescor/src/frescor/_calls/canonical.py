"""The canonical form of values, classes and functions: bytes that are equal for the same thing in every process, and
different for different things.

The form of a value contains all it consists of, with the types. A class that can be imported by its name is represented
by that name; any other class, made in a function or defined again, by its name and its parts. A function is represented
by its module and name and what its closure captures; a function without a name of its own, such as a lambda, also by
its code. Anything without an identity by value is an object of this process only; `Holding` collects these.
"""

import dataclasses
import datetime as dt
import dis
import enum
import functools
import hashlib
import inspect
import logging
import operator
import re
import struct
import sys
import types
import uuid
import weakref
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import chain
from pathlib import PurePath
from typing import Any, cast, get_args, get_origin
from zoneinfo import ZoneInfo

import msgspec

from frescor._calls.borrowed import kind_of, stand_in
from frescor._values.names import INTERACTIVE, class_name, is_found, module_name, namespace_of

_DOUBLE = struct.Struct(">d")
_SIZE = struct.Struct(">I")
_MUTATORS = frozenset(
    (
        "append",
        "appendleft",
        "extend",
        "insert",
        "add",
        "update",
        "setdefault",
        "pop",
        "popitem",
        "popleft",
        "clear",
        "remove",
        "discard",
    )
)
# Entries in a class's `vars` that Python adds itself, or that a decorator generated from the others.
_OF_DESCRIPTORS = (types.MemberDescriptorType, types.GetSetDescriptorType)
EMPTY = object()
# The method, or attribute, by which an instance identifies itself.
OWN_KEY = "__cache_key__"
_SCALARS = frozenset({int, str, bytes, bool, float, type(None)})
_TEXT = {str}
_PACK = msgspec.msgpack.Encoder().encode


class NoIdentity(Exception):
    """A value without identity by value; `value` is that value, or the part of it that has none."""

    def __init__(self, value: object) -> None:
        super().__init__(type(value).__qualname__)
        self.value = value


class Holding:
    """What was found while a function was examined, in addition to its bytes.

    objects: what has no identity by value. cells: the closure variables, each with its content. is_mutable: whether
    something that counts by value can change. bodies: the code of all functions.
    """

    def __init__(self, *, vouched: bool = False) -> None:
        self.objects: list[object] = []
        self.cells: list[tuple[types.CellType, object]] = []
        self.is_mutable = False
        self.bodies: list[bytes] = []
        self.under_way: list[object] = []
        # The caller has named the function, so what can change does not count.
        self.vouched = vouched

    def of(self, thing: object) -> int | None:
        """How far up the same object is already being examined, since it contains itself."""
        return next((place for place, one in enumerate(reversed(self.under_way)) if one is thing), None)


def canonical(value: Any, holding: Holding | None = None) -> bytes:
    """Bytes that two values share exactly when they are equal and have the same types throughout.

    Raises NoIdentity for a value that has none; with `holding`, the value is recorded there instead.
    """
    kind = type(value)
    simple = _SIMPLE.get(kind)
    if simple is not None:
        mark, function = simple
        try:
            return framed(mark, function(value))
        except NoIdentity:
            return _noted(value, holding)
    if kind is list or kind is tuple:
        _note_mutable(holding, kind is list)
        packed = _packed(value)
        if packed is not None:
            return framed(b"m" if kind is list else b"n", packed)
        return framed(b"L" if kind is list else b"T", b"".join([canonical(item, holding) for item in value]))
    if kind is dict:
        _note_mutable(holding, True)
        if set(map(type, value)) == _TEXT and (packed := _packed([*chain(*sorted(value.items()))])) is not None:
            return framed(b"M", packed)
        return framed(
            b"D", b"".join(sorted(canonical(key, holding) + canonical(item, holding) for key, item in value.items()))
        )
    if kind is set or kind is frozenset:
        _note_mutable(holding, kind is set)
        return framed(b"S" if kind is set else b"F", b"".join(sorted(canonical(item, holding) for item in value)))
    if isinstance(value, type):
        return framed(b"K", _class(value, holding))
    record = _RECORDS.get(kind)
    if record is None:
        fields = _fields(kind)
        if fields is None:
            return framed(b"X", _thing(value, kind, holding))
        record = _RECORDS[kind] = _Record(kind, fields)
    _note_mutable(holding, not record.is_frozen)
    return framed(b"O", record.class_name(holding) + record.content(value, holding))


def _packed(values: list[Any] | tuple[Any, ...]) -> bytes | None:
    """Scalars as MessagePack, ten times as fast as one by one; None unless all of them are scalars."""
    if not _SCALARS.issuperset(map(type, values)):
        return None
    try:
        return _PACK(values)
    except (OverflowError, UnicodeEncodeError):
        return None  # an integer above 64 bits, a lone surrogate


class _Record:
    """How instances of a class with fields become bytes; determined once per class."""

    __slots__ = ("_class", "_get", "_names", "_place", "is_frozen")

    def __init__(self, kind: type, fields: Iterable[str]) -> None:
        # Weak, because the dictionary that keeps this has the class as its weak key.
        self._class = weakref.ref(kind)
        names = tuple(fields)
        is_enum = issubclass(kind, enum.Enum)
        self._names = b"" if is_enum else canonical(names)
        self.is_frozen = _is_frozen(kind)
        if is_enum:
            self._get: Callable[[Any], tuple[Any, ...]] = lambda member: (member.value,)
        elif names == (OWN_KEY,):
            self._get = lambda value: (own() if callable(own := getattr(value, OWN_KEY)) else own,)
        elif len(names) > 1:
            self._get = operator.attrgetter(*names)
        else:
            self._get = lambda value: tuple([getattr(value, name) for name in names])
        # Set if the class can be found by its name, as is usual: module and name as bytes.
        found = "." not in kind.__qualname__ and kind.__module__ != INTERACTIVE
        self._place = (kind.__module__, kind.__qualname__, canonical(class_name(kind))) if found else None

    def class_name(self, holding: Holding | None) -> bytes:
        """The bytes of the class."""
        kind = self._class()
        assert kind is not None
        if self._place is not None:
            module, name, data = self._place
            if getattr(sys.modules.get(module), name, None) is kind:
                return data
        return _class(kind, holding)

    def content(self, value: Any, holding: Holding | None) -> bytes:
        """The bytes of an instance."""
        return self._names + canonical(self._get(value), holding)


_RECORDS: "weakref.WeakKeyDictionary[type, _Record]" = weakref.WeakKeyDictionary()


def _fields(kind: type) -> Iterable[str] | None:
    """The fields that an instance of a class consists of; None for a class that does not define fields."""
    if issubclass(kind, enum.Enum):
        return ()
    if kind_of(kind) is not None:
        return None
    if hasattr(kind, OWN_KEY):
        return (OWN_KEY,)
    if dataclasses.is_dataclass(kind):
        return [field.name for field in dataclasses.fields(kind)]
    if hasattr(kind, "__attrs_attrs__"):
        return [attribute.name for attribute in kind.__attrs_attrs__]
    if isinstance(fields := getattr(kind, "__pydantic_fields__", None), dict):
        return (*fields, "__pydantic_extra__")
    if issubclass(kind, msgspec.Struct):
        return kind.__struct_fields__
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return tuple(kind._fields)
    return None


def _is_frozen(kind: type) -> bool:
    if hasattr(kind, OWN_KEY) or hasattr(kind, "__attrs_attrs__") or hasattr(kind, "__pydantic_fields__"):
        return False
    if dataclasses.is_dataclass(kind):
        return bool(getattr(kind, "__dataclass_params__").frozen)  # noqa: B009  # no type checker knows of it
    return not issubclass(kind, msgspec.Struct) or kind.__struct_config__.frozen


def _thing(value: Any, kind: type, holding: Holding | None) -> bytes:
    """The bytes of anything that is neither data nor a class: mostly functions and similar callables."""
    if isinstance(value, types.ModuleType):
        return canonical(("module", value.__name__))
    if isinstance(value, logging.Logger):
        return canonical(("logger", value.name))
    if isinstance(value, re.Pattern):
        return canonical(("pattern", value.pattern, value.flags))
    if kind is range or kind is slice:
        return canonical((kind.__name__, value.start, value.stop, value.step), holding)
    if isinstance(value, PurePath):
        return canonical((kind.__name__, str(value)))
    if isinstance(value, ZoneInfo) and value.key is not None:
        return canonical(("zone", value.key))
    if value is Ellipsis or value is NotImplemented:
        return canonical(repr(value))
    if get_origin(value) is not None:
        return canonical(str(get_origin(value))) + canonical(get_args(value), holding)
    if kind.__module__ == "operator":
        return canonical(("operator", *value.__reduce__()), holding)
    if isinstance(value, types.MethodDescriptorType | types.WrapperDescriptorType | types.ClassMethodDescriptorType):
        return canonical(("method", value.__objclass__, value.__name__), holding)
    if kind.__module__ == "ipaddress":
        return canonical((kind.__name__, str(value)))
    if kind is Fraction:
        return canonical(("fraction", value.numerator, value.denominator))
    parts = function_parts(value)
    if parts is not None:
        return _function_of_parts(value, parts, holding)
    # Captured by a closure it is an object of this process, whatever its database.
    stands = stand_in(value) if holding is None else None
    return _noted(value, holding) if stands is None else canonical(stands)


def function_parts(value: Any) -> tuple[object, ...] | None:
    """What a callable consists of, its function first; None if it is not a function."""
    if isinstance(value, types.FunctionType):
        return (value,)
    if isinstance(value, types.MethodType):
        return (value.__func__, value.__self__)
    if isinstance(value, types.BuiltinFunctionType):
        owner = value.__self__
        return (value,) if owner is None or isinstance(owner, types.ModuleType) else (value, owner)
    if isinstance(value, functools.partial):
        return (value.func, value.args, value.keywords)
    if isinstance(value, classmethod | staticmethod):
        return (value.__func__,)
    inner = getattr(value, "__wrapped__", None)
    if callable(inner) and not isinstance(value, type) and _stands_for_its_function(value):
        return (inner,)
    return None


def _stands_for_its_function(value: object) -> bool:
    """Whether a wrapping object adds nothing but a cache, so that it returns what its function returns."""
    return type(value).__module__ in ("functools", "frescor._surface.decorator")


def _function_of_parts(value: object, parts: tuple[object, ...], holding: Holding | None) -> bytes:
    seen = Holding() if holding is None else holding
    if isinstance(value, types.FunctionType):
        data = function_identity(value, seen)
    elif isinstance(value, types.BuiltinFunctionType):
        data = canonical((value.__module__ or "", value.__qualname__)) + canonical(parts[1:], seen)
    else:
        data = canonical(parts, seen)
    if holding is None and seen.objects:
        raise NoIdentity(value)
    return data


def function_identity(function: types.FunctionType, holding: Holding) -> bytes:
    """The bytes of a captured function: its name, what it captures itself, and for a lambda its code."""
    place = holding.of(function)
    if place is not None:
        return framed(b"^", str(place).encode())
    name = canonical((module_name(function.__module__, namespace_of(function)), function.__qualname__))
    return name + held_by(function, holding)


def held_by(function: types.FunctionType, holding: Holding) -> bytes:
    """What belongs to a function in addition to its name: nothing for a function at the top level of a module."""
    holding.under_way.append(function)
    code = function.__code__
    body = body_digest(code)
    holding.bodies.append(body)
    # The caller's name stands for the code of a lambda, as for any other function.
    is_named = holding.vouched and len(holding.under_way) == 1
    data = [body] if code.co_name == "<lambda>" and not is_named else []
    if "<locals>" in code.co_qualname or code.co_name == "<lambda>":
        # The defaults may differ each time the definition runs.
        defaults = (function.__defaults__ or (), sorted((function.__kwdefaults__ or {}).items()))
        if any(defaults):
            data.append(canonical((defaults[0], tuple(defaults[1])), holding))
        data += _attributes(function, holding.under_way)
    written = written_variables(code)
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        data.append(canonical(name) + _cell(cell, written.get(name), holding))
    holding.under_way.pop()
    return b"".join(data)


def _attributes(function: types.FunctionType, under_way: list[object]) -> Iterator[bytes]:
    """The attributes set on a function of which there may be several; frameworks keep their own objects there."""
    for name, value in sorted(vars(function).items()):
        trial = Holding()
        trial.under_way = under_way
        data = canonical((name, value), trial)
        if name != "__wrapped__" and not trial.objects:
            yield data


def _cell(cell: types.CellType, written: str | None, holding: Holding) -> bytes:
    if written == "assigned":
        # The function's own state, such as a counter.
        holding.objects.append(cell)
        return b""
    content = content_of(cell)
    holding.cells.append((cell, content))
    if content is EMPTY:
        return b""
    if written == "changed" or (holding.vouched and _can_change(content)):
        holding.objects.append(content)
        return b""
    return canonical(content, holding)


def _can_change(value: object) -> bool:
    trial = Holding()
    canonical(value, trial)
    return trial.is_mutable


def content_of(cell: types.CellType) -> object:
    """The present content of a closure variable; EMPTY before it is assigned."""
    try:
        return cell.cell_contents
    except ValueError:
        return EMPTY


@functools.lru_cache(maxsize=4096)
def written_variables(code: types.CodeType) -> dict[str, str]:
    """The closure variables that a function itself writes: "assigned", or "changed" if it changes their content, as
    `runs.append(1)` and `runs["a"] += 1` do. Only the usual forms are found; a variable that is written in another way
    counts by value, which costs hits but is never wrong."""
    found: dict[str, str] = {}
    steps = list(dis.get_instructions(code))
    names = [step.opname for step in steps] + [""] * 4
    for place, step in enumerate(steps):
        if step.opname in ("STORE_DEREF", "DELETE_DEREF"):
            found[step.argval] = "assigned"
        elif step.opname == "LOAD_DEREF" and step.argval not in found:
            calls = names[place + 1] in ("LOAD_METHOD", "LOAD_ATTR") and steps[place + 1].argval in _MUTATORS
            stores = names[place + 2] in ("STORE_SUBSCR", "DELETE_SUBSCR")
            if calls or stores or names[place + 2 : place + 4] == ["COPY", "COPY"]:
                found[step.argval] = "changed"
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            for name, how in written_variables(inner).items():
                found.setdefault(name, how)
    return {name: how for name, how in found.items() if name in code.co_freevars}


@functools.lru_cache(maxsize=4096)
def body_digest(code: types.CodeType) -> bytes:
    """A digest of a function's code, without its position in the file."""
    digest = hashlib.blake2b(digest_size=16, person=b"frescor-body")
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    digest.update(canonical((code.co_code, code.co_names, code.co_varnames, code.co_freevars, counts)))
    digest.update(code.co_exceptiontable)
    for constant in code.co_consts:
        digest.update(body_digest(constant) if isinstance(constant, types.CodeType) else canonical(constant))
    return digest.digest()


# From Python 3.14 on: the function that evaluates the annotations, which are no part of what a class does.
_ANNOTATES = ("__annotate__", "__annotate_func__")
_CLASSES: "weakref.WeakKeyDictionary[type, bytes]" = weakref.WeakKeyDictionary()


def _class(cls: type, holding: Holding | None) -> bytes:
    """The bytes of a class. Raises NoIdentity, or records it, if neither its name nor its parts identify it."""
    name = class_name(cls)
    interactive = cls.__module__ == INTERACTIVE and name.startswith(f"{INTERACTIVE}.")
    if not interactive and is_found(cls, cls.__module__, cls.__qualname__):
        return canonical(name)
    known = _CLASSES.get(cls)
    if known is not None:
        return known
    seen = Holding() if holding is None else holding
    place = seen.of(cls)
    if place is not None:
        return framed(b"^", str(place).encode())
    mine = Holding()
    mine.under_way = [*seen.under_way, cls]
    data = canonical(name) + b"".join(
        [_class(base, mine) for base in cls.__bases__ if base is not object]
        + [canonical(part) + content for part, content in _class_parts(cls, mine)]
    )
    data += b"".join(mine.bodies)
    if mine.objects:
        return _noted(cls, holding)
    if not seen.under_way and not mine.cells:
        _CLASSES[cls] = data
    return data


def _class_parts(cls: type, holding: Holding) -> Iterator[tuple[str, bytes]]:
    """What a class defines itself, by name: functions and values, except what was generated from those."""
    fields = frozenset(_fields(cls) or ())
    if issubclass(cls, enum.Enum):
        for name, member in cls.__members__.items():
            yield name, canonical(member.value, holding)
    for name, part in sorted(vars(cls).items()):
        if name in _ANNOTATES:
            continue
        if isinstance(part, property):
            yield name, canonical([part.fget, part.fset, part.fdel], holding)
        elif isinstance(part, functools.cached_property):
            yield name, canonical(part.func, holding)
        elif isinstance(part, functools.partialmethod):
            yield name, canonical((part.func, part.args, part.keywords), holding)
        elif function_parts(part) is not None:
            if not _is_generated(part, cls):
                yield name, canonical(part, holding)
        elif not (name.startswith("_") or name in fields or isinstance(part, (*_OF_DESCRIPTORS, cls))):
            yield name, canonical(part, holding)


def _is_generated(part: object, cls: type) -> bool:
    """Whether a decorator or a metaclass generated this method: it follows from the fields, and may hold anything."""
    while (parts := function_parts(part)) is not None and parts[0] is not part:
        part = parts[0]
    if not isinstance(part, types.FunctionType):
        return True
    inner = cast(types.FunctionType, inspect.unwrap(part))
    return inner.__code__.co_filename == "<string>" or inner.__module__ != cls.__module__


def _noted(value: object, holding: Holding | None) -> bytes:
    if holding is None:
        raise NoIdentity(value)
    holding.objects.append(value)
    return b"?"


def _note_mutable(holding: Holding | None, mutable: bool) -> None:
    if mutable and holding is not None:
        holding.is_mutable = True


def framed(mark: bytes, content: bytes) -> bytes:
    """Content preceded by its kind and its length, so that adjacent contents cannot be read differently."""
    return mark + _SIZE.pack(len(content)) + content


def _zone(zone: dt.tzinfo | None, value: dt.datetime | dt.time) -> str:
    if zone is None:
        return "naive"
    if isinstance(zone, ZoneInfo) and zone.key is not None:
        return f"zone {zone.key}"
    if isinstance(zone, dt.timezone):
        return f"offset {zone.utcoffset(None)}"
    raise NoIdentity(value)


def _instant(value: dt.datetime | dt.time) -> bytes:
    return f"{value.replace(tzinfo=None).isoformat()} {value.fold} {_zone(value.tzinfo, value)}".encode()


_SIMPLE: dict[type, tuple[bytes, Callable[[Any], bytes]]] = {
    type(None): (b"N", lambda _: b""),
    bool: (b"B", lambda value: b"1" if value else b"0"),
    int: (b"I", lambda value: str(value).encode()),
    float: (b"f", _DOUBLE.pack),
    complex: (b"C", lambda value: _DOUBLE.pack(value.real) + _DOUBLE.pack(value.imag)),
    str: (b"s", lambda value: value.encode("utf-8", "surrogatepass")),
    bytes: (b"b", lambda value: value),
    bytearray: (b"y", bytes),
    Decimal: (b"d", lambda value: str(value).encode()),
    uuid.UUID: (b"u", lambda value: value.bytes),
    dt.datetime: (b"i", _instant),
    dt.time: (b"t", _instant),
    dt.date: (b"a", lambda value: value.isoformat().encode()),
    dt.timedelta: (b"e", lambda value: f"{value.days} {value.seconds} {value.microseconds}".encode()),
}
