"""What a world holds as plain values, in which stamps count by their order alone."""

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from frescor._protocol.commands import Grant, Reading
from frescor._values.entry import Packing

# The key of every world's one entry.
KEY = "k"
_PACKING = Packing()


@dataclass(frozen=True, slots=True)
class Stamp:
    value: int


def items_of(items: OrderedDict[str, Any]) -> Hashable:
    return tuple(sorted([(name, seen_in(item.value)) for name, item in items.items()]))


def seen_in(value: object) -> Hashable:
    """What a task or the store holds, as a plain value in which stamps can be told."""
    match value:
        case b"":
            return "nothing"
        case bytes():
            entry = _PACKING.unpack(KEY, value)
            return (Stamp(entry.as_of), entry.payload)
        case str() if value.startswith("?"):
            # The mark of a tag that is being created: unique, and so by its order like a stamp.
            return ("?", Stamp(int(value[1:])))
        case bool() | str() | None:
            return value
        case int():
            return Stamp(value)
        case Reading(entries, stamps):
            return (tuple(map(seen_in, entries)), tuple(map(seen_in, stamps.values())))
        case Grant(as_of, entry, stamps):
            return (Stamp(as_of), None if entry is None else seen_in(entry), tuple(map(seen_in, stamps.values())))
    return repr(value)


def made_at(entry: bytes, clock: int) -> bytes:
    """The entry as it would be with another `as_of`."""
    return _PACKING.pack(KEY, msgspec.structs.replace(_PACKING.unpack(KEY, entry), as_of=clock))


def plain(said: tuple[Any, ...]) -> Hashable:
    """What a process said of its copies: marks are no stamps."""
    return tuple(
        tuple((tag, seen_in(stamp)) for tag, stamp in one.items()) if isinstance(one, dict) else one for one in said
    )


def stamps_in(value: object) -> Iterator[int]:
    if type(value) is Stamp:
        yield value.value
    elif type(value) is tuple:
        for part in value:
            if type(part) is tuple or type(part) is Stamp:
                yield from stamps_in(part)


def ranked(value: Any, ranks: dict[int, int]) -> Hashable:
    if type(value) is Stamp:
        return ("stamp", ranks[value.value])
    return tuple([ranked(part, ranks) for part in value]) if type(value) is tuple else value
