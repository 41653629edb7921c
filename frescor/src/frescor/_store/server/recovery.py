"""Whether what a server holds can be trusted: no invalidation may be missing from it. One server; a cluster's nodes are
looked at in `_store.cluster.cluster`.

Two things let invalidations be missing. *The server is not the one that the namespace remembers*: restarted from disk,
or a replica that was promoted, it may have lost what was done last. Or *it was out of reach*: somebody committed, could
not tell it, and is gone, or has not found it again yet.

Whoever keeps invalidations elsewhere (an outbox, in a database) registers a replayer, which says what may be
missing. Then a suspect server is not read from until that was raised. Where nobody does, everything is made invalid
when another server is met, and an outage costs nothing: each process delivers what it could not.

What is missing after a loss. What a server lost is what was done last: its file and its replicas hold a beginning of
what it did. Every database's clock is put into the namespace now and then, as a *watermark*: read first, then stored.
So whatever was done before the watermark that is found was not lost, and an invalidation that was marked in the
database before that clock had been done before it. The rest is done again. Not so what no outbox keeps
(`Cache.invalidate`, `delete`, `set` by hand, whatever the tag; commits of a database without outbox): whoever makes an
invalidation says which it is (`Invalidate.durable`), and after a loss everything is made invalid where there may have
been any that is not. So it is without a watermark, or with one of a database that this process does not track: what is
not known to be complete is not trusted.

How it is known that there were none. Who makes an invalidation that is not durable leaves a mark in the namespace. The
server may lose that mark together with what it stands for. So the invalidation does not return before every database
that has a watermark was *told*: a relay found the mark, kept that in its database, and said so in the namespace. From
then on its replay cannot tell what is missing. That is done once: the mark and what was told stand for a month. It
waits for `TELL_WITHIN` at the most, for relays that are gone. Then it drops their watermarks, and a relay that has not
looked for the mark all that time, or began to look after the watermark that is found, cannot tell either.

The races:

- The watermark of a server that lost something must not be set before that was done again. So the script that sets it
  looks whether the server that runs it is the one that is remembered.
- A relay begins, or sets its first watermark, while somebody makes a mark: the script that sets the watermark looks for
  the mark, and the one that makes the mark looks for watermarks. The later one finds the other.
- A second restart in the middle. What is missing is raised on one connection, and the server that answered there is
  the one that is remembered. Another one that is met meanwhile opens the breaker anew.
- A process trusts the server while another has not found it again, commits, and cannot tell it. After an outage and
  after a loss everybody waits for `REDISCOVERY_SECONDS`, in which whoever probes finds the server; from then on
  invalidations are taken (see `_store.connection.breaker`), and those that were not were committed before: the replay
  sees them.
- A server that only hung, and that a process did not ask meanwhile, is trusted by that process all along. What another
  could not tell it arrives when that one finds it again, or with the next turn of any relay: within a second.
"""

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any

from redis import exceptions as driver

from frescor._protocol.commands import Delete, Invalidate, Put, ReleaseLease, StoreCommand, Together
from frescor._store import scripts
from frescor._store.base import PossibleLoss, Replayer
from frescor._store.connection.breaker import LAST_PROBE, Breaker
from frescor._store.connection.connection import DEADLINE, ask, run_id_of
from frescor._store.connection.link import DriverConnection
from frescor._store.scripts import Script
from frescor._store.wire import Arguments, Wire
from frescor._values.tags import NAMESPACE_TAG

# Until everybody who took the server for dead has found it: a probe that has just failed, the pause, and the next one.
REDISCOVERY_SECONDS = DEADLINE + LAST_PROBE + 0.05
# In one script: a server does nothing else meanwhile.
_TAGS_AT_ONCE = 500
# For so long an application that invalidates what no outbox keeps is taken for one that may have done so just now.
MARK_SECONDS = 30 * 86_400
_NOTED_SECONDS = 3_600
# Seconds that such an invalidation waits for relays to be told, at the most; and between two looks whether they were.
TELL_WITHIN, TELL_LOOK = 3.0, 0.02


def invalidates(command: StoreCommand | Together) -> bool:
    """Whether a command does nothing but make things invalid: a suspect server takes it."""
    if isinstance(command, Together):
        return all(map(invalidates, command.commands))
    return isinstance(command, Invalidate | Delete | ReleaseLease)


def wait_for_rediscovery(breaker: Breaker) -> bool:
    """Wait until everybody has found the server again. False if the breaker was closed for good meanwhile."""
    return breaker.pause(REDISCOVERY_SECONDS)


def register(replayers: dict[str, Replayer], database: str, replayer: Replayer, *, ended: bool) -> None:
    """Put a database's replayer among these, or take it away if it is still this one."""
    if not ended:
        replayers[database] = replayer
    elif replayers.get(database) is replayer:
        del replayers[database]


def start(replayers: dict[str, Replayer]) -> None:
    """A connection was opened: this process, perhaps the child of a fork, reads what others may have to invalidate."""
    for replayer in tuple(replayers.values()):
        replayer.start()


def missing_tags(replayers: dict[str, Replayer], losses: dict[str, PossibleLoss]) -> tuple[str, ...] | None:
    """What may be missing, by all databases; None if one of them cannot tell."""
    found: dict[str, None] = {}
    for name, replayer in tuple(replayers.items()):
        tags = replayer.replay(losses[name])
        if tags is None:
            return None
        found.update(dict.fromkeys(tags))
    return tuple(found)


class Recovery:
    """What one namespace knows of its server."""

    def __init__(self, wire: Wire, breaker: Breaker, *, primary: bool) -> None:
        self.replayers: dict[str, Replayer] = {}
        self._wire = wire
        self._breaker = breaker
        self._primary = primary
        self._watermarks = f"{wire.namespace}:watermarks"
        self._unrecorded = f"{wire.namespace}:unrecorded"
        self._noted_until = 0.0

    def check(self, connection: DriverConnection) -> None:
        """Look at the server of a new connection. Raises the driver's errors if it is the wrong one."""
        if self._primary:
            self.check_role(ask(connection, None, ("ROLE",)))
        run_id = run_id_of(connection)
        # A replica takes no write and raises here: it may be behind its primary, so nothing is read from it.
        self.take_answer(run_id, ask(connection, *self.question(run_id)))

    def check_role(self, role: Any) -> None:
        """Raise the driver's ConnectionError if the server is a replica."""
        if role[0] != b"master":
            raise driver.ConnectionError("the server that the sentinels named is a replica by now")

    def question(self, run_id: str, *, tell: bool | None = None) -> tuple[Script, Arguments]:
        """The script that finds out whether the namespace remembers another server.

        With `tell` it only says so (by default where there are replays); else everything is invalid then, and this
        server is remembered.
        """
        only_tell = bool(self.replayers) if tell is None else tell
        names = (self._wire.server, self._wire.clock, self._wire.tag(NAMESPACE_TAG), self._wire.listeners)
        return scripts.CHECK_SERVER, (len(names), *names, run_id, int(only_tell))

    def take_answer(self, run_id: str, another: Any) -> None:
        """Suspect the server, if the script said that it is another one and somebody can say what may be missing."""
        if another == 1 and self.replayers:
            self._breaker.suspect(
                run_id, "another server answers than before: what it may have lost is done again first"
            )
        start(self.replayers)

    def preface(self, commands: Sequence[StoreCommand]) -> list[tuple[Script | None, Arguments]]:
        """What is to be sent before these commands: the mark that something is invalidated that no outbox keeps."""
        if time.monotonic() < self._noted_until or not any(map(_is_unrecorded, commands)):
            return []
        return [self.note()]

    def note(self) -> tuple[Script, Arguments]:
        """The script that leaves the mark; it answers with the databases that were not told of it."""
        return scripts.NOTE_UNRECORDED, (2, self._unrecorded, self._watermarks, MARK_SECONDS * 1000)

    def telling(self) -> float:
        """The mark was made, and there are databases that were not told: until when to wait, by the monotonic clock."""
        for replayer in tuple(self.replayers.values()):
            replayer.look()
        return time.monotonic() + TELL_WITHIN

    def give_up(self, untold: Sequence[bytes]) -> tuple[Script, Arguments]:
        """The script that drops the watermarks of databases whose relays are gone."""
        return scripts.DROP_WATERMARKS, (1, self._watermarks, *untold)

    def noted(self) -> None:
        """The mark was made, and whoever is there was told."""
        self._noted_until = time.monotonic() + _NOTED_SECONDS

    def is_unrecorded(self, database: str) -> tuple[Script, Arguments]:
        """The script that looks whether there is a mark that the database was not told of."""
        return scripts.IS_UNRECORDED, (1, self._unrecorded, database)

    def told(self, database: str) -> tuple[Script, Arguments]:
        """The script that says that the database was told."""
        return scripts.TOLD, (1, self._unrecorded, database)

    def watermark(self, database: str, at: int) -> tuple[Script, Arguments]:
        """The script that sets a database's watermark, on the server that the namespace remembers."""
        return scripts.SET_WATERMARK, (3, self._watermarks, self._wire.server, self._unrecorded, database, at)

    def restore(self, connect: Callable[[], DriverConnection]) -> None:
        """Do again what may be missing, and remember the server. Raises the driver's errors."""
        self._noted_until = 0.0
        connection = connect()
        try:
            connection.connect()
            if self._primary:
                self.check_role(ask(connection, None, ("ROLE",)))
            self._restore_on(functools.partial(ask, connection), run_id_of(connection))
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
            # Last: whoever finds it trusts the server.
            carry_out(scripts.REMEMBER_SERVER, (2, self._wire.server, self._wire.listeners, run_id))

    def _missing(self, carry_out: Callable[[Script | None, Arguments], Any], *, lost: bool) -> tuple[str, ...] | None:
        if not lost:
            return missing_tags(self.replayers, dict.fromkeys(self.replayers, PossibleLoss(lost=False, watermark=None)))
        try:
            found = {name.decode(): int(at) for name, at in carry_out(None, ("HGETALL", self._watermarks)).items()}
            marked = carry_out(None, ("HGETALL", self._unrecorded))
        except (ValueError, driver.ResponseError):
            # Something else wrote there.
            return None
        if found.keys() != self.replayers.keys() or b"mark" in marked:
            return None
        return missing_tags(self.replayers, {name: PossibleLoss(lost=True, watermark=at) for name, at in found.items()})


def _is_unrecorded(command: StoreCommand) -> bool:
    if isinstance(command, Invalidate):
        return not command.durable
    return isinstance(command, Delete | Put)
