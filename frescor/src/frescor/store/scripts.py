"""The Lua scripts of the protocol: each is one atomic step on the server, and one round trip.

Stamps are microseconds since 1970, exact in Lua's doubles until the year 2255; written with '%.0f', since Lua would
print them in scientific notation.
"""

import hashlib
from dataclasses import dataclass, field

# What scripts have in common, each part after those that it calls.
_FUNCTIONS = {
    "text": """
local function text(number) return string.format('%.0f', number) end
""",
    "server_time": """
local function server_time() local t = redis.call('TIME'); return t[1] * 1000000 + t[2] end
""",
    "read_clock": """
local function read_clock(key)
  local clock = redis.call('GET', key)
  if clock then return tonumber(clock) end
  clock = server_time()
  redis.call('SET', key, text(clock))
  return clock
end
""",
    "keep_tag": """
local function keep_tag(key, ttl)
  local left = redis.call('PTTL', key)
  if left >= 0 and left < ttl then redis.call('PEXPIRE', key, text(ttl * 2)) end
end
""",
}


def _with_functions(body: str) -> str:
    """The body after the functions that it calls, and no others: making them costs time at each run."""
    source = body
    for name in reversed(_FUNCTIONS):
        if f"{name}(" in source:
            source = _FUNCTIONS[name].strip() + "\n" + source
    return source


@dataclass(frozen=True, slots=True)
class Script:
    """A script's source and the digest under which a server keeps it."""

    name: str
    body: str
    source: str = field(init=False, repr=False)
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "source", _with_functions(self.body))
        object.__setattr__(self, "sha", hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest())


# KEYS: entry, lease, clock, tag…   ARGV: token, ttl, as_of of the entry that was seen (or '')
# → false while another holds it; else clock, entry or '', stamp or ''…
TAKE_LEASE = Script(
    "take_lease",
    """
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[1] and holder ~= '-' then return false end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
local reply = {text(read_clock(KEYS[3]))}
local entry = redis.call('GET', KEYS[1])
if not entry then return reply end
if ARGV[3] ~= '' and #entry >= 9 and text(struct.unpack('>I8', entry, 2)) == ARGV[3] then return reply end
reply[2] = entry
for i = 4, #KEYS do reply[i - 1] = redis.call('GET', KEYS[i]) or '' end
return reply
""",
)

# KEYS: lease   ARGV: token, ttl
EXTEND_LEASE = Script(
    "extend_lease",
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0",
)

# KEYS: lease   ARGV: token
RELEASE_LEASE = Script(
    "release_lease",
    "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0",
)

# KEYS: entry, lease, clock, tag…   ARGV: token, entry, as_of, ttl   → 1 stored, 0 lease lost, 2 superseded
# An absent tag may have been invalidated since as_of, unless the clock has not moved: then it is created as of then.
# Otherwise it is created at the present clock, which keeps every older entry invalid, this one among them.
STORE = Script(
    "store",
    """
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
local as_of, ttl = tonumber(ARGV[3]), tonumber(ARGV[4])
local clock = read_clock(KEYS[3])
local superseded = false
for i = 4, #KEYS do
  local stamp = redis.call('GET', KEYS[i])
  if not stamp then
    redis.call('SET', KEYS[i], text(clock), 'PX', text(ttl * 2))
    if clock ~= as_of then superseded = true end
  else
    if tonumber(stamp) > as_of then superseded = true end
    keep_tag(KEYS[i], ttl)
  end
end
redis.call('DEL', KEYS[2])
if superseded then return 2 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[4])
return 1
""",
)

# KEYS: clock, then entry, lease, tag… of each value   ARGV: ttl, tombstone's ttl, then number of tags, entry of each
PUT = Script(
    "put",
    """
local ttl, place = tonumber(ARGV[1]), 2
local clock = read_clock(KEYS[1])
local stamp = struct.pack('>I8', clock)
for i = 3, #ARGV, 2 do
  local tags, entry = tonumber(ARGV[i]), ARGV[i + 1]
  for j = place + 2, place + 1 + tags do
    if redis.call('SET', KEYS[j], text(clock), 'PX', text(ttl * 2), 'NX') == false then keep_tag(KEYS[j], ttl) end
  end
  redis.call('SET', KEYS[place], string.sub(entry, 1, 1) .. stamp .. stamp .. string.sub(entry, 18), 'PX', ARGV[1])
  redis.call('SET', KEYS[place + 1], '-', 'PX', ARGV[2])
  place = place + 2 + tags
end
return 1
""",
)

# KEYS: entry, lease of each key   ARGV: tombstone's ttl   → how many entries there were
DELETE = Script(
    "delete",
    """
local there = 0
for i = 1, #KEYS, 2 do
  there = there + redis.call('UNLINK', KEYS[i])
  redis.call('SET', KEYS[i + 1], '-', 'PX', ARGV[1])
end
return there
""",
)

# KEYS: clock, tag…   → the stamp
# The tick comes before the tags are raised; an absent tag stays absent, which already means invalid: created here at
# this stamp, it would vouch for entries that were invalid before.
INVALIDATE = Script(
    "invalidate",
    """
local last, time = redis.call('GET', KEYS[1]), redis.call('TIME')
local stamp = time[1] * 1000000 + time[2] + 1
if last and tonumber(last) >= stamp then stamp = tonumber(last) + 1 end
stamp = string.format('%.0f', stamp)
redis.call('SET', KEYS[1], stamp)
for i = 2, #KEYS do redis.call('SET', KEYS[i], stamp, 'XX', 'KEEPTTL') end
return stamp
""",
)

# KEYS: server, clock, namespace's tag   ARGV: run id, 1 only to tell   → 1 if another server was remembered, else 0
# A server that was restarted from disk, or promoted, may have lost the last stamps: what it holds cannot be trusted.
# Nothing is remembered on one that is new, or that has evicted it: then there is nothing to be restored.
CHECK_SERVER = Script(
    "check_server",
    """
local known = redis.call('GET', KEYS[1])
if known == ARGV[1] then return 0 end
if known and ARGV[2] == '1' then return 1 end
local last, now = redis.call('GET', KEYS[2]), server_time()
local stamp = now + 1
if last and tonumber(last) >= now then stamp = tonumber(last) + 1 end
redis.call('SET', KEYS[2], text(stamp))
redis.call('SET', KEYS[3], text(stamp), 'XX', 'KEEPTTL')
redis.call('SET', KEYS[1], ARGV[1])
return known and 1 or 0
""",
)

# KEYS: server   ARGV: run id
REMEMBER_SERVER = Script("remember_server", "redis.call('SET', KEYS[1], ARGV[1])")

# KEYS: watermarks, server   ARGV: database, its clock   → 0 if another server is remembered than the one that runs this
SET_WATERMARK = Script(
    "set_watermark",
    """
local run_id = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
if redis.call('GET', KEYS[2]) ~= run_id then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
""",
)

# KEYS: mark   ARGV: ttl
NOTE_BY_HAND = Script("note_by_hand", "redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])")

ALL = (
    TAKE_LEASE,
    EXTEND_LEASE,
    RELEASE_LEASE,
    STORE,
    PUT,
    DELETE,
    INVALIDATE,
    CHECK_SERVER,
    REMEMBER_SERVER,
    SET_WATERMARK,
    NOTE_BY_HAND,
)
