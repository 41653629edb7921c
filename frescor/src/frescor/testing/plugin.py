"""Fixtures for pytest, which finds them by itself where Frescor is installed; each test has its own."""

import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from frescor import Cache
    from frescor.testing import PrivateServer


@pytest.fixture
def frescor_cache() -> Iterator["Cache"]:
    """An empty cache in this process's memory. To put it in the place of the application's own:
    `with application_cache.replaced_by(frescor_cache):`."""
    from frescor import Cache  # not while pytest starts: many runs have nothing to do with a cache

    with Cache.from_url("memory://", f"test-{secrets.token_hex(4)}", disabled=False) as cache:
        yield cache


@pytest.fixture
def frescor_server() -> Iterator["PrivateServer"]:
    """A Valkey or Redis server of this test's own, empty and running: `Cache.from_url(frescor_server.url, "test")`.

    Raises StoreUnavailable where neither the `embedded` extra nor the PATH has one.
    """
    from frescor.testing import PrivateServer

    with PrivateServer() as server:
        yield server
