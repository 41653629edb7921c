"""What an operator asks of servers: their keys and figures, one server or several."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from frescor.store.base import KeyInfo, ServerInfo
from frescor.store.wire import Arguments, Wire

Ask = Callable[[list[Arguments]], list[Any]]


def listed(wire: Wire, ask: Ask, pattern: str, limit: int) -> Iterator[KeyInfo]:
    """The entries of one server whose keys match a glob pattern."""
    match, cursor, left = wire.entry(pattern), b"0", limit
    while left > 0:
        ((cursor, names),) = ask([("SCAN", cursor, "MATCH", match, "COUNT", 500)])
        names = sorted(names)[:left]
        found = ask([(command, name) for name in names for command in ("PTTL", "STRLEN")]) if names else []
        for name, ttl, size in zip(names, found[::2], found[1::2], strict=True):
            # A size of 0: it ended between the two looks.
            if size:
                left -= 1
                yield KeyInfo(wire.key_of_entry(name.decode()), ttl if ttl >= 0 else None, size)
        if cursor == b"0":
            return


def fields_of(info: Any) -> dict[str, str]:
    """The fields of a reply to INFO."""
    text = info.decode(errors="replace") if isinstance(info, bytes) else str(info)
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


def add_up(servers: Sequence[tuple[dict[str, str], int]]) -> ServerInfo:
    """The figures of servers as of one, from their fields and round trips: sums, and the longest way."""
    first = servers[0][0]
    most = sum(int(fields.get("maxmemory", 0)) for fields, _ in servers)
    return ServerInfo(
        first.get("server_name", "redis"),
        first.get("valkey_version") or first.get("redis_version", "unknown"),
        sum(int(fields.get("used_memory", 0)) for fields, _ in servers),
        most or None,
        max(latency for _, latency in servers),
    )
