"""Confirmed invalidation: returns once no process uses a copy of what it invalidated.

A process that keeps copies registers with the server, over the same connection on which it receives pushes, and
confirms each mark that it receives there. A writer that confirms an invalidation sends a mark after it. Then it waits
for each registered process until one of two things is true: the process has confirmed the mark; or it has had no answer
on its connection for `HOLDS`, and so uses no copies.

Why that is enough. Take a process with copies, and the moment m at which the mark is pushed, after the tags were
raised:

- *It was registered at m*, so the writer waits for it. Pushes on one connection arrive in order: when the process
  confirms the mark, it has dropped the invalidated copies, whose pushes came before. Until then it uses copies for at
  most `HOLDS` after the last heartbeat that was answered. If that was answered before m, it has expired by the end of
  the wait. If it was answered after m, its answer is read after the mark, on the same connection. The end of the wait
  is measured by the writer's clock alone, so it is compared neither with the process's clock nor with the server's.
- *It was not registered at m.* It uses copies only while registered, and registers only once the server pushes changes
  to it. What it learned before that does not count. So everything that it uses was read after m, and checked.
- *Its connection broke.* It stops using copies when it notices, or when `HOLDS` are over. It registers again, under
  another name, once it has forgotten everything; this removes the old name.
- *It was stopped*, by a signal or by a busy machine, for any time. It looks at its own clock at each hit.
- *The server lost its registrations* (restarted, evicted, flushed). Then it also lost since when it has kept them, and
  the writer waits `HOLDS` in any case, until the server has kept registrations for that long.
- *The server does not answer* after it took the invalidation: the writer waits `HOLDS`.

A reader that was already returning a copy when the mark arrived may still return it: that read began before the
invalidation returned.
"""

from frescor._plan.looking import Process
from frescor._plan.request import Plan
from frescor._protocol.commands import HOLDS_MS, Announce, Announced, Dismiss, Pause, Unavailable, Unheard

# Seconds. HOLDS: how long an answered heartbeat lets a process use its copies. MARGIN is waited beyond that, since a
# server sends answers before pushes within one round of its loop.
HOLDS, MARGIN = HOLDS_MS / 1000, 0.1
# The shortest and the longest time between two checks whether all have confirmed.
FIRST_LOOK, LAST_LOOK = 0.0002, 0.02


def confirmed(process: Process) -> Plan[None]:
    """Wait until every process with copies has dropped what was invalidated before, or can no longer use copies."""
    mark = process.make_mark()
    found: Announced | Unavailable = yield Announce(mark, process.local.line)
    now: float = yield Pause(0.0)
    ends = now + HOLDS + MARGIN
    if isinstance(found, Unavailable):
        yield Pause(ends - now)
        return
    # The registrations are younger than that: there may be processes with copies that the server does not know of.
    certain = min(ends, now + found.young_ms / 1000 + MARGIN) if found.young_ms > 0 else now
    waiting, pause = found.waiting, FIRST_LOOK
    while waiting and now < ends:
        now = yield Pause(min(pause, ends - now))
        pause = min(2 * pause, LAST_LOOK)
        left: tuple[tuple[str, str], ...] | Unavailable = yield Unheard(mark, waiting, found.places)
        if isinstance(left, Unavailable):
            yield Pause(max(0.0, ends - now))
            return
        waiting = left
    if waiting:
        # These are gone or will register again: the next writer need not wait for them.
        yield Dismiss(mark, waiting, found.places)
    if now < certain:
        yield Pause(certain - now)
