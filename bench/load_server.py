"""The application under load, with counters: `flask --app bench/load_server.py:create_app serve`.

Each answer says in `X-Statements` how many statements its request sent to the database, and in `X-Login-Statements` how
many of these asked who is logged in, which the application never reads from a cache. With BENCH_CACHE=off every
cached function runs each time it is called, in each caller, and commits invalidate nothing: an application without a
cache. With BENCH_LOADS, the URL of a Redis, each run of a cached function is noted there: whether what it returned
differs from what the function returned for the same call before.
"""

import functools
import hashlib
import os
import re
import sys
import threading
from collections.abc import Callable
from typing import Any

import redis
from flask import Flask, Response
from sqlalchemy import event

import controles
from controles.cotas import list_queries
from controles.cotas import queries as cotas_queries
from controles.db import db
from controles.pagamentos import queries as pagamentos_queries
from controles.painel import pieces as painel_pieces
from controles.services import cache_service
from frescor import MISS, Cached

# When a value was computed is part of some: computed anew, it differs though nothing else does.
_COMPUTED_AT = re.compile(r"gerado_em=datetime\.datetime\([^)]*\)")


class _NoTracking:
    def close(self) -> None:
        """Nothing is watched."""


def create_app() -> Flask:
    """The application, and what this run asks for on top; the workers, copies of this process, make theirs alike."""
    plain = controles.create_app

    def create() -> Flask:
        app = plain()
        _count_statements(app)
        return app

    if os.environ.get("BENCH_CACHE") == "off":
        _compute_everything()
        cache_service.track = lambda *_args, **_options: _NoTracking()  # type: ignore[assignment, attr-defined]
    if loads := os.environ.get("BENCH_LOADS"):
        _note_loads(loads)
    controles.create_app = create  # type: ignore[assignment]  # called without overrides
    return create()


def _compute_everything() -> None:
    """Every function runs at each call, and a figure over everybody is one statement, as without a cache."""
    Cached.__call__ = Cached.refresh = Cached.uncached  # type: ignore[method-assign]
    Cached.peek = lambda *_args, **_keywords: MISS  # type: ignore[method-assign]
    for module in (painel_pieces, pagamentos_queries, cotas_queries, list_queries):
        module.IN_PIECES = False  # type: ignore[attr-defined]


def _count_statements(app: Flask) -> None:
    mine = threading.local()

    def executed(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        mine.count = getattr(mine, "count", 0) + 1
        mine.logins = getattr(mine, "logins", 0) + ("FROM usuario JOIN sessao" in statement.replace("\n", ""))

    def begin() -> None:
        mine.count = mine.logins = 0

    def tell(answer: Response) -> Response:
        answer.headers["X-Statements"] = str(mine.count)
        answer.headers["X-Login-Statements"] = str(mine.logins)
        return answer

    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", executed)
    app.before_request_funcs.setdefault(None, []).insert(0, begin)
    app.after_request_funcs.setdefault(None, []).insert(0, tell)


def _note_loads(url: str) -> None:
    """Put a recorder in front of what each cached function of the application runs."""
    store = redis.Redis.from_url(url)
    found = {
        id(value): value
        for name, module in list(sys.modules.items())
        if name.startswith("controles.")
        for value in vars(module).values()
        if isinstance(value, Cached)
    }
    for cached in found.values():
        cached._site.loader = _recording(cached, cached._site.loader, store)


def _recording(cached: Any, function: Callable[..., object], store: "redis.Redis") -> Callable[..., object]:
    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> object:
        value = function(*args, **kwargs)
        digest = hashlib.blake2b(_COMPUTED_AT.sub("", repr(value)).encode(), digest_size=16).digest()
        before = store.set(f"last:{cached.key(*args, **kwargs)}", digest, get=True)
        outcome = "first" if before is None else "same" if before == digest else "changed"
        store.hincrby(f"loads:{cached.policy.name}", outcome)
        return value

    return run
