"""The store commands on the wire: names, scripts and arguments out, replies in. No I/O."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, unquote

from frescor._protocol.commands import (
    LEASE_MS,
    Announce,
    Delete,
    Dismiss,
    ExtendLease,
    Grant,
    Invalidate,
    Put,
    Read,
    Reading,
    ReleaseLease,
    SoftStamp,
    StoreCommand,
    StoreOutcome,
    TakeLease,
    Unheard,
    Write,
)
from frescor._store import scripts
from frescor._store.scripts import Script
from frescor._values.tags import SLICED, declared_tag
from frescor.errors import PolicyError

# For this long a deleted key's lease is a tombstone, which stops running loads and notifies every listener.
TOMBSTONE_MS = 1_000
# Digits of a stamp until the year 2286. A longer number is no stamp: scripts could not handle it exactly.
_LONGEST_STAMP = 16
_NAMESPACE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_OUTCOMES = {1: StoreOutcome.STORED, 0: StoreOutcome.LEASE_LOST, 2: StoreOutcome.SUPERSEDED}

Argument = str | bytes | int
Arguments = tuple[Argument, ...]


class Wire:
    """The commands of one namespace.

    Names: `{namespace}:e:{key}` entries, `:l:` leases, `:t:` tags, `:clock`, `:server`, `:slices`, `:stats`. In a
    cluster an entry and its lease share a slot, since both names hold the key in braces.
    """

    def __init__(self, namespace: str) -> None:
        given: object = namespace
        if not isinstance(given, str) or not _NAMESPACE.fullmatch(given):
            raise PolicyError(
                "a namespace is the beginning of all names of this cache on the server, 1 to 64 letters, digits, '.', "
                f"'_' or '-', such as 'shop'; got {given!r}."
            )
        self.namespace = namespace
        self.clock = f"{namespace}:clock"
        self.server = f"{namespace}:server"
        self.stats = f"{namespace}:stats"
        self.listeners = f"{namespace}:listeners"
        self.slices = f"{namespace}:slices"
        # In a cluster, in the clock's slot.
        self.slices_by_clock = f"{namespace}:slices{{{namespace}:clock}}"
        self._tag_start = f"{namespace}:t:"
        self._entry_start = f"{namespace}:e:{{"
        self._lease_start = f"{namespace}:l:{{"

    def entry(self, key: str) -> str:
        """The name of an entry."""
        return f"{self._entry_start}{quote_key(key)}}}"

    def lease(self, key: str) -> str:
        """The name of a lease."""
        return f"{self._lease_start}{quote_key(key)}}}"

    def tag(self, tag: str) -> str:
        """The name of a tag."""
        return self._tag_start + tag

    def register_slices(self, columns: Mapping[str, Sequence[str]]) -> tuple[Script, Arguments]:
        """The script that registers slice columns, by their table's tag."""
        names = (self.clock, self.slices, self.tag(declared_tag(SLICED)))
        given = [text for table, some in columns.items() for text in (table, ",".join(some))]
        return scripts.REGISTER, (len(names), *names, *given)

    def key_of_entry(self, name: str) -> str:
        """The key in the name of an entry."""
        return unquote_key(name[len(self._entry_start) - 1 :])

    def encode(self, command: StoreCommand) -> tuple[Script | None, Arguments]:
        """The script and its arguments; or None and the arguments of a command of the server."""
        match command:
            case Read(keys, tags):
                start = self._tag_start
                return None, ("MGET", *map(self.entry, keys), *[start + tag for tag in tags])
            case Invalidate(tags):
                start = self._tag_start
                script = scripts.INVALIDATE_SOFTLY if command.serve_old else scripts.INVALIDATE
                return _script(script, (self.clock, *[start + tag for tag in tags]), ())
            case TakeLease(key, token, tags, seen):
                names = (self.entry(key), self.lease(key), self.clock, *map(self.tag, tags))
                return _script(scripts.TAKE_LEASE, names, (token, LEASE_MS, "" if seen is None else seen))
            case ExtendLease(key, token):
                return _script(scripts.EXTEND_LEASE, (self.lease(key),), (token, LEASE_MS))
            case ReleaseLease(key, token):
                return _script(scripts.RELEASE_LEASE, (self.lease(key),), (token,))
            case Write(key, token, entry, as_of, tags, ttl_ms):
                names = (self.entry(key), self.lease(key), self.clock, *map(self.tag, tags))
                return _script(scripts.STORE, names, (token, entry, as_of, ttl_ms))
            case Put(entries, ttl_ms):
                return self._encode_put(entries, ttl_ms)
            case Delete(keys):
                names = tuple(name for key in keys for name in (self.entry(key), self.lease(key)))
                return _script(scripts.DELETE, names, (TOMBSTONE_MS,))
            case Announce() | Unheard() | Dismiss():
                raise TypeError("these are made by frescor._store.listener_registry")

    def decode(self, command: StoreCommand, reply: Any) -> Any:
        """The command's result, from the server's reply."""
        match command:
            case Read(keys, tags):
                count = len(keys)
                stamps = {tag: stamp(raw) for tag, raw in zip(tags, reply[count:], strict=True)}
                entries = reply[:count]
                for entry in entries:
                    if entry is not None and type(entry) is not bytes:
                        raise TypeError("an entry is bytes")
                return Reading(entries, stamps)
            case Delete():
                return int(reply)
            case Invalidate():
                return clock_in(reply)
            case TakeLease(_, _, tags, _):
                if reply is None:
                    return None
                if len(reply) == 1:
                    return Grant(clock_in(reply[0]), None, {})
                found = {tag: stamp(raw or None) for tag, raw in zip(tags, reply[2:], strict=True)}
                if type(reply[1]) is not bytes:
                    raise TypeError("an entry is bytes")
                return Grant(clock_in(reply[0]), reply[1], found)
            case Write():
                return _OUTCOMES[reply]
            case ExtendLease():
                return bool(reply)
        return None

    def server_in(self, text: str) -> str:
        """The name under which a cluster's node keeps its run id, in the slot that this text is hashed to."""
        return f"{self.server}:{{{text}}}"

    def _encode_put(
        self, entries: Mapping[str, tuple[bytes, tuple[str, ...]]], ttl_ms: int
    ) -> tuple[Script | None, Arguments]:
        names: list[str] = [self.clock]
        arguments: list[Argument] = [ttl_ms, TOMBSTONE_MS]
        for key, (entry, tags) in entries.items():
            names += [self.entry(key), self.lease(key), *map(self.tag, tags)]
            arguments += [len(tags), entry]
        return _script(scripts.PUT, names, arguments)


def _script(script: Script, names: Sequence[str], arguments: Sequence[Argument]) -> tuple[Script | None, Arguments]:
    return script, (len(names), *names, *arguments)


def stamp(raw: bytes | None) -> int | None:
    """The stamp of a tag; None if there is none, or if another program wrote something else: both mean invalid."""
    if raw is None:
        return None
    if len(raw) <= _LONGEST_STAMP:
        return int(raw) if raw.isdigit() else None
    at, _, floor = raw.partition(b" ")
    if len(at) <= _LONGEST_STAMP and len(floor) <= _LONGEST_STAMP and at.isdigit() and floor.isdigit():
        return SoftStamp(int(at), int(floor))
    return None


def clock_in(raw: bytes) -> int:
    """The clock in a server's reply. Raises ValueError for one that no server can have."""
    found = stamp(raw)
    if found is None:
        raise ValueError("no server's clock shows that")
    return found


def quote_key(key: str) -> str:
    """The key without braces: in a name they would end the part that determines its slot."""
    if "{" in key or "}" in key or "%" in key:
        return quote(key, safe=":*?[]^-/@!$&'()+,;=#<>|\"\\` ~._")
    return key


def unquote_key(braced: str) -> str:
    """The key, from the braced part of a name."""
    return unquote(braced[1:-1])


def parse_run_id(info: Any) -> str | None:
    """The server's run id, from its reply to INFO server; None if it is not told."""
    text = info.decode(errors="replace") if isinstance(info, bytes) else str(info)
    for line in text.splitlines():
        if line.startswith("run_id:"):
            return line.removeprefix("run_id:").strip() or None
    return None
