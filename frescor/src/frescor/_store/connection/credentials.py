"""Credentials that a provider gives: it is asked at each new connection, so a token that changes is not out of date."""

import asyncio
from collections.abc import Callable
from typing import Any

from redis import exceptions as driver
from redis.credentials import CredentialProvider

from frescor.errors import PolicyError

# A user and a password, or a password alone; or a provider of redis-py's kind.
Credentials = Callable[[], tuple[str, str] | str] | CredentialProvider


def provider_of(given: object) -> CredentialProvider:
    """The provider that redis-py's connections ask. Raises PolicyError for what is neither callable nor one of
    redis-py's."""
    if isinstance(given, CredentialProvider):
        return given
    if not callable(given):
        raise PolicyError(
            "credentials= is a function that returns (user, password) or a password, or a CredentialProvider of "
            f"redis-py; got {type(given).__name__}."
        )
    return _Asked(given)


class _Asked(CredentialProvider):
    """Asks a function. Raises the driver's AuthenticationError if it has none: what it returns is never shown."""

    def __init__(self, ask: Callable[[], Any]) -> None:
        self._ask = ask

    def get_credentials(self) -> Any:
        try:
            found = self._ask()
        except Exception as error:
            raise driver.AuthenticationError(f"credentials= raised {type(error).__name__}: {error}") from error
        parts = (found,) if isinstance(found, str) else found
        if not isinstance(parts, tuple) or not 1 <= len(parts) <= 2 or not all(isinstance(one, str) for one in parts):
            raise driver.AuthenticationError("credentials= returned neither (user, password) nor a password")
        return parts

    async def get_credentials_async(self) -> Any:
        # Such functions ask a service over the network.
        return await asyncio.to_thread(self.get_credentials)
