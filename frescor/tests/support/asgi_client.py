"""Asks an ASGI application, in this process."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

App = Any
Headers = Mapping[str, str] | Sequence[tuple[str, str]] | None


async def ask(app: App, url: str, headers: Headers = None, *, method: str = "GET", **options: Any) -> httpx.Response:
    """The response to one request."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=options.pop("raises", True))
    async with httpx.AsyncClient(transport=transport, base_url="http://site") as client:
        # A client says more of itself than a test means.
        client.headers.clear()
        return await client.request(method, url, headers=headers, **options)


def get(app: App, url: str, headers: Headers = None, **options: Any) -> httpx.Response:
    """As `ask`, in an event loop of its own."""
    return asyncio.run(ask(app, url, headers, **options))
