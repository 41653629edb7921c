"""Credentials from a provider: each new connection has those of that moment, so a token may change at any time."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from redis.credentials import CredentialProvider

from frescor import Cache
from frescor.errors import PolicyError
from frescor.testing import PrivateServer
from waiting import until


class Service:
    """A server whose user has one password at a time, and what gives it out."""

    def __init__(self, server: PrivateServer) -> None:
        self.url = server.url.replace("frescor@", "")
        self._admin: Any = redis.Redis.from_url(server.admin_url)
        self.asked = 0
        self.token = ""
        self.rotate("first")

    def rotate(self, token: str) -> None:
        """The old token counts no more, and connections that were made with it end."""
        self.token = token
        self._admin.execute_command("ACL", "SETUSER", "frescor", "resetpass", f">{token}")
        self._admin.execute_command("CLIENT", "KILL", "USER", "frescor")

    def credentials(self) -> tuple[str, str]:
        self.asked += 1
        return "frescor", self.token

    def close(self) -> None:
        self._admin.close()


@pytest.fixture
def service(server: PrivateServer) -> Iterator[Service]:
    service = Service(server)
    yield service
    service.close()


def test_a_token_that_changes_is_asked_for_anew(service: Service) -> None:
    with Cache.from_url(service.url, "test", timeout=5, local=False, credentials=service.credentials) as cache:
        assert cache.set("a", 1)
        asked = service.asked
        assert cache.get("a") == 1
        assert service.asked == asked
        service.rotate("second")
        assert until(lambda: cache.get("a") == 1)
        service.token = "wrong"
        service.rotate("third")
        assert until(lambda: cache.set("a", 2) and cache.get("a") == 2)


def test_an_event_loop_asks_anew_too(service: Service) -> None:
    async def main(cache: Cache) -> None:
        assert await cache.aio.set("a", 1)
        service.rotate("second")
        assert await cache.aio.get("a") == 1
        await cache.aio.close()

    with Cache.from_url(service.url, "test", timeout=5, local=False, credentials=service.credentials) as cache:
        asyncio.run(main(cache))


def test_a_provider_of_redis_py_is_taken(service: Service) -> None:
    class Provider(CredentialProvider):
        def get_credentials(self) -> tuple[str, str]:
            return service.credentials()

    with Cache.from_url(service.url, "test", timeout=5, credentials=Provider()) as cache:
        assert cache.set("a", 1)


@pytest.mark.parametrize("given", [lambda: 1 / 0, lambda: None, lambda: ("frescor", 7), lambda: b"first"])
def test_without_credentials_values_are_loaded_and_the_sentence_names_the_option(
    given: object, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    with Cache.from_url(service.url, "test", timeout=5, credentials=given) as cache:  # type: ignore[arg-type]
        assert cache.get("a", "nothing") == "nothing"
    assert "credentials=" in caplog.text
    assert "first" not in caplog.text


def test_two_sources_of_a_password_are_refused() -> None:
    with pytest.raises(PolicyError, match="from the URL or from credentials="):
        Cache.from_url("redis://user:password@localhost", "test", credentials=lambda: "token")
    with pytest.raises(PolicyError, match="memory://"):
        Cache.from_url("memory://", "test", credentials=lambda: "token")
    with pytest.raises(PolicyError, match="credentials= is a function"):
        Cache.from_url("redis://localhost", "test", credentials="token")  # type: ignore[arg-type]
