"""What the tests of Frescor share: a cache on every store, each on a server that is empty.

Their servers let Frescor do what `frescor acl` prints and no more, so every test also shows that this is enough.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import cast

import pytest
import redis

from blocking_cache import BlockingCache
from frescor import Cache
from frescor.embedded.binary import ServerBinary
from frescor.testing import PrivateCluster, PrivateServer
from server_binaries import every_server, name_of

NAMESPACES = ("test", "ns")
SECRET = b"a secret of sixteen bytes or more"


@pytest.fixture(scope="session")
def emptied() -> Iterator[Callable[[ServerBinary | None], str]]:
    """The address of this process's server of a kind, with nothing in it: for a test that gets a cache and not the
    server, so that it can neither end nor configure it. A server of its own would take a tenth of a second."""
    servers: dict[ServerBinary | None, tuple[PrivateServer, redis.Redis]] = {}
    with ExitStack() as closing:

        def empty(binary: ServerBinary | None) -> str:
            if binary not in servers:
                server = closing.enter_context(PrivateServer(binary=binary, namespaces=NAMESPACES))
                servers[binary] = server, closing.enter_context(redis.Redis.from_url(server.admin_url))
            server, admin = servers[binary]
            # What an earlier test left connected would hear of this one's changes.
            admin.client_kill_filter(_type="normal", skipme=True)
            admin.flushall()
            admin.script_flush()
            return server.url

        yield empty


@pytest.fixture
def server() -> Iterator[PrivateServer]:
    """A server of the test's own, which it may pause, kill and configure."""
    with PrivateServer(namespaces=NAMESPACES) as server:
        yield server


@pytest.fixture(scope="session")
def cluster() -> Iterator[PrivateCluster]:
    """Three primaries for all tests of a process that change nothing about them: each test takes its own namespace."""
    with PrivateCluster() as cluster:
        yield cluster


@pytest.fixture(params=["memory", *every_server(), "cluster"], ids=name_of)
def sync_cache(request: pytest.FixtureRequest, emptied: Callable[[ServerBinary | None], str]) -> Iterator[Cache]:
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
    with Cache.from_url(emptied(request.param), "test", seal_secrets=[SECRET], timeout=5) as cache:
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
