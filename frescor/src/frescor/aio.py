"""The cache for event loops: what `Cache.aio` returns."""

from frescor._surface.aio import AsyncCache

__all__ = ["AsyncCache"]
