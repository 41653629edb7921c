"""What an operator asks of servers, one or several: their keys and figures."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from frescor._store.base import KeyInfo, ServerInfo
from frescor._store.wire import Arguments, Wire

Ask = Callable[[list[Arguments]], list[Any]]


def listed(wire: Wire, ask: Ask, pattern: str, limit: int) -> Iterator[KeyInfo]:
    """The entries of one server whose keys match a glob pattern."""
    match, cursor, left = wire.entry(pattern), b"0", limit
    while left > 0:
        ((cursor, names),) = ask([("SCAN", cursor, "MATCH", match, "COUNT", 500, "TYPE", "string")])
        names = sorted(names)[:left]
        found = ask([(command, name) for name in names for command in ("PTTL", "STRLEN")]) if names else []
        for name, ttl, size in zip(names, found[::2], found[1::2], strict=True):
            # A size of 0 means that the entry ended since it was listed.
            if size:
                left -= 1
                yield KeyInfo(wire.key_of_entry(_text(name)), ttl if ttl >= 0 else None, size)
        if cursor == b"0":
            return


def counters_in(reply: Mapping[bytes, bytes]) -> dict[str, int]:
    """The namespace's counters, without values that are not numbers, which another program must have written."""
    return {_text(name): int(value) for name, value in reply.items() if _is_number(value)}


def fields_of(info: Any) -> dict[str, str]:
    """The fields of a reply to INFO."""
    text = info.decode(errors="replace") if isinstance(info, bytes) else str(info)
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


def add_up(servers: Sequence[tuple[dict[str, str], int]]) -> ServerInfo:
    """The figures of several servers as of one, from their fields and latencies: sums, and the highest latency."""
    first = servers[0][0]
    most = sum(_number(fields, "maxmemory") for fields, _ in servers)
    return ServerInfo(
        first.get("server_name", "redis"),
        first.get("valkey_version") or first.get("redis_version", "unknown"),
        sum(_number(fields, "used_memory") for fields, _ in servers),
        most or None,
        max(latency for _, latency in servers),
    )


def _number(fields: dict[str, str], name: str) -> int:
    raw = fields.get(name, "0").strip()
    return int(raw) if _is_number(raw.encode()) else 0


def _is_number(raw: bytes) -> bool:
    # A server counts with at most 20 digits. Python would take long for many more, or refuse them.
    return len(raw) <= 20 and raw.removeprefix(b"-").isdigit()


def _text(name: bytes) -> str:
    """A name that may have been written by another program."""
    return name.decode(errors="backslashreplace")
