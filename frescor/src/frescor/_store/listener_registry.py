"""The registry of listeners: processes that keep copies register with the server, so that a writer can ask whether all
of them have heard of its invalidation (see `_plan/confirming.py`). Commands and replies, for one server and for the
nodes of a cluster. No I/O.

Names: `{namespace}:listeners`, a hash with the end of each registration, in ms, and the time since which the server has
it; `{namespace}:t:!{mark}`, which is set and removed at once, so that it is pushed like a tag;
`{namespace}:heard:{mark}`, the set of those that have heard of the mark. In a cluster each node has a mark and a set of
its own, in one of its slots, which is chosen by a text in braces.
"""

from collections.abc import Callable, Sequence
from typing import Any

from redis import exceptions as driver

from frescor._protocol.commands import Announce, Announced, Dismiss, Unheard
from frescor._store.scripts import Script
from frescor._store.slot_wire import Asked
from frescor._store.wire import Wire

# How long a registration lasts unless it is renewed. Longer than a process uses copies without a heartbeat, even if the
# server's clock is set forward meanwhile.
KEEP_MS = 15_000
_HEARD_MS = 15_000

# Removes registrations that have ended or cannot be real, and returns the others.
_LIVE = f"""
local function live(key, now)
  local found, all = {{}}, redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    local ends = #all[i + 1] <= 16 and string.find(all[i + 1], '^%d+$') and tonumber(all[i + 1])
    if all[i] ~= 'since' then
      if ends and ends > now and ends <= now + {2 * KEEP_MS} then
        found[#found + 1] = all[i]
        found[#found + 1] = all[i + 1]
      else
        redis.call('HDEL', key, all[i])
      end
    end
  end
  return found
end
local function know(key, now)
  make_hash(key)
  local since = redis.call('HGET', key, 'since')
  since = since and #since <= 16 and string.find(since, '^%d+$') and tonumber(since)
  if since and since <= now then return since end
  redis.call('HSET', key, 'since', text(now))
  return now
end
"""

# KEYS: listeners   ARGV: name, its previous name or '', duration in ms
REGISTER = Script(
    "register",
    _LIVE
    + """
local now = math.floor(server_time() / 1000)
know(KEYS[1], now)
if redis.call('HLEN', KEYS[1]) > 64 then live(KEYS[1], now) end
if ARGV[2] ~= '' then redis.call('HDEL', KEYS[1], ARGV[2]) end
redis.call('HSET', KEYS[1], ARGV[1], text(now + ARGV[3]))
return 1
""",
)

# KEYS: listeners   ARGV: ms that a process uses copies   → ms until all of them must be known, then names and ends
_LIST = Script(
    "list",
    _LIVE
    + """
local now = math.floor(server_time() / 1000)
local young = know(KEYS[1], now) + ARGV[1] - now
local found = live(KEYS[1], now)
table.insert(found, 1, text(math.max(0, young)))
return found
""",
)

# KEYS: mark
_MARK = Script("push_mark", "redis.call('SET', KEYS[1], '1') redis.call('UNLINK', KEYS[1]) return 1")

# KEYS: listeners   ARGV: name…   → those that are registered
_STILL = Script(
    "still",
    """
local found = {}
for _, name in ipairs(ARGV) do
  if redis.call('HEXISTS', KEYS[1], name) == 1 then found[#found + 1] = name end
end
return found
""",
)

# KEYS: heard   ARGV: name…   → those that have not heard of it
_UNHEARD = Script(
    "unheard",
    """
local found = {}
for _, name in ipairs(ARGV) do
  if redis.call('SISMEMBER', KEYS[1], name) == 0 then found[#found + 1] = name end
end
return found
""",
)

# KEYS: listeners   ARGV: name, its end as it was listed…
_DISMISS = Script(
    "dismiss",
    """
for i = 1, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then redis.call('HDEL', KEYS[1], ARGV[i]) end
end
return 1
""",
)

# KEYS: heard   ARGV: name, ms that the set is kept
HEARD = Script("heard", "redis.call('SADD', KEYS[1], ARGV[1]) return redis.call('PEXPIRE', KEYS[1], ARGV[2])")

ALL = (REGISTER, _LIST, _MARK, _STILL, _UNHEARD, _DISMISS, HEARD)
# What `places` is for a single server.
ONE_PLACE = ("",)


def register(namespace: str, name: str, before: str) -> tuple[Any, ...]:
    """The command that registers. It carries the source, since nobody waits for an answer that may ask for it."""
    return ("EVAL", REGISTER.source, 1, f"{namespace}:listeners", name, before, KEEP_MS)


def leave(namespace: str, name: str) -> tuple[Any, ...]:
    """The command that removes the registration of a process that uses no copies any more."""
    return ("EVAL", "return redis.call('HDEL', KEYS[1], ARGV[1])", 1, f"{namespace}:listeners", name)


def heard(namespace: str, mark: str, name: str) -> tuple[Any, ...]:
    """The command that confirms that a mark was heard of; `mark` as it was pushed."""
    return ("EVAL", HEARD.source, 1, f"{namespace}:heard:{mark}", name, _HEARD_MS)


def asked(wire: Wire, command: Announce | Unheard | Dismiss, places: Sequence[str], holds_ms: int) -> list[Asked]:
    """What has to be asked of servers, all at once. `places`: the texts for the nodes, for Announce."""
    listeners = wire.listeners
    match command:
        case Announce(mark):
            marks = [wire.tag(f"!{mark}{place}") for place in places]
            return [_ask(_LIST, listeners, holds_ms), *(_ask(_MARK, name) for name in marks)]
        case Unheard(mark, waiting, where):
            names = [name for name, _ in waiting]
            sets = [f"{wire.namespace}:heard:{mark}{place}" for place in where]
            return [_ask(_STILL, listeners, *names), *(_ask(_UNHEARD, one, *names) for one in sets)]
        case Dismiss(_, waiting, _):
            return [_ask(_DISMISS, listeners, *(part for one in waiting for part in one))]


def answered(
    command: Announce | Unheard | Dismiss, places: Sequence[str], replies: Sequence[Any]
) -> Announced | tuple[tuple[str, str], ...] | None:
    """The result of the command. Raises ValueError, TypeError or LookupError for replies that make no sense."""
    match command:
        case Announce(_, but):
            young, *listed = replies[0]
            names = [_text(one) for one in listed]
            pairs = tuple(zip(names[::2], names[1::2], strict=True))
            return Announced(tuple(pair for pair in pairs if pair[0] != but), int(young), tuple(places))
        case Unheard(_, waiting, _):
            still = set(map(_text, replies[0]))
            unheard = {_text(name) for reply in replies[1:] for name in reply}
            return tuple(pair for pair in waiting if pair[0] in still and pair[0] in unheard)
        case Dismiss():
            return None


def understood(
    command: Announce | Unheard | Dismiss,
    places: Sequence[str],
    replies: Sequence[Any],
    failed: Callable[[Exception], Exception],
) -> Any:
    """As `answered`, but raises the error that `failed` returns for replies that make no sense."""
    try:
        return answered(command, places, replies)
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise failed(driver.InvalidResponse(f"an answer that makes no sense ({error!r})")) from error


def _ask(script: Script, name: str, *arguments: str | int) -> Asked:
    return Asked(name, script, (1, name, *arguments))


def _text(raw: bytes) -> str:
    # Another program may have written there: such a name need not be text.
    return raw.decode(errors="surrogateescape")
