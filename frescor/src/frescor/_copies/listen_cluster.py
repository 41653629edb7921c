"""Listening to a cluster: a connection to each node that has slots; copies are used only while all of them are alive.

Each node pushes the changes in its own slots. Before anything is read from a node without a connection, the store calls
`cover`: copies and stamps are dropped, and are used again only when the new connection is alive, too. Each heartbeat
asks the node which node has which slot. A node whose answer differs from the table does not count as alive, and the
table is read again. So a primary that was replaced and still accepts connections cannot keep copies alive.
"""

import functools
import logging
import threading
from collections.abc import Iterable
from typing import Any

from frescor._clocks import Steady
from frescor._copies.listen import Line, Listener
from frescor._copies.local import Local
from frescor._store.address import Host
from frescor._store.cluster.cluster import ClusterStore
from frescor._store.listener_registry import heard, leave, register
from frescor.errors import CacheError

logger = logging.getLogger("frescor")


class ClusterListener:
    """Keeps a `Local` up to date with all nodes, from `start` to `close`."""

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
        """Start listening in the background, unless it does already."""
        with self._lock:
            if self._started or self._closed:
                return
            self._started = True
            self._cover(self._store.slots.nodes)
            self._finder = threading.Thread(target=self._keep_table, name="frescor-slots", daemon=True)
            self._finder.start()

    def cover(self, nodes: frozenset[Host]) -> None:
        """These nodes have slots now: use no copies until there is a connection to each of them."""
        with self._lock:
            if self._started and not self._closed:
                self._cover(nodes)

    def await_alive(self, timeout: float) -> bool:
        """Whether all nodes' pushes are known to arrive; waits that many seconds for it."""
        end = Steady.monotonic() + timeout
        self._covered.wait(timeout)
        lines = tuple(self._lines.values())
        return bool(lines) and all(listener.await_alive(end - Steady.monotonic()) for listener, _ in lines)

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
        """The heartbeat of the connection to the node that holds the registry of listeners; None for other nodes."""
        slots, listeners = self._store.slots, self._store.wire.listeners
        return register(self._namespace, name, before) if slots.node_of(listeners) == node else None

    def _compare(self, node: Host, answer: Any) -> None:
        said = frozenset((_text(part[2][0]) or node[0], int(part[2][1])) for part in answer)
        if said != self._store.slots.nodes:
            # Not alive: slots of this node or of another one may have moved.
            self._wake.set()
            raise OSError("a node says that others have the slots")

    def _keep_table(self) -> None:
        """Read the table again when a node contradicts it, and while there is none."""
        while not self._closed:
            if self._wake.is_set() or not self._store.slots.known:
                self._wake.clear()
                try:
                    self._store.refresh_slots()
                except CacheError as error:
                    logger.debug("no table of slots: %s", error)
            self._wake.wait(0.5)

    def heard(self, part: "_Part", line: str, until: float) -> None:
        """This connection is alive until then. All are alive until the first one is not. An answer to a heartbeat sent
        under a name from before a gap does not count."""
        with self._lock:
            if not self._closed and line == self._local.line:
                part.until = until
                self._local.alive(line, min((part.until for _, part in self._lines.values()), default=0.0))

    def lost(self, part: "_Part") -> None:
        """A connection was lost."""
        with self._lock:
            if any(part is one for _, one in self._lines.values()):
                self._lose()

    def _lose(self) -> None:
        self._local.lose()
        for _, part in self._lines.values():
            # It has to register again, under the next name.
            part.until = 0.0

    @property
    def local(self) -> Local:
        """What is kept up to date."""
        return self._local


class _Part:
    """One connection's part of the copies: reports what it hears, and how long it is alive."""

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
