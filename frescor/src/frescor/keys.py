"""Call identity: two calls share a key exactly when they are the same call.

The signature is bound, defaults are filled in, and every argument is encoded by type and length; the key holds a
digest of that, so that no argument, and no personal data, can be read off a key.
"""

import dataclasses
import datetime as dt
import enum
import hashlib
import inspect
import struct
import uuid
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from frescor.errors import PolicyError
from frescor.names import module_name, namespace_of
from frescor.policy import Policy, tag_fields

_DOUBLE = struct.Struct(">d")
_SIZE = struct.Struct(">I")
DIGEST_BYTES = 16
LONGEST_KEY = 400


def check_key(key: object) -> str:
    """The key, if it can be one. Raises PolicyError otherwise."""
    if not isinstance(key, str) or not key.isprintable() or not key or len(key) > LONGEST_KEY:
        raise PolicyError(f"a key is printable text of 1 to {LONGEST_KEY} characters; got {_shown(key)}.")
    if key.startswith(":") or key.endswith(":") or "::" in key:
        raise PolicyError(f"a key's parts are separated by single ':' signs and none is empty; got {_shown(key)}.")
    return key


def key_digest(key: str) -> str:
    """Twelve hex digits that identify a key in errors and logs without showing it."""
    return hashlib.blake2b(key.encode(), digest_size=6).hexdigest()


_NOTHING = object()
_MISSING = id(_NOTHING)


class CallIdentity:
    """Makes the keys of one function's calls."""

    def __init__(self, function: Callable[..., object], policy: Policy, *, secret: bytes = b"") -> None:
        self.prefix = f"{policy.name}:{function.__qualname__.replace(':', '.')}"
        self._policy = policy
        self._signature = inspect.signature(function)
        self._check_tags(policy)
        parameters = self._signature.parameters.values()
        # All by position or name: bound here, several times faster than by inspect.
        self._simple: dict[str, object] | None = None
        if all(parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD for parameter in parameters):
            self._simple = {
                parameter.name: _NOTHING if parameter.default is inspect.Parameter.empty else parameter.default
                for parameter in parameters
            }
        self._names = tuple(self._signature.parameters)
        # The same name in another module is another call. Another version of the function is not: see `frescor.shapes`.
        self._start = canonical((module_name(function.__module__, namespace_of(function)), function.__qualname__))
        self._secret = secret[:64]

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The call's arguments by name, defaults filled in. Raises TypeError as the call itself would."""
        if self._simple is not None and len(args) <= len(self._simple):
            arguments = {**self._simple, **dict(zip(self._simple, args, strict=False)), **kwargs}
            # Too many names, one given twice or one left out: Python's own words say which.
            if (
                len(arguments) == len(self._simple)
                and _MISSING not in map(id, arguments.values())
                and kwargs.keys().isdisjoint(self._names[: len(args)])
            ):
                return arguments
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.arguments

    def key(self, arguments: Mapping[str, Any]) -> str:
        """The key of a call. Raises PolicyError for an argument that has no identity by value."""
        digest = hashlib.blake2b(self._start, digest_size=DIGEST_BYTES, key=self._secret, person=b"frescor-key")
        for name, value in arguments.items():
            try:
                digest.update(canonical(name) + canonical(value))
            except _NoIdentity as error:
                raise PolicyError(
                    f"the argument {name!r} holds a {type(error.value).__module__}.{type(error.value).__qualname__}, "
                    "which has no identity by value. Pass what it is identified by, such as its id.",
                    policy=self._policy.name,
                ) from None
        for vary in self._policy.varies_on:
            digest.update(canonical(vary()))
        return f"{self.prefix}:{digest.hexdigest()}"

    def _check_tags(self, policy: Policy) -> None:
        for tag in policy.tags:
            for name in tag_fields(tag):
                if name not in self._signature.parameters:
                    raise PolicyError(
                        f"the tag {tag!r} names the argument {name!r}, which the function does not have: "
                        f"{', '.join(self._signature.parameters) or 'none'}.",
                        policy=policy.name,
                    )


class _NoIdentity(Exception):
    def __init__(self, value: object) -> None:
        super().__init__(type(value).__qualname__)
        self.value = value


def canonical(value: Any) -> bytes:
    """Bytes that two values share exactly when they are equal and of the same types throughout."""
    kind = type(value)
    simple = _SIMPLE.get(kind)
    if simple is not None:
        mark, function = simple
        return _framed(mark, function(value))
    if kind is list or kind is tuple:
        return _framed(b"L" if kind is list else b"T", b"".join(map(canonical, value)))
    if kind is dict:
        return _framed(b"D", b"".join(sorted(canonical(key) + canonical(item) for key, item in value.items())))
    if kind is set or kind is frozenset:
        return _framed(b"S" if kind is set else b"F", b"".join(sorted(map(canonical, value))))
    return _framed(b"O", _instance(value, kind))


def _instance(value: Any, kind: type) -> bytes:
    name = canonical(f"{kind.__module__}.{kind.__qualname__}")
    if issubclass(kind, enum.Enum):
        return name + canonical(value.value)
    fields: Iterable[str]
    if dataclasses.is_dataclass(kind):
        fields = (field.name for field in dataclasses.fields(kind))
    elif issubclass(kind, msgspec.Struct):
        fields = kind.__struct_fields__
    elif issubclass(kind, tuple) and hasattr(kind, "_fields"):
        fields = kind._fields
    else:
        raise _NoIdentity(value)
    return name + b"".join(canonical(field) + canonical(getattr(value, field)) for field in fields)


def _framed(mark: bytes, content: bytes) -> bytes:
    return mark + _SIZE.pack(len(content)) + content


def _zone(zone: dt.tzinfo | None, value: dt.datetime | dt.time) -> str:
    if zone is None:
        return "naive"
    if isinstance(zone, ZoneInfo) and zone.key is not None:
        return f"zone {zone.key}"
    if isinstance(zone, dt.timezone):
        return f"offset {zone.utcoffset(None)}"
    raise _NoIdentity(value)


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


def _shown(key: object) -> str:
    return f"{len(key)} characters" if isinstance(key, str) and len(key) > 80 else repr(key)
