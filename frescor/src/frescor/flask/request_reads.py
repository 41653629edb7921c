"""What a view reads from its request while it runs: headers, cookies, the session."""

from collections.abc import Callable, ItemsView, Iterator, KeysView, ValuesView
from typing import Any

from flask import request
from flask.globals import request_ctx
from flask.sessions import SessionMixin
from werkzeug.datastructures import EnvironHeaders

# Stands for reading all headers.
ANY_HEADER = "*"
_HEADER = "HTTP_"
# Attributes in which werkzeug caches what it has read from headers.
_REMEMBERED = (
    "accept_charsets",
    "accept_encodings",
    "accept_languages",
    "accept_mimetypes",
    "access_route",
    "authorization",
    "cookies",
    "user_agent",
)


def session_is_read() -> bool:
    """Whether this request's session was read so far; calling this does not count as reading."""
    session = _session()
    return session is not None and session.accessed


def _session() -> SessionMixin | None:
    # Flask 3.1.3 and later count every use of `session` as a reading, so this must not use it; older ones have no
    # other.
    context: Any = request_ctx
    session: SessionMixin | None = context._session if hasattr(context, "_session") else context.session
    return session


class RequestReads:
    """Notes what is read from the current request while it is entered."""

    def __init__(self) -> None:
        self.headers: set[str] = set()
        self.session_read = False
        self.session_modified = False

    def __enter__(self) -> "RequestReads":
        self._session = session = _session()
        if session is not None:
            self._was = (session.accessed, session.modified)
            session.accessed = session.modified = False
        self._own = own = request._get_current_object().__dict__  # type: ignore[attr-defined]  # the proxy's own way
        self._kept = {name: own.pop(name) for name in _REMEMBERED if name in own}
        self._environ, self._headers = own["environ"], own["headers"]
        own["environ"] = watched = _Environ(self._environ, self.headers)
        own["headers"] = _Headers(watched)
        return self

    def __exit__(self, *_: object) -> None:
        own, session = self._own, self._session
        # What the view put there has to remain for those who come after it.
        self._environ.update(dict.items(own["environ"]))
        own["environ"], own["headers"] = self._environ, self._headers
        own.update(self._kept)
        if session is not None:
            self.session_read, self.session_modified = session.accessed, session.modified
            session.accessed, session.modified = (
                self._was[0] or session.accessed,
                self._was[1] or session.modified,
            )


class _Headers(EnvironHeaders):
    """The headers of such an environment. Asking for all values of one name reads only that name."""

    def getlist(self, key: str, type: Callable[[str], Any] | None = None) -> list[Any]:  # noqa: A002 - werkzeug's name
        value = self.get(key) if type is None else self.get(key, type=type)
        return [] if value is None else [value]


class _Environ(dict[str, Any]):
    """A WSGI environment that notes which headers are read."""

    def __init__(self, environ: dict[str, Any], noted: set[str]) -> None:
        super().__init__(environ)
        self._noted = noted

    def _note(self, key: object) -> None:
        if isinstance(key, str) and key.startswith(_HEADER):
            self._noted.add(key.removeprefix(_HEADER).replace("_", "-").lower())

    def __getitem__(self, key: str) -> Any:
        self._note(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self._note(key)
        return super().__contains__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self._note(key)
        return super().get(key, default)

    def __iter__(self) -> Iterator[str]:
        self._noted.add(ANY_HEADER)
        return super().__iter__()

    def keys(self) -> KeysView[str]:  # type: ignore[override]
        self._noted.add(ANY_HEADER)
        return super().keys()

    def values(self) -> ValuesView[Any]:  # type: ignore[override]
        self._noted.add(ANY_HEADER)
        return super().values()

    def items(self) -> ItemsView[str, Any]:  # type: ignore[override]
        self._noted.add(ANY_HEADER)
        return super().items()
