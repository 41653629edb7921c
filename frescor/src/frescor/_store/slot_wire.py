"""The steps of the slot protocol on the wire: a script or command on names of one slot, and its reply. No I/O."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis import exceptions as driver

from frescor._protocol.commands import LEASE_MS, ExtendLease, ReleaseLease
from frescor._store import scripts
from frescor._store.scripts import Script
from frescor._store.slot_steps import (
    MARKER_MS,
    ClaimLease,
    EnterColumns,
    MarkTag,
    PlaceEntry,
    RaiseTag,
    ReadClock,
    ReadEntry,
    ReadSince,
    ReadTag,
    RemoveEntry,
    SettleTag,
    StandSlices,
    Step,
    StoreEntry,
    Tick,
    TickKnowing,
)
from frescor._store.wire import TOMBSTONE_MS, Argument, Arguments, Wire, clock_in, stamp

# KEYS: clock
_READ_CLOCK = Script("read_clock", "return text(read_clock(KEYS[1], server_time()))")

# KEYS: clock
_TICK = Script(
    "tick",
    """
local now = server_time()
local stamp, last = now + 1, find_clock(KEYS[1], now)
if last and last >= stamp then stamp = last + 1 end
redis.call('SET', KEYS[1], text(stamp))
return text(stamp)
""",
)

# Registrations of slices stand if there is a field without a name; a field '?' is the marker of missing ones.
# KEYS: clock, slices   ARGV: table's tag…   → the clock, then '' and the columns of each table, each with a ',' behind
# it; or the marker
_TICK_KNOWING = Script(
    "tick_knowing",
    f"""{_TICK.body.strip().removesuffix("return text(stamp)")}
if type(redis.pcall('HGET', KEYS[2], '')) ~= 'string' then
  local marker = redis.pcall('HGET', KEYS[2], '?')
  if type(marker) ~= 'string' then
    redis.call('UNLINK', KEYS[2])
    marker = '?' .. text(stamp)
    redis.call('HSET', KEYS[2], '?', marker)
  end
  return {{text(stamp), marker}}
end
local reply = {{text(stamp), ''}}
for i = 1, #ARGV do reply[i + 2] = redis.call('HGET', KEYS[2], ARGV[i]) or '' end
return reply
""",
)

_STANDS = """
local function stands(key, marker)
  if type(redis.pcall('HGET', key, '')) == 'string' then return true end
  if marker == '' or redis.pcall('HGET', key, '?') ~= marker then return false end
  redis.call('HDEL', key, '?')
  redis.call('HSET', key, '', '1')
  return true
end
"""

# KEYS: slices   ARGV: marker
_STAND = Script("stand_slices", f"{_STANDS}return stands(KEYS[1], ARGV[1]) and 1 or 0")

# KEYS: clock, slices   ARGV: marker, then table's tag, its columns separated by ',', …   → 1; 0 if others are missing
_ENTER = Script(
    "enter_columns",
    f"""{_STANDS}
if not stands(KEYS[2], ARGV[1]) then return 0 end
local clock = text(read_clock(KEYS[1], server_time()))
for i = 2, #ARGV, 2 do
  local known = redis.call('HGET', KEYS[2], ARGV[i]) or ''
  for column in string.gmatch(ARGV[i + 1], '[^,]+') do
    if redis.call('HSETNX', KEYS[2], ARGV[i] .. '#@' .. column, clock) == 1 then known = known .. column .. ',' end
  end
  redis.call('HSET', KEYS[2], ARGV[i], known)
end
return 1
""",
)

# KEYS: slices   ARGV: blind tag…   → the clock at each registration, or ''
_SINCE = Script(
    "read_since",
    """
local reply, now = {}, server_time()
local stands = type(redis.pcall('HGET', KEYS[1], '')) == 'string'
for i = 1, #ARGV do
  local since = stands and redis.call('HGET', KEYS[1], ARGV[i])
  reply[i] = stamp_in(since, now) and since or ''
end
return reply
""",
)

# KEYS: tag   ARGV: stamp
_RAISE = Script(
    "raise",
    """
local found = held(KEYS[1])
if not found then return 0 end
local stamp = stamp_in(found, server_time())
if not stamp then return redis.call('DEL', KEYS[1]) end
local floor = string.match(found, ' (%d+)$')
if stamp < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1], 'XX', 'KEEPTTL')
elseif floor and tonumber(floor) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], text(stamp) .. ' ' .. ARGV[1], 'XX', 'KEEPTTL')
end
return 0
""",
)

# KEYS: tag   ARGV: stamp
_RAISE_SOFTLY = Script(
    "raise_softly",
    """
local found = held(KEYS[1])
if not found then return 0 end
local stamp = stamp_in(found, server_time())
if not stamp then return redis.call('DEL', KEYS[1]) end
if stamp < tonumber(ARGV[1]) then
  local floor = string.match(found, ' (%d+)$') or text(stamp)
  redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. floor, 'XX', 'KEEPTTL')
end
return 0
""",
)

# KEYS: tag   ARGV: token, entry's ttl, marker's ttl   → a stamp; or a marker, which begins with '?'
_MARK = Script(
    "mark",
    """
local now, found = server_time(), held(KEYS[1])
if stamp_in(found, now) then keep_tag(KEYS[1], tonumber(ARGV[2])) return found end
if found and string.find(found, '^%?[%w.-]+$') and #found < 128 then return found end
local marker = '?' .. ARGV[1] .. '.' .. text(now)
redis.call('SET', KEYS[1], marker, 'PX', ARGV[3])
return marker
""",
)

# KEYS: tag   ARGV: marker, stamp, entry's ttl   → the stamp that stands there, or false
_SETTLE = Script(
    "settle",
    """
local found = held(KEYS[1])
if found == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', text(tonumber(ARGV[3]) * 2))
  return ARGV[2]
end
return stamp_in(found, server_time()) and found
""",
)

# KEYS: entry, lease   ARGV: token, ttl, as_of of the entry that the caller saw (or '')   → false, or the entry or ''
_CLAIM = Script(
    "claim",
    """
if is_held(KEYS[2], held(KEYS[2]), ARGV[1], ARGV[2]) then return false end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
local entry = held(KEYS[1])
if not entry or entry == '' then return '' end
if ARGV[3] ~= '' and #entry >= 9 and text(struct.unpack('>I8', entry, 2)) == ARGV[3] then return '' end
return entry
""",
)

# KEYS: entry, lease   ARGV: token, entry, ttl   → 1 stored, 0 lease lost
_STORE = Script(
    "store_entry",
    """
if held(KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
""",
)

# KEYS: entry, lease   ARGV: entry, ttl, tombstone's ttl
_PLACE = Script(
    "place_entry",
    """
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], '-', 'PX', ARGV[3])
return 1
""",
)

ALL = (
    _READ_CLOCK,
    _TICK,
    _TICK_KNOWING,
    _STAND,
    _ENTER,
    _SINCE,
    _RAISE,
    _RAISE_SOFTLY,
    _MARK,
    _SETTLE,
    _CLAIM,
    _STORE,
    _PLACE,
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A command for a server, and the name whose slot says which node to ask."""

    name: str
    script: Script | None
    arguments: Arguments


def encode_step(wire: Wire, step: Step) -> Asked:
    """The command for a step."""
    match step:
        case ReadClock():
            return _asked(_READ_CLOCK, (wire.clock,))
        case Tick():
            return _asked(_TICK, (wire.clock,))
        case TickKnowing(tables):
            return _asked(_TICK_KNOWING, (wire.clock, wire.slices_by_clock), *tables)
        case StandSlices(marker):
            return _asked(_STAND, (wire.slices_by_clock,), marker)
        case EnterColumns(columns, marker):
            given = [text for table, some in columns for text in (table, ",".join(some))]
            return _asked(_ENTER, (wire.clock, wire.slices_by_clock), marker, *given)
        case ReadSince(blind):
            return _asked(_SINCE, (wire.slices_by_clock,), *blind)
        case ReadEntry(key):
            return _get(wire.entry(key))
        case ReadTag(tag):
            return _get(wire.tag(tag))
        case RaiseTag(tag, to, softly):
            return _asked(_RAISE_SOFTLY if softly else _RAISE, (wire.tag(tag),), to)
        case MarkTag(tag, token, ttl_ms):
            return _asked(_MARK, (wire.tag(tag),), token, ttl_ms, MARKER_MS)
        case SettleTag(tag, marker, to, ttl_ms):
            return _asked(_SETTLE, (wire.tag(tag),), marker, to, ttl_ms)
        case ClaimLease(key, token, seen):
            return _asked(_CLAIM, _names(wire, key), token, LEASE_MS, "" if seen is None else seen)
        case StoreEntry(key, token, entry, ttl_ms):
            return _asked(_STORE, _names(wire, key), token, entry, ttl_ms)
        case PlaceEntry(key, entry, ttl_ms):
            return _asked(_PLACE, _names(wire, key), entry, ttl_ms, TOMBSTONE_MS)
        case RemoveEntry(key):
            return _asked(scripts.DELETE, _names(wire, key), TOMBSTONE_MS)
        case ExtendLease(key, token):
            return _asked(scripts.EXTEND_LEASE, (wire.lease(key),), token, LEASE_MS)
        case ReleaseLease(key, token):
            return _asked(scripts.RELEASE_LEASE, (wire.lease(key),), token)


def decoded_steps(batch: Sequence[Step], replies: Sequence[Any]) -> list[Any]:
    """The results of steps, from the servers' replies. Raises InvalidResponse for replies that make no sense."""
    try:
        return [_decoded(step, reply) for step, reply in zip(batch, replies, strict=True)]
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise driver.InvalidResponse(f"an answer that makes no sense ({error!r})") from error


def _decoded(step: Step, reply: Any) -> Any:
    """The result of a step, from the server's reply."""
    match step:
        case ReadTag():
            return stamp(reply[0])
        case SettleTag():
            return stamp(reply)
        case ReadClock() | Tick():
            return clock_in(reply)
        case TickKnowing(tables):
            if reply[1]:
                return clock_in(reply[0]), reply[1].decode()
            columns = tuple(tuple(filter(None, raw.decode().split(","))) for raw in reply[2:])
            if len(columns) != len(tables):
                raise ValueError("a list of columns for each table")
            return clock_in(reply[0]), columns
        case EnterColumns():
            return bool(reply)
        case ReadSince(blind):
            if len(reply) != len(blind):
                raise ValueError("a clock for each column")
            return tuple(stamp(raw or None) for raw in reply)
        case RemoveEntry():
            return int(reply)
        case MarkTag():
            return reply.decode() if reply.startswith(b"?") else clock_in(reply)
        case StoreEntry() | ExtendLease():
            return bool(reply)
        case ReadEntry() | ClaimLease():
            reply = reply[0] if isinstance(step, ReadEntry) else reply
            if reply is not None and type(reply) is not bytes:
                raise TypeError("an entry is bytes")
    return reply


def _names(wire: Wire, key: str) -> tuple[str, str]:
    return wire.entry(key), wire.lease(key)


def _get(name: str) -> Asked:
    # GET would raise an error for a value that is no text; MGET returns nothing for it.
    return Asked(name, None, ("MGET", name))


def _asked(script: Script, names: tuple[str, ...], *arguments: Argument) -> Asked:
    return Asked(names[0], script, (len(names), *names, *arguments))
