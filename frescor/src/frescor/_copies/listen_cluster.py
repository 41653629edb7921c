"""Listening to a cluster: a line to each node that has slots, and copies only while all of them are alive.

Each node pushes what changes in its own slots. So before anything is read from a node that has no line yet, the store
says so (`cover`): copies and stamps are dropped, and used again once that line is alive too. The heartbeat asks each
node who has slots. A node that says something else than the table is not taken for alive, and the table is made anew:
so a primary that was replaced, and still takes connections, does not keep copies alive.
"""

import functools
import logging
import threading
import time
from collections.abc import Iterable
from typing import Any

from frescor._copies.listen import Line, Listener
from frescor._copies.local import Local
from frescor._store.address import Host
from frescor._store.cluster.cluster import ClusterStore
from frescor._store.listener_registry import heard, leave, register
from frescor.errors import CacheError

logger = logging.getLogger("frescor")


class ClusterListener:
    """Keeps a `Local` true to all nodes, from `start` to `close`."""

    def __init__(self, store: ClusterStore, namespace: str, local: Local) -> None:
        self._store = store
        self._namespace = namespace
        self._local = local
        self._lines: dict[Host, tuple[Listener, _Part]] = {}
        self._lock = threading.RLock()
        self._started = False
        self._closed = False
        self._finder: threading.Thread | None = None
        self._wake = threading.Event()
        self._covered = threading.Event()
        store.slots.changed = self.cover

    def start(self) -> None:
        """Begin to listen, in the background; nothing if it does already."""
        with self._lock:
            if self._started or self._closed:
                return
            self._started = True
            self._cover(self._store.slots.nodes)
            self._finder = threading.Thread(target=self._keep_table, name="frescor-slots", daemon=True)
            self._finder.start()

    def cover(self, nodes: frozenset[Host]) -> None:
        """These nodes have slots now: trust nothing until there is a line to each."""
        with self._lock:
            if self._started and not self._closed:
                self._cover(nodes)

    def await_alive(self, timeout: float) -> bool:
        """Whether all nodes' pushes are known to arrive, waiting that many seconds for it."""
        end = time.monotonic() + timeout
        self._covered.wait(timeout)
        lines = tuple(self._lines.values())
        return bool(lines) and all(listener.await_alive(end - time.monotonic()) for listener, _ in lines)

    def close(self) -> None:
        """Stop listening; copies are not used any more."""
        with self._lock:
            self._closed = True
            lines, self._lines = tuple(self._lines.values()), {}
            self._local.lose()
        self._wake.set()
        for listener, _ in lines:
            listener.close()
        if self._finder is not None and self._finder is not threading.current_thread():
            self._finder.join(1.0)

    def _cover(self, nodes: frozenset[Host]) -> None:
        self._lose()
        for node in tuple(self._lines):
            if node not in nodes:
                self._lines.pop(node)[0].end()
        for node in nodes - self._lines.keys():
            part = _Part(self)
            listener = Listener(
                functools.partial(self._open_line, node),
                self._namespace,
                part,
                register=functools.partial(self._register, node),
                heard=functools.partial(heard, self._namespace),
                leave=functools.partial(leave, self._namespace),
                beat=("CLUSTER", "SLOTS"),
                answered=functools.partial(self._compare, node),
            )
            self._lines[node] = (listener, part)
            listener.start()
            self._covered.set()

    def _open_line(self, node: Host) -> Line:
        return self._store.open_line(node)

    def _register(self, node: Host, name: str, before: str) -> tuple[Any, ...] | None:
        """On the line to the node that has the list of those who keep copies."""
        slots, listeners = self._store.slots, self._store.wire.listeners
        return register(self._namespace, name, before) if slots.node_of(listeners) == node else None

    def _compare(self, node: Host, answer: Any) -> None:
        said = frozenset((_text(part[2][0]) or node[0], int(part[2][1])) for part in answer)
        if said != self._store.slots.nodes:
            # Not alive: another's slots may be elsewhere, or this one's.
            self._wake.set()
            raise OSError("a node says that others have the slots")

    def _keep_table(self) -> None:
        """Make the table anew when a node contradicts it, and while there is none."""
        while not self._closed:
            if self._wake.is_set() or not self._store.slots.known:
                self._wake.clear()
                try:
                    self._store.refresh_slots()
                except CacheError as error:
                    logger.debug("no table of slots: %s", error)
            self._wake.wait(0.5)

    def heard(self, part: "_Part", line: str, until: float) -> None:
        """A line is alive until then; all are until the first of them is not. What was asked under a name from before a
        gap counts for nothing."""
        with self._lock:
            if not self._closed and line == self._local.line:
                part.until = until
                self._local.alive(line, min((part.until for _, part in self._lines.values()), default=0.0))

    def lost(self, part: "_Part") -> None:
        """A line is down."""
        with self._lock:
            if any(part is one for _, one in self._lines.values()):
                self._lose()

    def _lose(self) -> None:
        self._local.lose()
        for _, part in self._lines.values():
            # It registers anew, under the next name.
            part.until = 0.0

    @property
    def local(self) -> Local:
        """What is kept true."""
        return self._local


class _Part:
    """One line's part of the copies: it tells what it hears, and how long it is alive."""

    def __init__(self, whole: ClusterListener) -> None:
        self._whole = whole
        self.until = 0.0

    @property
    def line(self) -> str:
        return self._whole.local.line

    def alive(self, line: str, until: float) -> None:
        self._whole.heard(self, line, until)

    def drop(self, *, tags: Iterable[str] = (), keys: Iterable[str] = ()) -> None:
        self._whole.local.drop(tags=tags, keys=keys)

    def clear(self) -> None:
        self._whole.local.clear()

    def forget(self) -> None:
        self._whole.local.forget()

    def lose(self) -> None:
        self._whole.lost(self)


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name or "")
