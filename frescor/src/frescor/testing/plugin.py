"""Fixtures that pytest finds automatically where Frescor is installed; each test gets its own."""

import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from frescor import Cache
    from frescor.testing import PrivateServer


@pytest.fixture
def frescor_cache() -> Iterator["Cache"]:
    """An empty cache in this process's memory. To use it in place of the application's own: `with
    application_cache.replaced_by(frescor_cache):`."""
    from frescor import Cache  # not at pytest's start: many test runs use no cache

    with Cache.from_url("memory://", f"test-{secrets.token_hex(4)}", disabled=False) as cache:
        yield cache


@pytest.fixture
def frescor_server() -> Iterator["PrivateServer"]:
    """An empty, running Valkey or Redis server for this test: `Cache.from_url(frescor_server.url, "test")`.

    Raises StoreUnavailable if neither the `embedded` extra nor the PATH has one.
    """
    from frescor.testing import PrivateServer

    with PrivateServer() as server:
        yield server
