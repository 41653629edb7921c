"""Which local copies stay when their memory is full: W-TinyLFU.

New keys enter a small window. A key that leaves the window stays only if it was asked for more often, lately, than the
key that it would displace (Einziger, Friedman, Manes: TinyLFU, ACM Transactions on Storage 2017). Frequencies are kept
in a count-min sketch of four rows, which is halved now and then, so that old requests lose weight.
"""

from collections import OrderedDict
from collections.abc import Iterable

_WIDTH = 1 << 14
_MASK = _WIDTH - 1
_ROWS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5)
_MOST = 15
_HALVED = bytes(count // 2 for count in range(256))
_HALVE_AFTER = 10 * _WIDTH
WINDOW, PROTECTED = 0.01, 0.8


class Sketch:
    """How often each of many keys was asked for lately, up to 15: never too low, rarely too high."""

    def __init__(self) -> None:
        self._rows = [bytearray(_WIDTH) for _ in _ROWS]
        self._recorded = 0

    def record(self, key: str) -> None:
        """Count one more request."""
        for row, place in zip(self._rows, _places(key), strict=True):
            if row[place] < _MOST:
                row[place] += 1
        self._recorded += 1
        if self._recorded >= _HALVE_AFTER:
            self._recorded //= 2
            self._rows = [row.translate(_HALVED) for row in self._rows]

    def frequency(self, key: str) -> int:
        """The approximate number of requests."""
        return min(row[place] for row, place in zip(self._rows, _places(key), strict=True))


class TinyLfu:
    """Decides which keys stay within `max_bytes`. Not thread-safe: its owner locks."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.used = 0
        self._sketch = Sketch()
        self._sizes: dict[str, int] = {}
        self._window: OrderedDict[str, None] = OrderedDict()
        self._probation: OrderedDict[str, None] = OrderedDict()
        self._protected: OrderedDict[str, None] = OrderedDict()
        self._window_bytes = 0
        self._protected_bytes = 0

    def touch(self, keys: Iterable[str]) -> None:
        """These keys were asked for, in this order."""
        for key in keys:
            self._sketch.record(key)
            if key in self._protected:
                self._protected.move_to_end(key)
            elif key in self._window:
                self._window.move_to_end(key)
            elif key in self._probation:
                del self._probation[key]
                self._protected[key] = None
                self._protected_bytes += self._sizes[key]
                self._demote()

    def add(self, key: str, size: int) -> list[str]:
        """Take a key in; returns the keys that have to go, perhaps this one."""
        self.remove(key)
        self._sketch.record(key)
        if size > self.max_bytes:
            return [key]
        self._sizes[key] = size
        self.used += size
        self._window[key] = None
        self._window_bytes += size
        gone = []
        while self._window_bytes > self.max_bytes * WINDOW and len(self._window) > 1:
            self._to_probation(next(iter(self._window)))
        while self.used > self.max_bytes:
            loser = self._loser()
            self.remove(loser)
            gone.append(loser)
        return gone

    def remove(self, key: str) -> None:
        """The key was dropped."""
        size = self._sizes.pop(key, None)
        if size is None:
            return
        self.used -= size
        if key in self._window:
            del self._window[key]
            self._window_bytes -= size
        elif key in self._protected:
            del self._protected[key]
            self._protected_bytes -= size
        else:
            del self._probation[key]

    def clear(self) -> None:
        """All keys were dropped; their frequencies are kept."""
        for part in (self._sizes, self._window, self._probation, self._protected):
            part.clear()
        self.used = self._window_bytes = self._protected_bytes = 0

    def _to_probation(self, key: str) -> None:
        del self._window[key]
        self._window_bytes -= self._sizes[key]
        self._probation[key] = None

    def _demote(self) -> None:
        while self._protected_bytes > self.max_bytes * PROTECTED and len(self._protected) > 1:
            key, _ = self._protected.popitem(last=False)
            self._protected_bytes -= self._sizes[key]
            self._probation[key] = None

    def _loser(self) -> str:
        if not self._probation:
            return next(iter(self._protected or self._window))
        # The newest key on probation against the one that would go next: the rarer one goes; in a draw the newcomer.
        candidate = next(reversed(self._probation))
        victim = next(iter(self._probation))
        return victim if self._sketch.frequency(candidate) > self._sketch.frequency(victim) else candidate


def _places(key: str) -> tuple[int, int, int, int]:
    mixed = hash(key)
    one, two, three, four = _ROWS
    return (
        (mixed * one >> 32) & _MASK,
        (mixed * two >> 32) & _MASK,
        (mixed * three >> 32) & _MASK,
        (mixed * four >> 32) & _MASK,
    )
