"""What a view reads from its request while it runs: headers, cookies, the session."""

from collections.abc import Callable
from typing import Any

from flask import request
from flask.globals import request_ctx
from flask.sessions import SessionMixin
from werkzeug.datastructures import EnvironHeaders

from frescor._http.environ import WatchedEnviron
from frescor._http.storing import Reads

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
        self.reads = Reads()

    def __enter__(self) -> "RequestReads":
        self._session = session = _session()
        if session is not None:
            self._was = (session.accessed, session.modified)
            session.accessed = session.modified = False
        self._own = own = request._get_current_object().__dict__  # type: ignore[attr-defined]  # the proxy's own way
        self._kept = {name: own.pop(name) for name in _REMEMBERED if name in own}
        self._environ, self._headers = own["environ"], own["headers"]
        own["environ"] = watched = WatchedEnviron(self._environ, self.reads.headers)
        own["headers"] = _Headers(watched)
        return self

    def __exit__(self, *_: object) -> None:
        own, session = self._own, self._session
        # What the view put there has to remain for those who come after it.
        self._environ.update(dict.items(own["environ"]))
        own["environ"], own["headers"] = self._environ, self._headers
        own.update(self._kept)
        if session is not None:
            self.reads.session_read, self.reads.session_modified = session.accessed, session.modified
            session.accessed, session.modified = (
                self._was[0] or session.accessed,
                self._was[1] or session.modified,
            )


class _Headers(EnvironHeaders):
    """The headers of such an environment. Asking for all values of one name reads only that name."""

    def getlist(self, key: str, type: Callable[[str], Any] | None = None) -> list[Any]:  # noqa: A002 - werkzeug's name
        value = self.get(key) if type is None else self.get(key, type=type)
        return [] if value is None else [value]
