"""What the tests of Frescor share: a cache on every store, each on a server of its own.

Their servers let Frescor do what `frescor acl` prints and no more, so every test also shows that this is enough.
"""

import secrets
from collections.abc import Iterator
from typing import cast

import pytest

from blocking_cache import BlockingCache
from frescor import Cache
from frescor.testing import PrivateCluster, PrivateServer
from server_binaries import every_server, name_of

NAMESPACES = ("test", "ns")
SECRET = b"a secret of sixteen bytes or more"


@pytest.fixture
def server() -> Iterator[PrivateServer]:
    with PrivateServer(namespaces=NAMESPACES) as server:
        yield server


@pytest.fixture(scope="session")
def cluster() -> Iterator[PrivateCluster]:
    """Three primaries for all tests of a process that change nothing about them: each test takes its own namespace."""
    with PrivateCluster() as cluster:
        yield cluster


@pytest.fixture(params=["memory", *every_server(), "cluster"], ids=name_of)
def sync_cache(request: pytest.FixtureRequest) -> Iterator[Cache]:
    """A cache on each kind of store that this machine has."""
    if request.param == "memory":
        with Cache.from_url("memory://", "test", seal_secrets=[SECRET]) as cache:
            yield cache
        return
    if request.param == "cluster":
        cluster: PrivateCluster = request.getfixturevalue("cluster")
        namespace = f"test-{secrets.token_hex(4)}"
        with Cache.from_url(cluster.url, namespace, seal_secrets=[SECRET], timeout=5) as cache:
            yield cache
        return
    with (
        PrivateServer(binary=request.param, namespaces=NAMESPACES) as server,
        Cache.from_url(server.url, "test", seal_secrets=[SECRET], timeout=5) as cache,
    ):
        yield cache


@pytest.fixture(params=["sync", "async"])
def cache(request: pytest.FixtureRequest, sync_cache: Cache) -> Iterator[Cache]:
    """A cache on each kind of store, by each driver."""
    if request.param == "sync":
        yield sync_cache
        return
    blocking = BlockingCache(sync_cache)
    # Its calls are those of a Cache, which is what the suite tests.
    yield cast(Cache, blocking)
    blocking.close()
