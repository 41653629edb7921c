"""A request for an endpoint that records what is read from it and may be specific to one visitor."""

from collections.abc import Iterator
from typing import Any

from starlette.requests import Request

from frescor._http.storing import Reads
from frescor.asgi.header_reads import watched_headers

# Parts of a scope that identify the visitor.
_OF_A_VISITOR = {"auth": "request.auth", "client": "request.client", "user": "request.user"}


class WatchedRequest:
    """Gives an endpoint a copy of its request, and records in `reads` what it reads from that."""

    def __init__(self, request: Request, reads: Reads) -> None:
        self._request, self._reads = request, reads
        scope = request.scope
        self._scope = _Scope(scope, reads)
        dict.__setitem__(self._scope, "headers", watched_headers(scope["headers"], reads.headers))
        self._state = _State(scope.get("state") or {}, reads)
        dict.__setitem__(self._scope, "state", self._state)
        self._session: _Session | None = None
        if "session" in scope:
            self._session = _Session(scope["session"])
            dict.__setitem__(self._scope, "session", self._session)
        self.request = type(request)(self._scope, request.receive)

    def end(self) -> None:
        """Make what the endpoint wrote into the copy available in the original request."""
        scope, session = self._request.scope, self._session
        for name, value in dict.items(self._scope):
            if name not in ("headers", "session", "state"):
                scope[name] = value
        if self._state.is_changed:
            scope.setdefault("state", {}).update(dict.items(self._state))
        if session is not None and session.is_changed:
            self._reads.session_modified = True
            scope["session"].clear()
            scope["session"].update(dict.items(session))
        if session is not None and session.is_read:
            self._reads.session_read = True
            if hasattr(scope["session"], "mark_accessed"):
                scope["session"].mark_accessed()


class _Noting(dict[str, Any]):
    """A dictionary that reports which keys are read, and which are changed."""

    is_changed = False

    def noted(self, key: object) -> None:
        """This key was read; None: all keys."""

    def __getitem__(self, key: str) -> Any:
        self.noted(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self.noted(key)
        return super().__contains__(key)

    def __iter__(self) -> Iterator[str]:
        self.noted(None)
        return super().__iter__()

    def __len__(self) -> int:
        self.noted(None)
        return super().__len__()

    def __eq__(self, other: object) -> bool:
        self.noted(None)
        return super().__eq__(other)

    def __bool__(self) -> bool:
        self.noted(None)
        return super().__len__() > 0

    def get(self, key: str, default: Any = None) -> Any:
        self.noted(key)
        return super().get(key, default)

    def keys(self) -> Any:
        self.noted(None)
        return super().keys()

    def values(self) -> Any:
        self.noted(None)
        return super().values()

    def items(self) -> Any:
        self.noted(None)
        return super().items()

    def copy(self) -> dict[str, Any]:
        self.noted(None)
        return super().copy()

    def __setitem__(self, key: str, value: Any) -> None:
        self.is_changed = True
        super().__setitem__(key, value)

    def __delitem__(self, key: str) -> None:
        self.is_changed = True
        super().__delitem__(key)

    def pop(self, key: str, *default: Any) -> Any:
        self.noted(key)
        self.is_changed = True
        return super().pop(key, *default)

    def popitem(self) -> tuple[str, Any]:
        self.noted(None)
        self.is_changed = True
        return super().popitem()

    def setdefault(self, key: str, default: Any = None) -> Any:
        self.noted(key)
        self.is_changed = True
        return super().setdefault(key, default)

    def update(self, *given: Any, **named: Any) -> None:
        self.is_changed = True
        super().update(*given, **named)

    def clear(self) -> None:
        self.is_changed = True
        super().clear()


class _Scope(_Noting):
    def __init__(self, scope: Any, reads: Reads) -> None:
        super().__init__(scope)
        self._reads = reads

    def noted(self, key: object) -> None:
        if isinstance(key, str) and key in _OF_A_VISITOR:
            self._reads.others.add(_OF_A_VISITOR[key])


class _State(_Noting):
    def __init__(self, state: Any, reads: Reads) -> None:
        super().__init__(state)
        self._reads = reads

    def noted(self, key: object) -> None:
        self._reads.others.add("request.state" if key is None else f"request.state.{key}")


class _Session(_Noting):
    is_read = False

    def noted(self, key: object) -> None:
        del key
        self.is_read = True

    def mark_accessed(self) -> None:
        """Called by Starlette when the session is accessed."""
        self.is_read = True
