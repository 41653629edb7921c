"""An invalidation that returns once no process uses a copy of what it ends.

Who keeps copies registers with the server, over the very connection on which it hears of changes, and says when it has
heard of a mark. Whoever confirms an invalidation sends a mark after it and waits for each that is registered, in one
of two ways: it says that it has heard; or it has had no answer on its connection for `HOLDS`, and so uses no copies.

Why that is enough. Take a process with copies, and a moment m at which the mark is pushed, after the tags were raised:

- *It was registered at m*, so it is waited for. What is pushed on one connection arrives in order: once it has heard of
  the mark, it has dropped what the tags ended, which were pushed before. Until then it uses copies only up to
  `HOLDS` after the last heartbeat that was answered. One that was answered before m is that old by the end of the
  wait. One that was answered after m is read after the mark, on the same connection. The wait ends by the clock
  of whoever waits, so neither clock is compared with the other, nor with the server's.
- *It was not registered at m.* It uses copies only once it is, and registers only once the server pushes changes to
  it. What it learned before that counts for nothing. So all that it uses was read after m, and is checked.
- *Its connection broke.* It uses no copies from when it notices, or from when `HOLDS` are over. It registers anew,
  under another name, once it has forgotten all; that takes the old name away.
- *It was stopped*, by a signal or by a busy machine, for any time. It looks at its own clock at each hit.
- *The server lost who was registered* (restarted, evicted, flushed). Then it does not know since when it knows: whoever
  confirms waits `HOLDS` in any case, until the server has known for so long.
- *The server does not answer* after it took the invalidation: whoever confirms waits `HOLDS`.

A reader that had a copy in its hands when the mark came may return it after: it began before the invalidation returned.
"""

from frescor._plan.looking import Process
from frescor._plan.request import Plan
from frescor._protocol.commands import HOLDS_MS, Announce, Announced, Dismiss, Pause, Unavailable, Unheard

# Seconds: how long an answered heartbeat lets a process use its copies; what is waited beyond that, since a server
# answers, in one round of its loop, before it pushes.
HOLDS, MARGIN = HOLDS_MS / 1000, 0.1
# Between two looks whether all have heard.
FIRST_LOOK, LAST_LOOK = 0.0002, 0.02


def confirmed(process: Process) -> Plan[None]:
    """Wait until every process that keeps copies has dropped what was invalidated before, or uses none."""
    mark = process.make_mark()
    found: Announced | Unavailable = yield Announce(mark, process.local.line)
    now: float = yield Pause(0.0)
    ends = now + HOLDS + MARGIN
    if isinstance(found, Unavailable):
        yield Pause(ends - now)
        return
    # Known for less than that: somebody may keep copies that it does not know of.
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
        # They are gone, or will register anew: the next one is not to wait for them.
        yield Dismiss(mark, waiting, found.places)
    if now < certain:
        yield Pause(certain - now)
