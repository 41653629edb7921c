"""A cluster, and a primary with sentinels, for one test."""

import functools
import itertools
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import redis

from frescor.embedded.binary import ServerBinary
from frescor.errors import StoreUnavailable
from frescor.testing.private_server import PrivateServer

SLOTS = 16384
# Milliseconds after which the other nodes take a silent node for dead.
NODE_TIMEOUT = 2000


class PrivateCluster:
    """Primaries that share the slots, and any number of replicas of each, on loopback ports.

    Use it as a context manager. `nodes` are the servers: first the primaries in the order of their slots, then their
    replicas in the same order.
    """

    def __init__(self, *, primaries: int = 3, replicas: int = 0, binary: ServerBinary | None = None) -> None:
        options = {
            "cluster-enabled": "yes",
            "cluster-node-timeout": str(NODE_TIMEOUT),
            "cluster-replica-validity-factor": "0",
            "repl-diskless-sync-delay": "0",
        }
        self._primaries = primaries
        self.nodes = [
            PrivateServer(binary=binary, tcp=True, options=options) for _ in range(primaries * (1 + replicas))
        ]

    @property
    def url(self) -> str:
        """The address of the cluster, by all its nodes."""
        return "redis-cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)

    def client(self, node: PrivateServer) -> Any:
        """A redis-py client of one node, to be closed by the caller."""
        return redis.Redis.from_url(node.url)

    def start(self) -> Self:
        """Start the nodes, give them slots, make them meet, and return once all agree."""
        for node in self.nodes:
            node.start()
        clients = [self.client(node) for node in self.nodes]
        try:
            bounds = [SLOTS * place // self._primaries for place in range(self._primaries + 1)]
            for client, (first, end) in zip(clients, itertools.pairwise(bounds), strict=False):
                client.execute_command("CLUSTER ADDSLOTSRANGE", first, end - 1)
            for number, client in enumerate(clients, 1):
                # Otherwise nodes with equal epochs would first have to resolve a conflict.
                client.execute_command("CLUSTER SET-CONFIG-EPOCH", number)
            for node in self.nodes[1:]:
                clients[0].execute_command("CLUSTER MEET", "127.0.0.1", node.port)
            await_that(lambda: all(_known(client) == len(clients) for client in clients), "the nodes do not meet")
            ids = [client.execute_command("CLUSTER MYID").decode() for client in clients]
            for place, client in enumerate(clients[self._primaries :]):
                client.execute_command("CLUSTER REPLICATE", ids[place % self._primaries])
            await_that(lambda: all(map(_is_ready, clients)), "the nodes do not agree on the slots")
            await_that(lambda: all(map(_is_synced, clients)), "the replicas do not follow")
        finally:
            for client in clients:
                client.close()
        return self

    def stop(self) -> None:
        """End all nodes and remove their folders."""
        for node in self.nodes:
            node.stop()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class PrivateSentinels:
    """A primary, a replica of it, and sentinels that replace the one by the other, on loopback ports."""

    SERVICE = "cache"

    def __init__(self, *, sentinels: int = 1, down_after_ms: int = 300) -> None:
        options = {"repl-diskless-sync-delay": "0"}
        self.servers = [PrivateServer(tcp=True, options=options) for _ in range(2)]
        self._down_after_ms = down_after_ms
        self._sentinels = [PrivateServer(tcp=True, sentinel=True) for _ in range(sentinels)]

    @property
    def url(self) -> str:
        """The address of the primary, by its sentinels."""
        hosts = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self._sentinels)
        return f"redis-sentinel://{hosts}/{self.SERVICE}/0"

    def primary(self) -> PrivateServer:
        """The server that the first sentinel names as primary."""
        with redis.Redis.from_url(self._sentinels[0].url) as client:
            _, port = client.execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", self.SERVICE)
        return next(server for server in self.servers if server.port == int(port))

    def await_primary(self, server: PrivateServer) -> None:
        """Wait until this server is the primary, according to itself and to the sentinel."""

        def is_primary() -> bool:
            with redis.Redis.from_url(server.url) as client:
                return self.primary() is server and client.execute_command("ROLE")[0] == b"master"

        await_that(is_primary, "the replica did not take over", within=30)

    def start(self) -> Self:
        """Start all, and return once the sentinels know the replica."""
        for server in self.servers:
            server.start()
        first, second = self.servers
        with redis.Redis.from_url(second.url) as client:
            client.execute_command("REPLICAOF", "127.0.0.1", first.port)
            await_that(lambda: _is_synced(client), "the replica does not follow")
        for sentinel in self._sentinels:
            sentinel.start()
            with redis.Redis.from_url(sentinel.url) as client:
                quorum = len(self._sentinels) // 2 + 1
                client.execute_command("SENTINEL MONITOR", self.SERVICE, "127.0.0.1", first.port, quorum)
                for name, value in (("down-after-milliseconds", self._down_after_ms), ("failover-timeout", 5000)):
                    client.execute_command("SENTINEL SET", self.SERVICE, name, value)
                found = functools.partial(_sees_replica, client, self.SERVICE)
                await_that(found, "the sentinel does not find the replica", within=30)
        return self

    def stop(self) -> None:
        """End all and remove their folders."""
        for server in (*self._sentinels, *self.servers):
            server.stop()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def await_that(holds: Callable[[], bool], what: str, *, within: float = 20.0) -> None:
    """Return once it holds. Raises StoreUnavailable after that many seconds; the error says what did not happen."""
    turn = threading.Event()
    for _ in range(int(within / 0.01)):
        if holds():
            return
        turn.wait(0.01)
    raise StoreUnavailable(f"{what}, within {within:.0f} s")


def _known(client: Any) -> int:
    return int(_cluster_info(client)["cluster_known_nodes"])


def _is_ready(client: Any) -> bool:
    return _cluster_info(client)["cluster_state"] == "ok"


def _sees_replica(client: Any, service: str) -> bool:
    replicas = client.execute_command("SENTINEL REPLICAS", service)
    # The replica can take over only after the sentinel has seen that it follows the primary.
    return len(replicas) == 1 and any(b"master-link-status" in part and _follows(part) for part in replicas)


def _follows(fields: Any) -> bool:
    found = fields if isinstance(fields, dict) else dict(zip(fields[::2], fields[1::2], strict=True))
    return bool(found[b"master-link-status"] == b"ok")


def _is_synced(client: Any) -> bool:
    role = client.execute_command("ROLE")
    return bool(role[0] == b"master" or role[3] == b"connected")


def _cluster_info(client: Any) -> dict[str, str]:
    text = client.execute_command("CLUSTER INFO")
    if isinstance(text, dict):
        return {str(name): str(value) for name, value in text.items()}
    lines = (text.decode() if isinstance(text, bytes) else str(text)).splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)
