"""The Lua scripts of the protocol: each is one atomic step on the server, and one round trip.

Stamps are microseconds since 1970, which Lua's doubles hold exactly until the year 2255. They are formatted by '%.0f',
because Lua would print them in scientific notation.
"""

import hashlib
from dataclasses import dataclass, field

# How far a stamp may be ahead of the server's time, whose clock may have been set back by that much. And how far ahead
# a clock starts if its stored value is impossible: ahead of every possible stamp, so that no later stamp is lower.
MOST_AHEAD, START_AHEAD = 3_600_000_000, 3_540_000_000

# Lua functions shared by scripts; each one follows those that it calls.
_FUNCTIONS = {
    "text": """
local function text(number) return string.format('%.0f', number) end
""",
    "server_time": """
local function server_time() local t = redis.call('TIME'); return t[1] * 1000000 + t[2] end
""",
    # The text under a key; '' if there is none. A value of another type is removed.
    "held": """
local function held(key)
  local found = redis.pcall('GET', key)
  if type(found) ~= 'table' then return found end
  if not string.find(found.err, 'WRONGTYPE', 1, true) then return redis.call('GET', key) end
  redis.call('UNLINK', key)
  return ''
end
""",
    # The number; false for what cannot be a stamp at the server's present time: other text, or out of range. A tag that
    # was raised softly holds its floor behind the stamp: 'stamp floor'.
    "stamp_in": f"""
local function stamp_in(value, now)
  if not value then return false end
  if #value > 16 then value = string.match(value, '^(%d+) %d+$') or value end
  if #value > 16 or not string.find(value, '^%d+$') then return false end
  value = tonumber(value)
  return value <= now + {MOST_AHEAD} and value
end
""",
    # The clock; false if there is none. An impossible value counts as lost: the namespace starts with a new clock, and
    # its tag is removed. (In a cluster the tag may be on another node. No stamp came from such a clock, so nothing is
    # valid that should not be.)
    "find_clock": f"""
local function find_clock(key, now)
  local value = held(key)
  if not value then return false end
  local clock = stamp_in(value, now)
  if clock then return clock end
  clock = text(now + {START_AHEAD})
  redis.call('SET', key, clock)
  redis.pcall('SET', string.sub(key, 1, -6) .. 't:*', clock, 'XX', 'KEEPTTL')
  return tonumber(clock)
end
""",
    # Where a clock begins above all stamps, entries with slices from before are invalidated by their common tag,
    # whether it is still there or is created later. Only there may the registrations begin, empty: so a new namespace
    # is told from one that has lost them (see REGISTER), and its first load is stored.
    "begin_slices": """
local function begin_slices(key, stamp)
  local start = string.sub(key, 1, -6)
  if type(redis.pcall('HGET', start .. 'slices', '')) == 'string' then return end
  redis.pcall('SET', start .. 't:=sql:#@', text(stamp), 'XX', 'KEEPTTL')
  redis.pcall('HSET', start .. 'slices', '', '1')
end
""",
    "read_clock": """
local function read_clock(key, now)
  local clock = find_clock(key, now)
  if clock then return clock end
  redis.call('SET', key, text(now))
  return now
end
""",
    # The same on a single server, where the registrations of slices begin with the clock.
    "open_clock": """
local function open_clock(key, now)
  local clock = find_clock(key, now)
  if clock then return clock end
  begin_slices(key, now)
  return read_clock(key, now)
end
""",
    "keep_tag": """
local function keep_tag(key, ttl)
  local left = redis.call('PTTL', key)
  if left >= 0 and left < ttl then redis.call('PEXPIRE', key, text(ttl * 2)) end
end
""",
    # Whether the lease belongs to somebody else. A lease that ends later than any lease can, or never, is nobody's.
    "is_held": """
local function is_held(key, holder, token, ttl)
  if not holder or holder == '' or holder == token or holder == '-' then return false end
  local left = redis.call('PTTL', key)
  return left > 0 and left <= tonumber(ttl)
end
""",
    # Whether invalidations are made that no outbox records and of which this database was not told, or that is unknown.
    "is_unrecorded": """
local function is_unrecorded(key, database)
  local kind = redis.call('TYPE', key).ok
  if kind == 'none' then return false end
  if kind ~= 'hash' then return true end
  return redis.call('HEXISTS', key, 'mark') == 1 and redis.call('HEXISTS', key, 'told:' .. database) == 0
end
""",
    # Make sure that a key is a hash or absent: a value of another type is removed.
    "make_hash": """
local function make_hash(key)
  local kind = redis.call('TYPE', key).ok
  if kind ~= 'hash' and kind ~= 'none' then redis.call('UNLINK', key) end
end
""",
}


def _with_functions(body: str) -> str:
    """The body, after the functions that it calls, and no others: defining them costs time at each run."""
    source = body
    for name in reversed(_FUNCTIONS):
        if f"{name}(" in source:
            source = _FUNCTIONS[name].strip() + "\n" + source
    return source


@dataclass(frozen=True, slots=True)
class Script:
    """A script's source, and the digest by which a server knows it."""

    name: str
    body: str
    source: str = field(init=False, repr=False)
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "source", _with_functions(self.body))
        object.__setattr__(self, "sha", hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest())


# KEYS: entry, lease, clock, tag…   ARGV: token, ttl, as_of of the entry that the caller saw (or '')
# → false while another holds the lease; else clock, entry or '', stamp or ''…
TAKE_LEASE = Script(
    "take_lease",
    """
if is_held(KEYS[2], held(KEYS[2]), ARGV[1], ARGV[2]) then return false end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
local reply = {text(open_clock(KEYS[3], server_time()))}
local entry = held(KEYS[1])
if not entry or entry == '' then return reply end
if ARGV[3] ~= '' and #entry >= 9 and text(struct.unpack('>I8', entry, 2)) == ARGV[3] then return reply end
reply[2] = entry
for i = 4, #KEYS do reply[i - 1] = held(KEYS[i]) or '' end
return reply
""",
)

# KEYS: lease   ARGV: token, ttl
EXTEND_LEASE = Script(
    "extend_lease",
    "if held(KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0",
)

# KEYS: lease   ARGV: token
RELEASE_LEASE = Script(
    "release_lease",
    "if held(KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0",
)

# KEYS: entry, lease, clock, tag…   ARGV: token, entry, as_of, ttl   → 1 stored, 0 lease lost, 2 superseded
# A column's slices count from the moment of its registration, when writers are told of it (see REGISTER): an entry
# older than that is refused. An absent tag may have been invalidated since as_of, unless the clock has not moved: then
# the tag is created at as_of. Otherwise it is created at the present clock, so that all older entries stay invalid,
# including this one, which is not stored.
STORE = Script(
    "store",
    """
if held(KEYS[2]) ~= ARGV[1] then return 0 end
local as_of, ttl, now = tonumber(ARGV[3]), tonumber(ARGV[4]), server_time()
local clock = open_clock(KEYS[3], now)
local superseded, start = false, string.sub(KEYS[3], 1, -6)
local sliced, told = false, false
for i = 4, #KEYS do
  local stamp = stamp_in(held(KEYS[i]), now)
  if not stamp then
    redis.call('SET', KEYS[i], text(clock), 'PX', text(ttl * 2))
    if clock ~= as_of then superseded = true end
  else
    if stamp > as_of then superseded = true end
    keep_tag(KEYS[i], ttl)
  end
  local column = string.match(KEYS[i], '#@[^=]+')
  if column then
    local name = string.sub(KEYS[i], #start + 3)
    local blind = string.sub(name, 1, string.find(name, '#@', 1, true) - 1) .. column
    local since = redis.pcall('HGET', start .. 'slices', blind)
    since = type(since) == 'string' and stamp_in(since, now)
    if not since or since > as_of then superseded = true end
    sliced = true
  elseif KEYS[i] == start .. 't:=sql:#@' then told = true end
end
if sliced and not told then superseded = true end
redis.call('DEL', KEYS[2])
if superseded then return 2 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[4])
return 1
""",
)

# KEYS: clock, then entry, lease, tag… of each value   ARGV: ttl, tombstone's ttl, then each value's number of tags,
# entry
PUT = Script(
    "put",
    """
local ttl, place, now = tonumber(ARGV[1]), 2, server_time()
local clock = open_clock(KEYS[1], now)
local stamp = struct.pack('>I8', clock)
for i = 3, #ARGV, 2 do
  local tags, entry = tonumber(ARGV[i]), ARGV[i + 1]
  for j = place + 2, place + 1 + tags do
    if stamp_in(held(KEYS[j]), now) then keep_tag(KEYS[j], ttl)
    else redis.call('SET', KEYS[j], text(clock), 'PX', text(ttl * 2)) end
  end
  redis.call('SET', KEYS[place], string.sub(entry, 1, 1) .. stamp .. string.sub(entry, 10, -9) .. stamp, 'PX', ARGV[1])
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
# `…#@!c1,c2` stands for the blind tags of all registered columns of the table, except c1 and c2. If nothing is
# registered, it is unknown on which columns entries depend: then all entries with slices are invalidated, once.
# The tick comes before the tags are raised. An absent tag stays absent, which already means invalid: if it were created
# here at this stamp, it would make entries valid again that were invalid before. The clock is found as by `find_clock`,
# written out here, because every commit waits for this script, and defining functions would add half to its time.
INVALIDATE = Script(
    "invalidate",
    f"""
local last, time = redis.pcall('GET', KEYS[1]), redis.call('TIME')
local stamp = time[1] * 1000000 + time[2] + 1
local clock = type(last) == 'string' and #last <= 16 and string.find(last, '^%d+$') and tonumber(last)
if last and not (clock and clock <= stamp + {MOST_AHEAD}) then
  clock = stamp + {START_AHEAD}
  redis.pcall('SET', string.sub(KEYS[1], 1, -6) .. 't:*', string.format('%.0f', clock), 'XX', 'KEEPTTL')
end
if clock and clock >= stamp then stamp = clock + 1 end
stamp = string.format('%.0f', stamp)
redis.call('SET', KEYS[1], stamp)
local slices, stands
for i = 2, #KEYS do
  local place = string.find(KEYS[i], '#@!', 1, true)
  if not place then redis.call('SET', KEYS[i], stamp, 'XX', 'KEEPTTL')
  else
    local start = string.sub(KEYS[1], 1, -6)
    slices = slices or start .. 'slices'
    stands = stands or redis.pcall('HGET', slices, '')
    if type(stands) ~= 'string' then
      redis.call('UNLINK', slices)
      redis.call('HSET', slices, '', '1')
      redis.pcall('SET', start .. 't:=sql:#@', stamp, 'XX', 'KEEPTTL')
      stands = '1'
    end
    local table_tag, but = string.sub(KEYS[i], 1, place - 1), ',' .. string.sub(KEYS[i], place + 3) .. ','
    for column in string.gmatch(redis.call('HGET', slices, string.sub(table_tag, #start + 3)) or '', '[^,]+') do
      if not string.find(but, ',' .. column .. ',', 1, true) then
        redis.call('SET', table_tag .. '#@' .. column, stamp, 'XX', 'KEEPTTL')
      end
    end
  end
end
return stamp
""",
)

# KEYS: clock, tag…   → the stamp
# As INVALIDATE, for tags that name no slices. Behind the stamp stands its floor, the last stamp that was not raised
# softly: an entry from after it may be served meanwhile. INVALIDATE leaves a stamp alone, so it ends that.
INVALIDATE_SOFTLY = Script(
    "invalidate_softly",
    """
local now = server_time()
local stamp, last = now + 1, find_clock(KEYS[1], now)
if last and last >= stamp then stamp = last + 1 end
redis.call('SET', KEYS[1], text(stamp))
for i = 2, #KEYS do
  local found = held(KEYS[i])
  local old = stamp_in(found, now)
  if old then
    local floor = string.match(found, ' (%d+)$') or text(old)
    redis.call('SET', KEYS[i], text(stamp) .. ' ' .. floor, 'XX', 'KEEPTTL')
  elseif found then redis.call('UNLINK', KEYS[i]) end
end
return text(stamp)
""",
)

# KEYS: clock, slices, the tag of all entries with slices   ARGV: table's tag, its columns separated by ',', …   → 1
# Entries are going to depend on slices of these columns. From now on a writer that does not know these columns raises
# their blind tags. If the registrations do not stand they were lost, while the clock was not: then the clock moves, and
# entries that depend on slices are invalidated. Their common tag may be absent; without the move it would be created
# again as of the present clock, which may be that of such an entry.
REGISTER = Script(
    "register",
    """
local now = server_time()
local clock = open_clock(KEYS[1], now)
if type(redis.pcall('HGET', KEYS[2], '')) ~= 'string' then
  clock = math.max(clock, now) + 1
  redis.call('SET', KEYS[1], text(clock))
  redis.pcall('SET', KEYS[3], text(clock), 'XX', 'KEEPTTL')
  redis.call('UNLINK', KEYS[2])
  redis.call('HSET', KEYS[2], '', '1')
end
for i = 1, #ARGV, 2 do
  local known = redis.call('HGET', KEYS[2], ARGV[i]) or ''
  for column in string.gmatch(ARGV[i + 1], '[^,]+') do
    local blind = ARGV[i] .. '#@' .. column
    if redis.call('HEXISTS', KEYS[2], blind) == 0 then
      redis.call('HSET', KEYS[2], blind, text(clock))
      known = known .. column .. ','
    end
  end
  redis.call('HSET', KEYS[2], ARGV[i], known)
end
return 1
""",
)

# KEYS: server, clock, namespace's tag, listeners   ARGV: run id, 1 only to report
# → 1 if another server was remembered, else 0
# A server that was restarted from disk, or promoted, may have lost the last stamps, so its contents cannot be trusted.
# On a new server, or one that has evicted it, nothing is remembered: then there is nothing to restore.
CHECK_SERVER = Script(
    "check_server",
    """
local known = held(KEYS[1])
if known == ARGV[1] then return 0 end
if known and ARGV[2] == '1' then return 1 end
local now = server_time()
local stamp, last = now + 1, find_clock(KEYS[2], now)
if last and last >= stamp then stamp = last + 1 end
redis.call('SET', KEYS[2], text(stamp))
redis.call('SET', KEYS[3], text(stamp), 'XX', 'KEEPTTL')
begin_slices(KEYS[2], stamp)
redis.call('SET', KEYS[1], ARGV[1])
redis.call('UNLINK', KEYS[4])
return known and 1 or 0
""",
)

# KEYS: server, listeners   ARGV: run id
REMEMBER_SERVER = Script("remember_server", "redis.call('SET', KEYS[1], ARGV[1]) redis.call('UNLINK', KEYS[2])")

# KEYS: watermarks, server, unrecorded   ARGV: database, its clock
# → 1; 0 if another server is remembered than the one that runs this; 2 if the database has to be told first
SET_WATERMARK = Script(
    "set_watermark",
    """
local run_id = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
if held(KEYS[2]) ~= run_id then return 0 end
if is_unrecorded(KEYS[3], ARGV[1]) then return 2 end
make_hash(KEYS[1])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
""",
)

# KEYS: unrecorded   ARGV: database   → 1 if there is a mark of which the database has not been told
IS_UNRECORDED = Script("is_unrecorded", "return is_unrecorded(KEYS[1], ARGV[1]) and 1 or 0")

# KEYS: unrecorded   ARGV: database
TOLD = Script("told", "make_hash(KEYS[1]) redis.call('HSET', KEYS[1], 'told:' .. ARGV[1], '1') return 1")

# KEYS: unrecorded, watermarks   ARGV: the mark's ttl   → the databases that have a watermark and have not been told
NOTE_UNRECORDED = Script(
    "note_unrecorded",
    """
make_hash(KEYS[1])
make_hash(KEYS[2])
redis.call('HSET', KEYS[1], 'mark', '1')
redis.call('PEXPIRE', KEYS[1], ARGV[1])
local untold = {}
for _, database in ipairs(redis.call('HKEYS', KEYS[2])) do
  if redis.call('HEXISTS', KEYS[1], 'told:' .. database) == 0 then untold[#untold + 1] = database end
end
return untold
""",
)

# KEYS: watermarks   ARGV: database…
DROP_WATERMARKS = Script(
    "drop_watermarks", "for _, name in ipairs(ARGV) do redis.call('HDEL', KEYS[1], name) end return 1"
)

ALL = (
    TAKE_LEASE,
    EXTEND_LEASE,
    RELEASE_LEASE,
    STORE,
    PUT,
    DELETE,
    INVALIDATE,
    INVALIDATE_SOFTLY,
    REGISTER,
    CHECK_SERVER,
    REMEMBER_SERVER,
    SET_WATERMARK,
    IS_UNRECORDED,
    TOLD,
    NOTE_UNRECORDED,
    DROP_WATERMARKS,
)
