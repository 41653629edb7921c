"""Limits on what bytes without a proof may cost the process that decodes them.

A few bytes can announce that billions follow. They can contain containers of ten times their size, or keys that all
have the same hash, so that building a set takes time quadratic in its length. Hashes of text and bytes cannot be
foreseen by an attacker, and few machine integers or floats share one. For all other values, different ones of the same
hash are counted.
"""

import re
from collections.abc import Hashable

import msgspec

# From this size on, checking the whole costs less than what it prevents.
SMALL = 4096
# hash(-1) == hash(-2), so points of a regular grid share hashes with some others.
MOST_OF_ONE_HASH = 64
# The hash of a tuple is computed again for each tuple that contains it.
DEEPEST = 100
_whole = msgspec.msgpack.Decoder(type=msgspec.Raw)
# Frescor writes no map with more items: larger dictionaries are written as pairs (see `_values/codec.py`).
MOST_ITEMS = 511
# What is complete by itself in MessagePack: numbers, short text, and the heads of containers except large maps. Kinds
# that come in long runs stand first.
_TOKENS = re.compile(
    rb"(?:[\x00-\xa0\xc0\xc2\xc3\xe0-\xff]++|(?:\xcb.{8})++|(?:[\xcd\xd1\xdc].{2})++|(?:[\xca\xce\xd2\xdd].{4})++"
    rb"|[\xcc\xd0\xa1].|\xa2.{2}|\xa3.{3}|\xa4.{4}|\xa5.{5}|\xa6.{6}|\xa7.{7}|\xa8.{8}|[\xcf\xd3].{8}"
    rb"|\xde[\x00-\x01].)++",
    re.DOTALL,
)
# How many bytes hold the length of what follows.
_LONG = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
_EXTENSION = {0xC7: 1, 0xC8: 2, 0xC9: 4}
_FIXED_EXTENSION = {0xD4: 1, 0xD5: 2, 0xD6: 4, 0xD7: 8, 0xD8: 16}


def check_lengths(body: bytes | memoryview) -> None:
    """Raise for MessagePack that is shorter or deeper than it says."""
    _whole.decode(body)


def _may_hold_large_map(body: bytes) -> bool:
    """Whether these bytes may contain the head of a map of more than `MOST_ITEMS` items, of two bytes at least each."""
    most = len(body) // 2
    for head, size in ((b"\xde", 2), (b"\xdf", 4)):
        place = body.find(head)
        while place >= 0:
            if MOST_ITEMS < int.from_bytes(body[place + 1 : place + 1 + size], "big") <= most:
                return True
            place = body.find(head, place + 1)
    return False


def check_maps(body: bytes, containers: frozenset[int]) -> None:
    """Raise for MessagePack, of correct lengths, that contains a large map: its keys would be hashed unseen.

    containers: the codes of the extensions that contain MessagePack.
    """
    if len(body) < SMALL or not _may_hold_large_map(body):
        return
    place, end = 0, len(body)
    while place < end:
        run = _TOKENS.match(body, place)
        if run is not None:
            place = run.end()
            continue
        head = body[place]
        if head in _LONG:
            place += 1 + _LONG[head] + int.from_bytes(body[place + 1 : place + 1 + _LONG[head]], "big")
        elif head in _EXTENSION or head in _FIXED_EXTENSION:
            size = _EXTENSION.get(head, 0)
            length = int.from_bytes(body[place + 1 : place + 1 + size], "big") if size else _FIXED_EXTENSION[head]
            place += 2 + size
            if body[place - 1] not in containers:
                place += length
        elif 0xA0 <= head <= 0xBF:
            place += 1 + head - 0xA0
        else:
            raise ValueError("a map of more items than are written as one")


class Collisions:
    """Finds different values of the same hash."""

    def __init__(self) -> None:
        self._first: dict[int, Hashable] = {}
        self._others: dict[int, list[Hashable]] = {}

    def count(self, value: Hashable) -> None:
        """Count a value. Raises ValueError when too many different ones share its hash."""
        try:
            number = hash(value)
        except TypeError:
            return  # cannot be hashed, so it is no key
        first = self._first.setdefault(number, value)
        if first is value or first == value:
            return
        others = self._others.setdefault(number, [])
        if value not in others:
            others.append(value)
            if len(others) > MOST_OF_ONE_HASH:
                raise ValueError("too many different values of the same hash")
