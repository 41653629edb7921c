"""What a connection connects to: a server by its URL, a node of a cluster, or the primary that sentinels name."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from frescor._store.address import Address, Host
from frescor._store.connection.deadline import TimedConnection, TimedSSLConnection


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to connect to.

    options: what redis-py's connection takes. locate: finds the host to connect to this time, in blocking round trips;
    None if the options name it. primary: whether the server has to be a primary.
    """

    transport: Literal["tcp", "tls", "unix"]
    options: dict[str, Any]
    locate: Callable[[], Host] | None = None
    primary: bool = False

    def located(self) -> dict[str, Any]:
        """The options, with the host. Raises the driver's errors if no sentinel can name it."""
        if self.locate is None:
            return self.options
        host, port = self.locate()
        return {**self.options, "host": host, "port": port}


def endpoint_of(address: Address, deadline: float) -> Endpoint:
    """The endpoint of one server, or of the primary that sentinels name."""
    options = {name: value for name, value in address.options.items() if name != "connection_class"}
    if address.kind != "sentinel":
        return Endpoint("unix" if "path" in options else "tls" if address.tls else "tcp", options)
    sentinel: Any = cast(Any, Sentinel)(
        list(address.hosts), sentinel_kwargs=_sentinel_options(options, address, deadline)
    )
    for one in sentinel.sentinels:
        one.connection_pool.connection_class = TimedSSLConnection if address.tls else TimedConnection
    for name in ("sentinel_username", "sentinel_password"):
        options.pop(name, None)
    return Endpoint(
        "tls" if address.tls else "tcp", options, lambda: _host(sentinel.discover_master(address.service)), primary=True
    )


def node_endpoint(address: Address, node: Host) -> Endpoint:
    """The endpoint of one node of a cluster."""
    options = {name: value for name, value in address.options.items() if name != "connection_class"}
    return Endpoint("tls" if address.tls else "tcp", {**options, "host": node[0], "port": node[1]})


def _sentinel_options(options: dict[str, Any], address: Address, deadline: float) -> dict[str, Any]:
    own = {name: value for name, value in options.items() if name.startswith(("ssl_", "socket_"))}
    own |= {"socket_timeout": deadline, "socket_connect_timeout": deadline, "ssl": address.tls}
    own["retry"] = Retry(NoBackoff(), 0)
    for name in ("username", "password"):
        if f"sentinel_{name}" in options:
            own[name] = options[f"sentinel_{name}"]
    return own


def _host(found: tuple[Any, Any]) -> Host:
    return str(found[0]), int(found[1])
