"""Where the store is: the one place that reads its URL.

`redis://host:6379/0`, `rediss://…` for TLS, `unix:///path/to/socket?db=0`: one server.
`redis-cluster://host:port,host:port`, `rediss-cluster://…`: a cluster, of which some nodes are named.
`redis-sentinel://host:port,host:port/service/0`, `rediss-sentinel://…`: the primary that these sentinels name.

Options of a connection follow as in redis-py, such as `?ssl_ca_certs=/path/ca.pem`; user and password of the servers
come before the hosts. The sentinels' own are the options `sentinel_username` and `sentinel_password`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from redis.connection import parse_url

from frescor.errors import PolicyError

_FORMS = (
    "Write redis://host:6379/0, rediss://… for TLS, unix:///path/to/socket?db=0, "
    "redis-cluster://host:port,host:port or redis-sentinel://host:port,host:port/service/0 (rediss-… for TLS)."
)
_DEFAULT_PORTS = {"cluster": 6379, "sentinel": 26379}
_SCHEME = re.compile(r"(rediss?)-(cluster|sentinel)")

# Its stub gives no types.
_parse = cast(Callable[[str], dict[str, Any]], parse_url)

Host = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Address:
    """A URL that was read. `url` is redis-py's, for one server; `hosts` are those of a cluster or of sentinels.

    options: what redis-py's connections take, from the URL. service: what the sentinels call the primary.
    """

    kind: Literal["server", "cluster", "sentinel"]
    url: str
    options: dict[str, Any]
    hosts: tuple[Host, ...] = ()
    service: str = ""
    tls: bool = False


def read_address(url: str) -> Address:
    """What a URL says. Raises PolicyError for one that cannot be right."""
    try:
        parts = urlsplit(url)
        form = _SCHEME.fullmatch(parts.scheme)
        if form is None:
            return Address("server", url, _parse(url), tls=parts.scheme == "rediss")
        user, at, names = parts.netloc.rpartition("@")
        kind: Literal["cluster", "sentinel"] = "cluster" if form[2] == "cluster" else "sentinel"
        hosts = tuple(_host(name, _DEFAULT_PORTS[kind]) for name in names.split(","))
        path = [part for part in parts.path.split("/") if part]
        service, database = _places(kind, path)
        query = f"?{parts.query}" if parts.query else ""
        plain = f"{form[1]}://{user}{at}{_joined(hosts[0])}/{database}{query}"
        options = _parse(plain)
    except ValueError as error:
        raise PolicyError(f"the URL of the store is wrong: {error}. {_FORMS}") from error
    for name in ("host", "port"):
        options.pop(name, None)
    return Address(kind, plain, options, hosts, service, form[1] == "rediss")


def _places(kind: str, path: list[str]) -> tuple[str, str]:
    """The service and the database in the path."""
    if kind == "cluster":
        if path not in ([], ["0"]):
            raise ValueError("a cluster has the database 0 only")
        return "", "0"
    if not 1 <= len(path) <= 2 or not all(part.isdigit() for part in path[1:]):
        raise ValueError("after the sentinels come the name of the service and, if it is not 0, the database's number")
    return path[0], path[1] if len(path) > 1 else "0"


def _host(name: str, default_port: int) -> Host:
    # In brackets an address of IPv6, which has colons of its own.
    found = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^\[\]:]+)(?::(\d+))?", name)
    if found is None or not 0 < int(found[2] or default_port) < 65536:
        raise ValueError(f"{name!r} is no host:port")
    return found[1].strip("[]"), int(found[2] or default_port)


def _joined(host: Host) -> str:
    return f"[{host[0]}]:{host[1]}" if ":" in host[0] else f"{host[0]}:{host[1]}"
