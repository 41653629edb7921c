"""Values that are their text or a few numbers: paths, ranges, time zones, fractions, IP addresses."""

import ipaddress
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

_ADDRESSES: tuple[type, ...] = (
    ipaddress.IPv4Address,
    ipaddress.IPv6Address,
    ipaddress.IPv4Network,
    ipaddress.IPv6Network,
    ipaddress.IPv4Interface,
    ipaddress.IPv6Interface,
)
# `Path` is of one of two kinds; the other one's cannot be made here, and none is ever stored here.
_PATHS: tuple[type[PurePath], ...] = (PurePosixPath, PureWindowsPath, type(Path()))
_NUMBERS = (range, Fraction)
_TEXTS: tuple[type, ...] = (*_ADDRESSES, *_PATHS, ZoneInfo)
# Those that a reader cannot change.
NAMED: frozenset[type] = frozenset((*_TEXTS, *_NUMBERS))
_BY_NAME: dict[str, Callable[..., Any]] = {kind.__name__: kind for kind in NAMED}


def to_bytes(value: Any) -> bytes | None:
    """The bytes of a value of one of these types; None for a time zone without a name."""
    kind = type(value)
    if kind is range:
        content = [f"{number:x}" for number in (value.start, value.stop, value.step)]
    elif kind is Fraction:
        content = [f"{value.numerator:x}", f"{value.denominator:x}"]
    elif kind is ZoneInfo:
        if value.key is None:
            return None
        content = [value.key]
    else:
        content = [str(value)]
    return msgspec.msgpack.encode([kind.__name__, *content])


def from_bytes(data: bytes) -> Any:
    """The value of these bytes. Raises ValueError, TypeError or KeyError for those that `to_bytes` did not make."""
    name, *content = msgspec.msgpack.decode(data, type=list[str])
    make = _BY_NAME[name]
    return make(*[int(number, 16) for number in content]) if make in _NUMBERS else make(*content)
