"""Reads a connection's scope as text."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from frescor._http.asking import METHODS, sorted_query

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def text_of(value: bytes | str) -> str:
    """A part of a header; applications and test clients write some of them as text."""
    return value if isinstance(value, str) else value.decode("latin-1")


def pairs_of(headers: Iterable[Iterable[bytes | str]]) -> tuple[tuple[str, str], ...]:
    """Headers as text."""
    return tuple((text_of(name), text_of(value)) for name, value in headers)


def bytes_of(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Headers in ASGI's form."""
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def header(scope: Scope, name: str) -> str | None:
    """All values of a request header in order; None if there is none. The name is in lower case."""
    found = [text_of(value) for key, value in scope["headers"] if text_of(key).lower() == name]
    return ", ".join(found) if found else None


def path_within(scope: Scope) -> str:
    """The path below where the application is mounted."""
    root, path = str(scope.get("root_path") or "").rstrip("/"), str(scope["path"])
    return path.removeprefix(root) or "/" if path == root or path.startswith(f"{root}/") else path


def may_be_stored(scope: Scope) -> bool:
    """Whether a request may be answered from the cache: it asks for a complete representation, and has no body."""
    if scope["method"] not in METHODS:
        return False
    names = {name.lower(): value for name, value in pairs_of(scope["headers"])}
    # Without any header, reads of headers would not be recorded (see `header_reads`).
    return (
        bool(names)
        and not (names.keys() & {"range", "transfer-encoding", "upgrade"})
        and names.get("content-length", "0") == "0"
    )


def identity(scope: Scope, headers: Iterable[str]) -> tuple[object, ...]:
    """What distinguishes a request, including these headers."""
    server = scope.get("server") or ("", None)
    return (
        scope["method"],
        scope.get("scheme", "http"),
        header(scope, "host") or f"{server[0]}:{server[1]}",
        scope.get("root_path", ""),
        scope["path"],
        sorted_query(scope.get("query_string", b"").decode("latin-1")),
        *((name, header(scope, name)) for name in sorted(headers)),
    )


def joined(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Headers, with each name once."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name.lower(), []).append(value)
    return [(name, ", ".join(values)) for name, values in found.items()]
