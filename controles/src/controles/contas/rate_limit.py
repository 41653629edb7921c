"""Limits how often one network address may try to log in, and how often one token of the API may ask. Without its
store, each process counts for itself."""

import hashlib
import hmac
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, request
from flask_limiter import Limiter
from redis.backoff import NoBackoff
from redis.retry import Retry

from controles.contas.keys import account_keys
from controles.contas.lockout import network_of
from controles.settings.config import Settings

# Per request, and only while the store is down; after the first failure the process counts by itself.
_PATIENCE_SECONDS = 0.3
_LIMITER = "rate_limiter"


def init_app(app: Flask, settings: Settings, *blueprints: Blueprint) -> None:
    """Limit the requests to these blueprints."""
    limiter = Limiter(
        _hidden_address,
        app=app,
        strategy="moving-window",
        headers_enabled=True,
        in_memory_fallback_enabled=True,
        swallow_errors=True,
        key_prefix="controles",
        storage_uri=_storage_uri(settings.rate_limit_url or settings.redis_url),
        storage_options=storage_options(settings.rate_limit_url or settings.redis_url),
    )
    for blueprint in blueprints:
        limiter.limit(settings.login_rate, methods=["POST"])(blueprint)
    app.extensions[_LIMITER] = limiter


def limit_api(app: Flask, settings: Settings, blueprint: Blueprint) -> None:
    """Limit what each token may ask, and how often one address may try tokens that are not valid."""
    limiter: Limiter = app.extensions[_LIMITER]
    limiter.limit(settings.api_rate, key_func=_hidden_token)(blueprint)
    limiter.limit(settings.login_rate, deduct_when=_was_unknown)(blueprint)


def _was_unknown(response: Response) -> bool:
    return response.status_code == 401


def _hidden_address() -> str:
    """Stands for this request's address in the store: equal for equal addresses, without revealing them."""
    network = network_of(request.remote_addr or "", 32, 64)
    return hmac.digest(account_keys().lockout, f"rate\n{network}".encode(), hashlib.sha256).hex()[:32]


def _hidden_token() -> str:
    """Stands for this request's token in the store; for its address if it has none."""
    token = request.headers.get("Authorization")
    if not token:
        return _hidden_address()
    return hmac.digest(account_keys().lockout, f"token\n{token}".encode("utf-8", "replace"), hashlib.sha256).hex()[:32]


def _in_process(redis_url: str | None) -> bool:
    return redis_url is None or redis_url.startswith("memory:")


def _storage_uri(redis_url: str | None) -> str:
    if redis_url is None or _in_process(redis_url):
        return "memory://"
    if redis_url.startswith("unix:"):
        return f"redis+{redis_url}"
    parts = urlsplit(redis_url)
    if "-" not in parts.scheme:
        return redis_url
    # Flask-Limiter's own names; it counts in the service's first database.
    service = f"/{parts.path.split('/')[1]}" if parts.scheme.endswith("sentinel") else ""
    return f"redis+{parts.scheme.partition('-')[2]}://{parts.netloc}{service}"


def storage_options(redis_url: str | None) -> dict[str, Any]:
    """How to connect to the counting store."""
    if _in_process(redis_url):
        return {}
    return {
        "socket_connect_timeout": _PATIENCE_SECONDS,
        "socket_timeout": _PATIENCE_SECONDS,
        "retry": Retry(NoBackoff(), 0),
        # No CLIENT SETINFO: its user needs only the commands for counting.
        "driver_info": None,
        **({"ssl": True} if redis_url is not None and redis_url.startswith("rediss-") else {}),
    }
