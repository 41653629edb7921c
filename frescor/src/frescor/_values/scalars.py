"""Values without parts of which MessagePack has none: large integers, decimals, dates and times, UUIDs, paths, …"""

import datetime as dt
import struct
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from frescor._values.named import NAMED, from_bytes, to_bytes

# The codes of their extensions, which stored entries hold; those of containers are in `_values.codec`.
_DECIMAL, _UUID, _DATE, _DATETIME, _TIME, _DELTA, INTEGER = range(4, 11)
_COMPLEX, _BYTEARRAY, _NAMED = range(14, 17)
_PAIR = struct.Struct(">dd")


class Unsupported(Exception):
    """A value of a type that has no encoding; `path` leads to it from the root, in reverse."""

    def __init__(self, value: object, reason: str) -> None:
        super().__init__(reason)
        self.value = value
        self.reason = reason
        self.path: list[str] = []


def integer_bytes(value: int) -> bytes:
    """An integer of more than 64 bits, under the code `INTEGER`."""
    return value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)


def _instant(value: dt.datetime) -> bytes:
    zone = value.tzinfo
    if zone is None:
        where: object = None
    elif zone is dt.UTC:
        where = "UTC"
    elif type(zone) is ZoneInfo and zone.key is not None:
        where = f"zone {zone.key}"
    elif type(zone) is dt.timezone and zone.tzname(None).startswith("UTC"):
        where = zone.utcoffset(None) // dt.timedelta(microseconds=1)
    else:
        raise Unsupported(value, f"its time zone {zone!r} has no name. Use datetime.UTC or a ZoneInfo.")
    return msgspec.msgpack.encode([value.replace(tzinfo=None, fold=0).isoformat(), value.fold, where])


def _zone(where: object) -> dt.tzinfo | None:
    if where is None:
        return None
    if where == "UTC":
        return dt.UTC
    if isinstance(where, int):
        return dt.timezone(dt.timedelta(microseconds=where))
    return ZoneInfo(str(where).removeprefix("zone "))


def _to_instant(data: bytes) -> dt.datetime:
    text, fold, where = msgspec.msgpack.decode(data)
    return dt.datetime.fromisoformat(text).replace(fold=fold, tzinfo=_zone(where))


def _clock_time(value: dt.time) -> bytes:
    if value.tzinfo is not None:
        raise Unsupported(value, "a time of day with a time zone means nothing without its date. Use a datetime.")
    return msgspec.msgpack.encode([value.replace(fold=0).isoformat(), value.fold])


def _to_clock_time(data: bytes) -> dt.time:
    text, fold = msgspec.msgpack.decode(data)
    return dt.time.fromisoformat(text).replace(fold=fold)


def _named(value: Any) -> bytes:
    data = to_bytes(value)
    if data is None:
        raise Unsupported(value, "a time zone without a name. Use ZoneInfo by its name.")
    return data


# By type: its code and how it is encoded.
TO_BYTES: dict[type, tuple[int, Callable[[Any], bytes]]] = {
    Decimal: (_DECIMAL, lambda value: str(value).encode()),
    uuid.UUID: (_UUID, lambda value: value.bytes),
    dt.date: (_DATE, lambda value: value.isoformat().encode()),
    dt.datetime: (_DATETIME, _instant),
    dt.time: (_TIME, _clock_time),
    dt.timedelta: (
        _DELTA,
        lambda value: msgspec.msgpack.encode([value.days, value.seconds, value.microseconds]),
    ),
    complex: (_COMPLEX, lambda value: _PAIR.pack(value.real, value.imag)),
    bytearray: (_BYTEARRAY, bytes),
    **dict.fromkeys(NAMED, (_NAMED, _named)),
}
# By code.
FROM_BYTES: dict[int, Callable[[bytes], Any]] = {
    _DECIMAL: lambda data: Decimal(data.decode()),
    _UUID: lambda data: uuid.UUID(bytes=data),
    _DATE: lambda data: dt.date.fromisoformat(data.decode()),
    _DATETIME: _to_instant,
    _TIME: _to_clock_time,
    _DELTA: lambda data: dt.timedelta(*msgspec.msgpack.decode(data)),
    INTEGER: lambda data: int.from_bytes(data, "big", signed=True),
    _COMPLEX: lambda data: complex(*_PAIR.unpack(data)),
    _BYTEARRAY: bytearray,
    _NAMED: from_bytes,
}
