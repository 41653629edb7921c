"""The listener: one connection of the process on which the server pushes what has changed.

It uses `CLIENT TRACKING ON BCAST PREFIX …` (RESP3) for the namespace's tags and leases. A heartbeat on the same
connection shows that pushes arrive: the answer to a heartbeat sent at time t means that all changes before t have been
pushed. So copies are used until t + 1.5 s and no longer, whatever happens to the connection. The heartbeat also
registers this process as one that keeps copies. When a mark is pushed, the listener confirms it after it has dropped
what was pushed before the mark (see `_plan/confirming.py`).
"""

import contextlib
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import hiredis

from frescor._clocks import Steady
from frescor._protocol.commands import HOLDS_MS
from frescor._store.connection.connection import packed
from frescor._store.wire import unquote_key
from frescor.errors import CacheError

logger = logging.getLogger("frescor")

# Seconds between two heartbeats; for how long an answered one counts; how long its answer may take.
BEAT_EVERY, BEAT_HOLDS, BEAT_ANSWER = 0.5, HOLDS_MS / 1000, 1.0
FIRST_RETRY, LAST_RETRY = 0.05, 0.5
# A machine that was suspended for longer than this has missed pushes.
_A_NAP = 0.2


class Line(Protocol):
    """An open, authenticated connection that speaks RESP3."""

    def send(self, data: bytes) -> None:
        """Send all of the data."""

    def receive(self, timeout: float) -> bytes | None:
        """The bytes that have arrived, b'' at the end of the stream, None if none arrived in time."""

    def close(self) -> None:
        """Close the connection, from any thread."""


class Heard(Protocol):
    """What a listener keeps up to date: a `Local`, or one connection's part of it."""

    @property
    def line(self) -> str:
        """The name under which this process is registered."""

    def alive(self, line: str, until: float) -> None:
        """Pushes are known to arrive until then, by a heartbeat sent under this name."""

    def drop(self, *, tags: Iterable[str] = (), keys: Iterable[str] = ()) -> None:
        """These were changed."""

    def clear(self) -> None:
        """Everything was changed."""

    def forget(self) -> None:
        """Nothing learned so far can be trusted."""

    def lose(self) -> None:
        """Nobody listens any more."""


class Listener:
    """A thread that keeps a `Local` up to date with the server, from `start` to `close`."""

    def __init__(
        self,
        open_line: Callable[[], Line],
        namespace: str,
        local: Heard,
        *,
        register: Callable[[str, str], tuple[Any, ...] | None],
        heard: Callable[[str, str], tuple[Any, ...]],
        leave: Callable[[str], tuple[Any, ...]],
        beat: tuple[str, ...] = (),
        answered: Callable[[Any], None] = lambda _: None,
    ) -> None:
        """Commands for this connection. register: registers a name in place of another one, as the heartbeat; None if
        another connection does that. heard: confirms that this name has heard of a mark. leave: says that it keeps no
        copies any more. beat: is sent with the heartbeat, and `answered` gets its reply."""
        self._open_line = open_line
        self._tags, self._leases = f"{namespace}:t:".encode(), f"{namespace}:l:".encode()
        self._register, self._heard_of, self._leave = register, heard, leave
        self._beat = packed(beat) if beat else b""
        self._answered = answered
        self._registered = ""
        self._local = local
        self._closed = threading.Event()
        self._line: Line | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._heard = threading.Event()

    def start(self) -> None:
        """Start listening in the background, unless it does already."""
        if self._thread is not None:
            return
        with self._lock:
            started: threading.Thread | None = self._thread
            if started is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._run, name="frescor-listener", daemon=True)
                self._thread.start()

    def await_alive(self, timeout: float) -> bool:
        """Whether pushes are known to arrive; waits that many seconds for it."""
        return self._heard.wait(timeout)

    def end(self) -> None:
        """Stop listening at once, without waiting for the thread."""
        self._closed.set()
        line = self._line
        if line is not None:
            line.close()

    def close(self) -> None:
        """Stop listening; copies are not used any more."""
        self._local.lose()
        line, name = self._line, self._registered
        if line is not None and name:
            # Otherwise a writer that confirms its invalidation would wait for this process until its registration ends.
            with contextlib.suppress(OSError, CacheError):
                line.send(packed(self._leave(name)))
        self.end()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(BEAT_HOLDS)
        self._local.lose()

    def _run(self) -> None:
        pause, told = FIRST_RETRY, False
        while not self._closed.is_set():
            try:
                self._line = line = self._open_line()
                try:
                    self._listen(line)
                finally:
                    self._local.lose()
                    self._heard.clear()
                    line.close()
                pause = FIRST_RETRY
            except _Refused as error:
                if not told:
                    logger.warning("no local copies: the server refuses to push changes: %s", error)
                told, pause = True, 30.0
            except (CacheError, OSError, hiredis.HiredisError) as error:
                logger.debug("not listening: %s", error)
            except Exception as error:  # noqa: BLE001  # whatever a stranger sends, listening goes on
                logger.warning("what the listener heard makes no sense, and it listens anew: %r", error)
            # Randomised, so that processes do not all reconnect at the same moment.
            self._closed.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311  # spreads, hides nothing
            pause = min(pause * 2, LAST_RETRY) if pause < LAST_RETRY else pause

    def _listen(self, line: Line) -> None:
        reader = hiredis.Reader()
        # What to do with each answer that is due, in order.
        due: deque[Callable[[Any], None]] = deque()
        sent: deque[tuple[float, str]] = deque()
        alive: tuple[str, float] | None = None

        def beaten(_: Any) -> None:
            nonlocal alive
            began, name = sent.popleft()
            alive = (name, began + BEAT_HOLDS)

        # Pushes begin only here, so what was learned before does not count.
        due.append(lambda _: self._local.forget())
        line.send(packed(("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", self._tags, "PREFIX", self._leases)))
        next_beat, slept = Steady.monotonic(), _seconds_slept()
        while not self._closed.is_set():
            now = Steady.monotonic()
            if _seconds_slept() - slept > _A_NAP:
                # The machine was suspended, and the clock that copies go by stood still.
                return
            if now >= next_beat:
                name = self._local.line
                sent.append((now, name))
                self._send_beat(line, name, due, beaten)
                next_beat = now + BEAT_EVERY
            if sent and now - sent[0][0] > BEAT_ANSWER:
                logger.debug("the listener's heartbeat went unanswered")
                return
            data = line.receive(next_beat - now)
            if data is None:
                continue
            if not data:
                return
            reader.feed(data)
            while (message := reader.gets()) is not False:
                if isinstance(message, hiredis.PushNotification):
                    self._take(message, line, due)
                elif isinstance(message, hiredis.ReplyError):
                    raise (OSError if str(message).startswith(_PASSING) else _Refused)(str(message))
                elif due:
                    due.popleft()(message)
            if alive is not None:
                # This comes last: within one round of its loop a server sends answers before pushes.
                self._local.alive(*alive)
                self._heard.set()
                alive = None

    def _send_beat(
        self, line: Line, name: str, due: "deque[Callable[[Any], None]]", beaten: Callable[[Any], None]
    ) -> None:
        command = self._register(name, "" if name == self._registered else self._registered)
        parts = []
        if command is not None:
            self._registered = name
            parts.append(packed(command))
            due.append(beaten if not self._beat else _nothing)
        if self._beat:
            parts.append(self._beat)

            def both(message: Any) -> None:
                self._answered(message)
                beaten(message)

            due.append(both)
        line.send(b"".join(parts))

    def _take(self, message: list[Any], line: Line, due: "deque[Callable[[Any], None]]") -> None:
        if message[0] != b"invalidate":
            return
        if message[1] is None:
            self._local.clear()
            return
        tags: list[str] = []
        keys: list[str] = []
        marks: list[str] = []
        for name in message[1]:
            if name.startswith(self._tags):
                tag = name[len(self._tags) :].decode(errors="replace")
                (marks if tag.startswith("!") else tags).append(tag)
            elif name.startswith(self._leases):
                keys.append(unquote_key(name[len(self._leases) :].decode(errors="replace")))
        self._local.drop(tags=tags, keys=keys)
        # A mark is confirmed only after everything that came with it or before it was dropped.
        for mark in marks:
            due.append(_nothing)
            line.send(packed(self._heard_of(mark[1:], self._local.line)))


def _seconds_slept() -> float:
    """How long this machine has been suspended, if the system tells."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME) - Steady.monotonic()
    return 0.0


def _nothing(_: Any) -> None:
    pass


# Refusals that pass after a while, or that name another server.
_PASSING = ("MOVED", "ASK", "BUSY", "LOADING", "CLUSTERDOWN", "TRYAGAIN", "MASTERDOWN")


class _Refused(Exception):
    pass
