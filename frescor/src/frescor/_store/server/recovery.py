"""Recovery: whether a server can be trusted, that is, whether no invalidation is missing from it. For one server; the
nodes of a cluster are checked in `_store/cluster/cluster.py`.

Invalidations may be missing for two reasons. *The server is not the one that the namespace remembers*: it was restarted
from disk, or it is a promoted replica, and may have lost its last writes. Or *it was out of reach*: a process
committed, could not deliver its invalidation, and is gone or has not found the server again yet.

Whoever records invalidations elsewhere (an outbox, in a database) registers a *replayer*, which can say what may be
missing. A suspect server is then not read from until that was raised. Without a replayer, everything is invalidated
when another server is met; after an outage nothing special is done, since each process delivers what it could not
before.

What is missing after a loss. A server loses its last writes: its file and its replicas hold everything up to some
moment. So each database's clock is stored in the namespace now and then, as a *watermark*, read before it is sent. All
that was done before the watermark that is found was not lost, including invalidations that the outbox had marked as
applied by that time. The others are applied again. This does not help with what no outbox records: `Cache.invalidate`,
`delete` and `set`, whatever the tag, and commits to a database without outbox. Whoever makes an invalidation says which
kind it is (`Invalidate.durable`). If there may have been any that is not durable, everything is invalidated after a
loss. The same happens if there is no watermark, or one of a database that this process does not track.

How it is known that there were none. Whoever makes an invalidation that is not durable sets a mark in the namespace,
which the server may lose together with the invalidation. So the invalidation does not return before every database with
a watermark was *told*: its relay has seen the mark, has recorded that in its database, and has confirmed it in the
namespace. From then on its replay answers "cannot tell". This happens once, since the mark and the confirmations last a
month. The wait is limited to `TELL_WITHIN`, because some relays may be gone. After that time their watermarks are
dropped. A relay answers "cannot tell", too, if it has not looked for the mark for that long, or if it began to look
only after the watermark that is found.

The races:

- On a server that has lost something, no watermark may be set before the loss was repaired. So the script that sets it
  checks that the server that runs it is the one that is remembered.
- A relay sets its first watermark while somebody sets the mark. The script for the watermark checks for the mark, and
  the script for the mark checks for watermarks: the later one finds the other.
- A second restart in the middle of a recovery. The replayed tags are raised on one connection, and the server at its
  other end is the one that is then remembered. Meeting yet another server opens the breaker again.
- One process trusts the server while another has not found it again, commits, and cannot deliver its invalidation. So
  after an outage or a loss everybody waits for `REDISCOVERY_SECONDS`, in which each probing process finds the server
  and can deliver again (see `breaker.py`). What could not be delivered was committed before, and the replay finds it.
- A server that does not tell its run id, because INFO is refused or says too little. Then each connection has a run id
  of its own, made up: it counts as another server, and ends everything. Within one connection the server cannot change.
- A server merely hung, and a process that did not ask it meanwhile has trusted it all along. An invalidation that
  another process could not deliver arrives when that process finds the server again, or when any relay next reads the
  outbox: within a second.
"""

import functools
import logging
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from redis import exceptions as driver

from frescor._clocks import Steady
from frescor._protocol.commands import Delete, Invalidate, Put, ReleaseLease, StoreCommand, Together
from frescor._store import scripts
from frescor._store.base import PossibleLoss, Replayer
from frescor._store.connection.breaker import LAST_PROBE, Breaker
from frescor._store.connection.connection import DEADLINE, ask, run_id_of
from frescor._store.connection.link import DriverConnection
from frescor._store.scripts import Script
from frescor._store.wire import Arguments, Wire
from frescor._values.tags import NAMESPACE_TAG

logger = logging.getLogger("frescor")

BLIND = (
    "the server does not tell its run id (INFO server), so another server in its place would not be noticed: each new "
    "connection ends everything cached instead. Allow this user +info to keep it."
)
# Until every process that lost the server has found it again: a probe that has just failed, the pause, and the next
# one.
REDISCOVERY_SECONDS = DEADLINE + LAST_PROBE + 0.05
# Tags in one script, during which the server does nothing else.
_TAGS_AT_ONCE = 500
# For this long after an invalidation that no outbox records, another one is assumed to be possible at any time.
MARK_SECONDS = 30 * 86_400
_NOTED_SECONDS = 3_600
# Seconds that such an invalidation waits for relays to be told at the most; seconds between two checks whether they
# were.
TELL_WITHIN, TELL_LOOK = 3.0, 0.02


def invalidates(command: StoreCommand | Together) -> bool:
    """Whether a command only makes things invalid. A suspect server accepts such commands."""
    if isinstance(command, Together):
        return all(map(invalidates, command.commands))
    return isinstance(command, Invalidate | Delete | ReleaseLease)


def wait_for_rediscovery(breaker: Breaker) -> bool:
    """Wait until every process has found the server again. False if the breaker was closed for good meanwhile."""
    return breaker.pause(REDISCOVERY_SECONDS)


def register(replayers: dict[str, Replayer], database: str, replayer: Replayer, *, ended: bool) -> None:
    """Add a database's replayer; if `ended`, remove it, provided that it is still this one."""
    if not ended:
        replayers[database] = replayer
    elif replayers.get(database) is replayer:
        del replayers[database]


def start(replayers: dict[str, Replayer]) -> None:
    """A connection was opened: start the replayers, also in the child of a fork, to apply what others left."""
    for replayer in tuple(replayers.values()):
        replayer.start()


def missing_tags(replayers: dict[str, Replayer], losses: dict[str, PossibleLoss]) -> tuple[str, ...] | None:
    """The tags that may be missing, of all databases; None if one of them cannot tell."""
    found: dict[str, None] = {}
    for name, replayer in tuple(replayers.items()):
        tags = replayer.replay(losses[name])
        if tags is None:
            return None
        found.update(dict.fromkeys(tags))
    return tuple(found)


class Recovery:
    """What one namespace knows about its server."""

    def __init__(self, wire: Wire, breaker: Breaker, *, primary: bool) -> None:
        self.replayers: dict[str, Replayer] = {}
        self._wire = wire
        self._breaker = breaker
        self._primary = primary
        self._watermarks = f"{wire.namespace}:watermarks"
        self._unrecorded = f"{wire.namespace}:unrecorded"
        self._noted_until = 0.0
        # Whether the server does not tell its run id.
        self.is_blind = False

    def known(self, run_id: str | None) -> str:
        """The run id; one made up for this connection if the server does not tell its own."""
        if run_id is None:
            if not self.is_blind:
                self.is_blind = True
                logger.warning("%s", BLIND)
            return f"unknown-{uuid.uuid4().hex}"
        self.is_blind = False
        return run_id

    def check(self, connection: DriverConnection) -> None:
        """Examine the server of a new connection. Raises the driver's errors if it is the wrong one."""
        if self._primary:
            self.check_role(ask(connection, None, ("ROLE",)))
        run_id = self.known(run_id_of(connection))
        # The script writes, so a replica raises here: it may lag behind its primary and must not be read.
        self.take_answer(run_id, ask(connection, *self.question(run_id)))

    def check_role(self, role: Any) -> None:
        """Raise the driver's ConnectionError if the server is a replica."""
        if role[0] != b"master":
            raise driver.ConnectionError("the server that the sentinels named is a replica by now")

    def question(self, run_id: str, *, tell: bool | None = None) -> tuple[Script, Arguments]:
        """The script that checks whether the namespace remembers another server.

        With `tell` (the default if there are replayers) it only reports that. Without, it invalidates everything in
        that case and remembers this server.
        """
        only_tell = bool(self.replayers) and not self.is_blind if tell is None else tell
        names = (self._wire.server, self._wire.clock, self._wire.tag(NAMESPACE_TAG), self._wire.listeners)
        return scripts.CHECK_SERVER, (len(names), *names, run_id, int(only_tell))

    def take_answer(self, run_id: str, another: Any) -> None:
        """If the script reported another server, and there are replayers, mark the server as suspect."""
        if another == 1 and self.replayers and not self.is_blind:
            self._breaker.suspect(
                run_id, "a different server answers than before: what it may have lost is restored first"
            )
        start(self.replayers)

    def preface(self, commands: Sequence[StoreCommand]) -> list[tuple[Script | None, Arguments]]:
        """What has to be sent before these commands: the mark of unrecorded invalidations, if they need it."""
        if Steady.monotonic() < self._noted_until or not any(map(_is_unrecorded, commands)):
            return []
        return [self.note()]

    def note(self) -> tuple[Script, Arguments]:
        """The script that sets the mark; it returns the databases that have not been told of it."""
        return scripts.NOTE_UNRECORDED, (2, self._unrecorded, self._watermarks, MARK_SECONDS * 1000)

    def telling(self) -> float:
        """The mark is set and databases have to be told: the end of the wait, by the monotonic clock."""
        for replayer in tuple(self.replayers.values()):
            replayer.look()
        return Steady.monotonic() + TELL_WITHIN

    def give_up(self, untold: Sequence[bytes]) -> tuple[Script, Arguments]:
        """The script that drops the watermarks of databases whose relays are gone."""
        return scripts.DROP_WATERMARKS, (1, self._watermarks, *untold)

    def noted(self) -> None:
        """The mark is set and every database was told: not to be done again for a while."""
        self._noted_until = Steady.monotonic() + _NOTED_SECONDS

    def is_unrecorded(self, database: str) -> tuple[Script, Arguments]:
        """The script that checks for a mark of which the database has not been told."""
        return scripts.IS_UNRECORDED, (1, self._unrecorded, database)

    def told(self, database: str) -> tuple[Script, Arguments]:
        """The script that confirms that the database was told."""
        return scripts.TOLD, (1, self._unrecorded, database)

    def watermark(self, database: str, at: int) -> tuple[Script, Arguments]:
        """The script that sets a database's watermark, if this server is the one that the namespace remembers."""
        return scripts.SET_WATERMARK, (3, self._watermarks, self._wire.server, self._unrecorded, database, at)

    def restore(self, connect: Callable[[], DriverConnection]) -> None:
        """Replay what may be missing, and remember the server. Raises the driver's errors."""
        self._noted_until = 0.0
        connection = connect()
        try:
            connection.connect()
            if self._primary:
                self.check_role(ask(connection, None, ("ROLE",)))
            self._restore_on(functools.partial(ask, connection), self.known(run_id_of(connection)))
        finally:
            connection.disconnect()

    def _restore_on(self, carry_out: Callable[[Script | None, Arguments], Any], run_id: str) -> None:
        known = carry_out(None, ("GET", self._wire.server))
        lost = known is not None and known != run_id.encode()
        tags = self._missing(carry_out, lost=lost) if known is not None else None
        if tags is None and known is not None and not lost:
            tags = (NAMESPACE_TAG,)
        if tags is None:
            carry_out(*self.question(run_id, tell=False))
            return
        for start in range(0, len(tags), _TAGS_AT_ONCE):
            carry_out(*self._wire.encode(Invalidate(tags[start : start + _TAGS_AT_ONCE])))
        if lost:
            # This comes last, because a process that finds it trusts the server.
            carry_out(scripts.REMEMBER_SERVER, (2, self._wire.server, self._wire.listeners, run_id))

    def _missing(self, carry_out: Callable[[Script | None, Arguments], Any], *, lost: bool) -> tuple[str, ...] | None:
        if not lost:
            return missing_tags(self.replayers, dict.fromkeys(self.replayers, PossibleLoss(lost=False, watermark=None)))
        try:
            found = {name.decode(): int(at) for name, at in carry_out(None, ("HGETALL", self._watermarks)).items()}
            marked = carry_out(None, ("HGETALL", self._unrecorded))
        except (ValueError, driver.ResponseError):
            # Another program has written there.
            return None
        if found.keys() != self.replayers.keys() or b"mark" in marked:
            return None
        return missing_tags(self.replayers, {name: PossibleLoss(lost=True, watermark=at) for name, at in found.items()})


def _is_unrecorded(command: StoreCommand) -> bool:
    if isinstance(command, Invalidate):
        return not command.durable
    return isinstance(command, Delete | Put)
