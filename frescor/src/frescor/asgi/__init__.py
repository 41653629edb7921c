"""Frescor in ASGI applications: FastAPI, Starlette and others."""

from typing import TYPE_CHECKING

from frescor._http.rules import Rule
from frescor.asgi.lifespan import lifespan
from frescor.asgi.middleware import CachingMiddleware

if TYPE_CHECKING:
    from frescor.asgi.endpoint import CachedView, cached_view

__all__ = ["CachedView", "CachingMiddleware", "Rule", "cached_view", "lifespan"]


def __getattr__(name: str) -> object:
    # Imported only when used: they need Starlette, and the middleware does not.
    if name in ("cached_view", "CachedView"):
        from frescor._extras import extra

        with extra("asgi", "frescor.asgi.cached_view"):
            from frescor.asgi import endpoint

        return getattr(endpoint, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
