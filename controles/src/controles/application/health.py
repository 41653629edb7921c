"""`/healthz` and `/readyz`: for container engines and load balancers, without a login."""

from typing import cast

import structlog
from flask import Flask, current_app, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from controles.db import db
from controles.schema import migrating
from controles.services.cache_service import service_of

_log = structlog.stdlib.get_logger("controles.health")

ALIVE, READY = "health_alive", "health_ready"


def init_app(app: Flask) -> None:
    """Add both addresses to `app`."""
    app.add_url_rule("/healthz", ALIVE, _alive)
    app.add_url_rule("/readyz", READY, _ready)


def _alive() -> ResponseReturnValue:
    """200 as long as this process answers at all."""
    return jsonify(status="alive")


def _ready() -> ResponseReturnValue:
    """200 if requests can be served: the database answers and has this version's tables; otherwise 503.

    While the cache is down, answers are slower but correct: the status is still 200, and the body says so. Since
    anybody may ask, reasons are only in the logs.
    """
    app = cast(Flask, current_app._get_current_object())  # type: ignore[attr-defined]  # the proxy's own way
    database = _database_state()
    cache = service_of(app).health()
    ready = database == "ok"
    body = jsonify(
        status="ready" if ready else "unavailable",
        database=database,
        cache="ok" if cache.reachable else "degraded",
        pending_invalidations=cache.pending_invalidations,
    )
    return body, 200 if ready else 503


def _database_state() -> str:
    try:
        with db.engine.connect() as connection:
            return "ok" if migrating.is_current(connection) else "not migrated"
    except SQLAlchemyError as error:
        _log.warning("database", exc_info=error)
        return "unreachable"
