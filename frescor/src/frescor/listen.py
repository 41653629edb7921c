"""The listener: one connection of the process on which the server pushes what changed.

`CLIENT TRACKING ON BCAST PREFIX …` (RESP3) on the namespace's tags and leases. A heartbeat on the same connection shows
that pushes arrive: an answer to one that was sent at time t means that everything before t has been pushed. So copies
are used until t + 2 s and no longer, whatever happens to the connection.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import hiredis

from frescor.errors import CacheError
from frescor.store.connection import packed
from frescor.store.wire import unquote_key

logger = logging.getLogger("frescor")

# How often the heartbeat is sent, how long an answered one counts, and how long an answer may take; seconds.
BEAT_EVERY, BEAT_HOLDS, BEAT_ANSWER = 0.5, 2.0, 1.0
FIRST_RETRY, LAST_RETRY = 0.05, 0.5


class Line(Protocol):
    """A connection that is open, authenticated and speaks RESP3."""

    def send(self, data: bytes) -> None:
        """Send all of it."""

    def receive(self, timeout: float) -> bytes | None:
        """What has come, b'' at the end, None if nothing came in time."""

    def close(self) -> None:
        """Close it, from any thread."""


class Heard(Protocol):
    """What is kept true: a `Local`, or one line's part of it."""

    alive_until: float

    def drop(self, *, tags: Iterable[str] = (), keys: Iterable[str] = ()) -> None:
        """These were changed."""

    def clear(self) -> None:
        """Everything was."""

    def forget(self) -> None:
        """What was learned so far counts for nothing."""

    def lose(self) -> None:
        """Nobody listens any more."""


class Listener:
    """A thread that keeps a `Local` true to the server, from `start` to `close`."""

    def __init__(
        self,
        open_line: Callable[[], Line],
        namespace: str,
        local: Heard,
        *,
        beat: tuple[str, ...] = (),
        answered: Callable[[Any], None] = lambda _: None,
    ) -> None:
        """`beat` is the command that is sent as the heartbeat; `answered` gets what comes back for it."""
        self._open_line = open_line
        self._tags, self._leases = f"{namespace}:t:".encode(), f"{namespace}:l:".encode()
        self._beat = packed(beat or ("GET", f"{namespace}:server"))
        self._answered = answered
        self._local = local
        self._closed = threading.Event()
        self._line: Line | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._heard = threading.Event()

    def start(self) -> None:
        """Begin to listen, in the background; nothing if it does already."""
        if self._thread is not None:
            return
        with self._lock:
            started: threading.Thread | None = self._thread
            if started is None and not self._closed.is_set():
                self._thread = threading.Thread(target=self._run, name="frescor-listener", daemon=True)
                self._thread.start()

    def await_alive(self, timeout: float) -> bool:
        """Whether the server's pushes are known to arrive, waiting that many seconds for it."""
        return self._heard.wait(timeout)

    def end(self) -> None:
        """Stop listening, at once and without waiting for it."""
        self._closed.set()
        line = self._line
        if line is not None:
            line.close()

    def close(self) -> None:
        """Stop listening; copies are not used any more."""
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
            # Not in step with the other processes.
            self._closed.wait(pause * random.uniform(0.5, 1.0))  # noqa: S311  # spreads, hides nothing
            pause = min(pause * 2, LAST_RETRY) if pause < LAST_RETRY else pause

    def _listen(self, line: Line) -> None:
        reader = hiredis.Reader()
        line.send(packed(("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", self._tags, "PREFIX", self._leases)))
        sent: list[float] = []
        answers_due = 1
        next_beat = time.monotonic()
        while not self._closed.is_set():
            now = time.monotonic()
            if now >= next_beat:
                line.send(self._beat)
                sent.append(now)
                next_beat = now + BEAT_EVERY
            if sent and now - sent[0] > BEAT_ANSWER:
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
                    self._take(message)
                elif isinstance(message, hiredis.ReplyError):
                    raise _Refused(str(message))
                elif answers_due:
                    # Only from here on do pushes come: what was learned before counts for nothing.
                    answers_due = 0
                    self._local.forget()
                elif sent:
                    self._answered(message)
                    self._local.alive_until = sent.pop(0) + BEAT_HOLDS
                    self._heard.set()

    def _take(self, message: list[Any]) -> None:
        if message[0] != b"invalidate":
            return
        if message[1] is None:
            self._local.clear()
            return
        tags, keys = [], []
        for name in message[1]:
            if name.startswith(self._tags):
                tags.append(name[len(self._tags) :].decode(errors="replace"))
            elif name.startswith(self._leases):
                keys.append(unquote_key(name[len(self._leases) :].decode(errors="replace")))
        self._local.drop(tags=tags, keys=keys)


class _Refused(Exception):
    pass
