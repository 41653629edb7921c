"""Values under keys, as other caches offer them: add, increment, touch; each atomic among all processes."""

import math
from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any

from frescor._calls.miss import MISS
from frescor._calls.policy import LONGEST_EXPIRE, check_prefix
from frescor._doors.keys import key_below
from frescor._plan import Plan
from frescor._plan.changing import Change, Standing, change
from frescor._runtime.driver import Driver
from frescor._surface import calls
from frescor._surface.cache import Cache
from frescor._surface.callsite import codec_of
from frescor._values.tags import key_tags

# A time to live of None: the longest that an entry can have.
FOREVER = math.floor(LONGEST_EXPIRE)


class KeyValues:
    """The calls of a key-value cache for keys with one prefix, as plans; `drive` carries out a plan.

    Times to live are in seconds; None is the longest possible, ten years. Values are those that Frescor keeps exactly;
    others raise PolicyError. With the store down reads miss and writes return False.
    """

    def __init__(self, cache: Cache, prefix: str, *, as_type: object = None) -> None:
        """`as_type`: further types of values, in addition to those that every cache keeps."""
        self.cache = cache
        self.prefix = prefix
        self._as_type = as_type
        self._codec = cache._engine.plain if as_type is None else codec_of(as_type)
        check_prefix(prefix)

    def drive(self, steps: "Plan[Any]") -> Any:
        """Carry out one of these plans and return its result."""
        return Driver(self.cache._engine, steps).run()

    def key(self, key: object) -> str:
        """Frescor's key for a key of the other library."""
        return key_below(self.prefix, key)

    def get(self, key: object, default: object = MISS) -> Plan[object]:
        """The value, or `default` if there is none."""
        return calls.get(self.cache._engine, self.key(key), default, self._as_type)

    def get_many(self, keys: Iterable[Any]) -> Plan[dict[Any, object]]:
        """The values that were found, in one round trip."""
        wanted = {self.key(key): key for key in keys}
        found = yield from calls.get_many(self.cache._engine, wanted, self._as_type)
        return {wanted[key]: value for key, value in found.items()}

    def set_many(self, values: Mapping[Any, object], expire: float | None) -> Plan[bool]:
        """Store values. With a time to live of zero or less the keys are deleted."""
        if expire is not None and expire <= 0:
            return self.delete(values)
        named = {self.key(key): value for key, value in values.items()}
        return calls.set_many(self.cache._engine, named, _seconds(expire), (), self._as_type)

    def delete(self, keys: Iterable[object]) -> Plan[bool]:
        """Remove values. True once the store has done it, whether or not there were values."""
        return calls.delete(self.cache._engine, [self.key(key) for key in keys], None)

    def clear(self) -> Plan[bool]:
        """Remove all values with this prefix, in one write."""
        return calls.invalidate_pattern(self.cache._engine, f"{self.prefix}:*", None)

    def add(self, key: object, value: object, expire: float | None) -> Plan[bool]:
        """Store a value if there is none. False if there is one, or with the store down."""
        added = False

        def decide(standing: Standing | None) -> Change | None:
            nonlocal added
            added = standing is None and (expire is None or expire > 0)
            return self._change(value, expire) if added else None

        done = yield from self._decided(key, decide)
        return done and added

    def increment(self, key: object, delta: int, *, initial: int | None, expire: float | None) -> Plan[Any]:
        """Add to a number and return the sum; its time to live does not change. A missing number starts at `initial`,
        with `expire` as its time to live; if `initial` is None, the result is MISS. None with the store down. Raises
        TypeError for a value that cannot be added to."""
        result: Any = MISS

        def decide(standing: Standing | None) -> Change | None:
            nonlocal result
            if standing is None:
                result = MISS if initial is None else initial + delta
                return None if initial is None else self._change(result, expire)
            result = standing.value + delta
            return Change(self._encoded(result), standing.rest_ms)

        done = yield from self._decided(key, decide)
        return result if done else None

    def touch(self, key: object, expire: float | None) -> Plan[bool]:
        """Set a new time to live, counted from now. False if there is no value, or with the store down."""
        found = False

        def decide(standing: Standing | None) -> Change | None:
            nonlocal found
            found = standing is not None
            return self._change(standing.value, expire) if standing is not None else None

        if expire is not None and expire <= 0:
            found = (yield from self.get(key)) is not MISS
            return (yield from self.delete((key,))) and found
        done = yield from self._decided(key, decide)
        return done and found

    def remove_if(self, key: object, condition: Callable[[Any], bool]) -> Plan[bool]:
        """Remove a value if this condition is true of it. Of several callers who saw the same value, only the first
        removes it, so that a value loaded after that is kept. False with the store down."""

        def decide(standing: Standing | None) -> Change | None:
            return Change(b"", 0) if standing is not None and condition(standing.value) else None

        return self._decided(key, decide)

    def _decided(self, key: object, decide: Callable[[Standing | None], Change | None]) -> Generator[Any, Any, bool]:
        engine, own = self.cache._engine, self.key(key)
        engine.listen()
        return change(engine.process, own, key_tags(own), decide, self._codec, engine.nondeterminism.token, engine.now)

    def _change(self, value: object, expire: float | None) -> Change:
        return Change(self._encoded(value), max(1, round(_seconds(expire) * 1000)))

    def _encoded(self, value: object) -> bytes:
        return self._codec.encode(value)


def _seconds(expire: float | None) -> float:
    return FOREVER if expire is None else min(expire, FOREVER)
