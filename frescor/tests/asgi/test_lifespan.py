"""A cache from an application's start to its end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from frescor import Cache, PolicyError
from frescor.asgi import lifespan
from frescor.asgi.lifespan import cache_of
from frescor.testing import PrivateServer


async def _run(app: Starlette, within: Any) -> None:
    async with app.router.lifespan_context(app) as state:
        within(state)


def test_it_is_there_between_start_and_end_also_in_what_is_mounted_and_closed_afterwards(server: PrivateServer) -> None:
    made: list[Cache] = []
    events: list[str] = []

    def make() -> Cache:
        made.append(Cache.from_url(server.url, "test"))
        return made[0]

    @contextlib.asynccontextmanager
    async def own(app: Starlette) -> AsyncIterator[dict[str, Any]]:
        events.append(f"start {cache_of(app) is made[0]}")
        yield {"own": 1}
        events.append(f"end {await cache_of(app).aio.set('a', 1)}")

    inner = Starlette()
    app = Starlette(routes=[Mount("/inner", inner)], lifespan=lifespan(make, own))
    assert made == []

    def within(state: Any) -> None:
        events.append(f"{state} {cache_of(app) is cache_of(inner) is made[0]}")

    asyncio.run(_run(app, within))
    assert events == ["start True", "{'own': 1} True", "end True"]
    assert made[0].get("a") == 1
    made[0].close()


def test_an_unreachable_server_stops_no_application() -> None:
    app = Starlette(lifespan=lifespan(Cache.from_url("redis://127.0.0.1:1/0", "test", timeout=0.1)))
    asyncio.run(_run(app, lambda _: None))


def test_an_application_without_one_says_how_it_gets_it() -> None:
    for app in (Starlette(), None):
        with pytest.raises(PolicyError, match=r"FastAPI\(lifespan=lifespan\(cache\)\)"):
            cache_of(app)


def test_what_is_no_cache_is_refused() -> None:
    with pytest.raises(PolicyError, match="takes a Cache"):
        lifespan("memory://")  # type: ignore[call-overload]
