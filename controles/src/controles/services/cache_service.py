"""The application's cache, with the names that its operators and documents use; a thin layer over Frescor."""

import functools
import hashlib
import logging
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flask import Flask, current_app

from controles.db import db
from controles.services.cache_slices import QUIET, SLICES
from controles.settings.config import Settings
from frescor import Cache, CacheError, PolicyStats, ServerInfo
from frescor.embedded import EmbeddedServer, EmbeddedServerUnavailable
from frescor.flask import FlaskCache
from frescor.sqlalchemy import Tracking, track

logger = logging.getLogger("controles.cache")

NAMESPACE = "controles"
EXTENSION = "cache_service"
# Seconds between attempts of the first connection: doubled each time, from the first to the last value.
FIRST_RETRY, LAST_RETRY = 0.1, 30.0

_frescor = FlaskCache()

cached = _frescor.cached
invalidate_cache_pattern = _frescor.invalidate_cache_pattern


class CacheKeys:
    """The beginning of the keys of each policy."""

    DASHBOARD_STATS: Final = "dashboard:stats"
    MILITANTE_STATS: Final = "dashboard:militante_stats"
    FINANCIAL_STATS: Final = "dashboard:financial_stats"
    MILITANTES_LIST: Final = "militantes:list"
    PAGAMENTOS_LIST: Final = "pagamentos:list"


@dataclass(frozen=True, slots=True)
class CacheHealth:
    """Whether the cache's server answers, and if not, why. The application works either way."""

    reachable: bool
    server: ServerInfo | None
    reason: str | None
    pending_invalidations: int


class CacheService:
    """One application's cache. No method raises because the cache's server is down: the application works without
    it."""

    def __init__(self, cache: Callable[[], Cache], tracked: Sequence[Tracking] = ()) -> None:
        """`tracked`: the databases whose commits invalidate what was read from them."""
        self._cache = cache
        self._tracked = tuple(tracked)
        self._stopped = threading.Event()
        self._connected = threading.Event()

    @property
    def cache(self) -> Cache:
        """Frescor's cache, for everything else."""
        return self._cache()

    def get(self, key: str, default: object = None) -> object:
        """The value under a key; `default` if there is none, or if the server is down."""
        return self.cache.get(key, default)

    def set(self, key: str, data: object, expire: float = 300) -> bool:
        """Keep data for `expire` seconds. False if the server is down."""
        return self.cache.set(key, data, expire)

    def delete(self, *keys: str) -> bool:
        """Delete these keys. False if the server is down: they are deleted once it is back."""
        return self.cache.delete(*keys)

    def clear_all(self) -> bool:
        """Invalidate everything, in one write. False if the server is down: it is done once it is back."""
        return self.cache.clear_all()

    def invalidate_pattern(self, pattern: str) -> bool:
        """Invalidate everything below a prefix (`dashboard:*`). See `invalidate`."""
        return self.cache.invalidate_pattern(pattern)

    def invalidate(self, *tags: str) -> bool:
        """Invalidate everything that depends on these tags. False if the server is down: it is done once it is back."""
        return self.cache.invalidate(*tags)

    def forget_user(self, user_id: int) -> bool:
        """Invalidate what was cached for one user; called at logout, and when the user is changed."""
        return self.cache.invalidate(user_tag(user_id))

    def connect(self) -> None:
        """Try to reach the server in the background, with exponential backoff, until it answers once. Returns at
        once."""
        if self._connected.is_set():
            return
        threading.Thread(target=self._look_for_server, name="cache-connect", daemon=True).start()

    def health(self) -> CacheHealth:
        """The present state of the server; never raises."""
        pending = self.cache.pending
        try:
            return CacheHealth(True, self.cache.health(), None, pending)
        except CacheError as error:
            return CacheHealth(False, None, str(error), pending)

    def stats(self) -> dict[str, PolicyStats]:
        """The counters of each policy, added up over all processes; empty if the server is down."""
        try:
            return self.cache.stats()
        except CacheError:
            return {}

    def close(self) -> None:
        """Stop trying to reach the server, and close the connections."""
        self._stopped.set()
        for tracking in self._tracked:
            tracking.close()
        self.cache.close()

    def _look_for_server(self) -> None:
        pause = FIRST_RETRY
        while not self._stopped.is_set():
            health = self.health()
            if health.server is not None:
                logger.info("cache connected: %s %s", health.server.kind, health.server.version)
                self._connected.set()
                return
            logger.warning("cache not reachable, next try in %.1f s: %s", pause, health.reason)
            self._stopped.wait(pause)
            pause = min(pause * 2, LAST_RETRY)


def init_app(app: Flask) -> None:
    """Give an application its cache, which the commits of the application's databases invalidate.

    Nothing is started or connected before the first use (see `connect`).
    """
    settings: Settings = app.extensions["settings"]
    _frescor.init_app(app, lambda: _open_cache(app, settings))
    cache = functools.partial(_frescor.of, app)
    with app.app_context():
        tracked = [track(engine, cache, slices=SLICES, quiet=QUIET) for engine in db.engines.values()]
    app.extensions[EXTENSION] = CacheService(cache, tracked)


def service_of(app: Flask) -> CacheService:
    """An application's cache service."""
    service: CacheService = app.extensions[EXTENSION]
    return service


def cache_service() -> CacheService:
    """The current application's cache service."""
    return service_of(current_app._get_current_object())  # type: ignore[attr-defined]  # the proxy's own way


def forget_user(user_id: int) -> bool:
    """Invalidate what the current application has cached for one user."""
    return cache_service().forget_user(user_id)


def user_tag(user_id: int) -> str:
    """The tag of entries for one user."""
    return f"usuario:{user_id}"


def running_cache(app: Flask) -> Cache | None:
    """The cache that the application's processes are using, for operators' commands; None if none of them is running.

    Starts no server; an embedded one is found only if an application is running.
    """
    settings: Settings = app.extensions["settings"]
    if settings.redis_url is not None:
        return _frescor.of(app)
    url = EmbeddedServer.find(embedded_folder(settings))
    return None if url is None else _cache_at(url, settings)


def embedded_folder(settings: Settings) -> Path:
    """The folder of this installation's embedded server."""
    return settings.data / "cache"


def _open_cache(app: Flask, settings: Settings) -> Cache:
    if settings.redis_url is not None:
        return _cache_at(settings.redis_url, settings)
    try:
        server = EmbeddedServer.acquire(embedded_folder(settings))
    except EmbeddedServerUnavailable as error:
        # Each process has its own memory, so this works only with a single process: `flask demo` then starts just one.
        logger.warning("the cache is in this process's memory only; run a single process. %s", error)
        return _cache_at("memory://", settings)
    # Held as long as the process lives; the server ends with its last user.
    app.extensions["embedded_server"] = server
    logger.info("embedded cache server: %s %s, pid of this user %d", server.kind, server.version, os.getpid())
    return _cache_at(server.url, settings)


def _cache_at(url: str, settings: Settings) -> Cache:
    # Keys and seals are derived from the application's secret, so access to the server reveals neither.
    return Cache.from_url(
        url,
        namespace=NAMESPACE,
        # Somebody who has just registered a payment must see it on the next page, whichever worker answers: a commit
        # returns once no worker uses a copy of what it changes.
        confirm=True,
        key_secret=hashlib.sha256(f"cache keys {settings.secret_key}".encode()).digest(),
        seal_secrets=[f"cache seal {key}".encode() for key in settings.secret_keys],
    )
