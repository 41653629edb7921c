"""The address of the store: the one place that reads its URL.

`redis://host:6379/0`, `rediss://…` for TLS, `unix:///path/to/socket?db=0`: one server.
`redis-cluster://host:port,host:port`, `rediss-cluster://…`: a cluster, of which some nodes are named.
`redis-sentinel://host:port,host:port/service/0`, `rediss-sentinel://…`: the primary that these sentinels name.

Options of the connection follow as in redis-py, for example `?ssl_ca_certs=/path/ca.pem`. The servers' user and
password stand before the hosts; those of the sentinels are the options `sentinel_username` and `sentinel_password`.

What is refused is never shown: in a wrong URL any part may be part of a password. So no error here quotes the URL or
keeps a library's error that does. For the same reason nothing is ignored silently that would later be taken for the
name of a host or an option, since other parts of the program show those.
"""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast
from urllib.parse import SplitResult, urlsplit

from redis.connection import AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection, parse_url

from frescor.errors import PolicyError

_FORMS = (
    "Write redis://host:6379/0, rediss://… for TLS, unix:///path/to/socket?db=0, "
    "redis-cluster://host:port,host:port or redis-sentinel://host:port,host:port/service/0 (rediss-… for TLS)."
)
_ESCAPES = "in a password, write / as %2F, ? as %3F, # as %23, @ as %40 and % as %25"
_DEFAULT_PORTS = {"server": 6379, "cluster": 6379, "sentinel": 26379}
_SCHEME = re.compile(r"(rediss?)-(cluster|sentinel)")
_SERVERS = ("redis", "rediss", "unix")
# An IPv6 address stands in brackets, because it contains colons.
_HOST = re.compile(r"(\[[0-9a-fA-F:.]+(?:%[\w.-]+)?\]|[\w.-]+)(?::([0-9]{1,5}))?")
_SENTINELS_OWN = {"sentinel_username", "sentinel_password"}

# The stub of this function has no types.
_parse = cast(Callable[[str], dict[str, Any]], parse_url)

Host = tuple[str, int]
Kind = Literal["server", "cluster", "sentinel"]


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed URL. `url` is for redis-py, for one server; `hosts` are the nodes of a cluster or the sentinels.

    options: from the URL, for redis-py's connections. service: the sentinels' name for the primary.
    """

    kind: Kind
    url: str
    options: dict[str, Any]
    hosts: tuple[Host, ...] = ()
    service: str = ""
    tls: bool = False


def read_address(url: str) -> Address:
    """Parse a URL. Raises PolicyError for one that cannot be right."""
    try:
        found: Address | str = _read(url)
    except _Wrong as error:
        found = str(error)
    except (ValueError, AttributeError, TypeError):
        found = f"it cannot be read ({_ESCAPES})"
    if isinstance(found, str):
        # Outside of `except`: the exception that was caught quotes the URL, and would be attached to this error.
        raise PolicyError(f"the URL of the store is wrong: {found}. {_FORMS}")
    return found


class _Wrong(Exception):
    """What is wrong with a URL, in words that quote nothing of it."""


def _read(url: str) -> Address:
    parts, authority = _split(url)
    form = _SCHEME.fullmatch(parts.scheme)
    if form is None and parts.scheme not in _SERVERS:
        raise _Wrong("it begins with none of the known schemes")
    _check_rest(parts)
    if form is None:
        return _read_server(url, parts, authority)
    kind: Kind = "cluster" if form[2] == "cluster" else "sentinel"
    user, at, names = authority.rpartition("@")
    hosts = tuple(_host(name, kind) for name in names.split(","))
    service, database = _places(kind, [part for part in parts.path.split("/") if part])
    query = f"?{parts.query}" if parts.query else ""
    plain = f"{form[1]}://{user}{at}{_joined(hosts[0])}/{database}{query}"
    options = _options(plain)
    for name in ("host", "port"):
        options.pop(name, None)
    return Address(kind, plain, options, hosts, service, form[1] == "rediss")


def _split(url: str) -> tuple[SplitResult, str]:
    """The parts of a URL, and what stands before its path. That is taken out first, because Python's newest releases
    refuse a list of hosts with an IPv6 address in it."""
    scheme, sign, rest = url.partition("://")
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    return urlsplit(f"{scheme}{sign}{'host' if sign else ''}{rest[len(authority) :]}"), authority


def _read_server(url: str, parts: SplitResult, authority: str) -> Address:
    _, at, name = authority.rpartition("@")
    if parts.scheme == "unix":
        if name or not parts.path.startswith("/"):
            raise _Wrong(f"the path of a socket begins with a third '/' ({_ESCAPES})")
    elif name:
        _host(name, "server")
    elif at:
        raise _Wrong("after the '@' comes no host")
    if parts.scheme != "unix" and not re.fullmatch(r"(/[0-9]{0,9})?", parts.path):
        raise _Wrong(f"only the number of the database may follow the host ({_ESCAPES})")
    return Address("server", url, _options(url), tls=parts.scheme == "rediss")


def _check_rest(parts: SplitResult) -> None:
    """Raise _Wrong for remains of a password that contains characters with a meaning in URLs."""
    if parts.fragment or parts.geturl().endswith("#"):
        raise _Wrong(f"it has a '#' ({_ESCAPES})")
    for part in parts.query.split("&") if parts.query else ():
        name, equals, _ = part.partition("=")
        if not equals or name not in _known_options():
            raise _Wrong(
                f"an option after the '?' is not one that redis-py's connections take, or has no value ({_ESCAPES})"
            )


def _options(url: str) -> dict[str, Any]:
    try:
        return _parse(url)
    except ValueError:
        pass
    raise _Wrong("an option after the '?' has a value that it cannot have")


def _known_options() -> set[str]:
    classes = (AbstractConnection, Connection, SSLConnection, UnixDomainSocketConnection)
    found = {name for kind in classes for name in inspect.signature(kind.__init__).parameters}
    return (found | _SENTINELS_OWN | {"db"}) - {"self", "args", "kwargs"}


def _places(kind: Kind, path: list[str]) -> tuple[str, str]:
    """The service and the number of the database, from the path."""
    if kind == "cluster":
        if path not in ([], ["0"]):
            raise _Wrong(f"a cluster has only the database 0 ({_ESCAPES})")
        return "", "0"
    if not 1 <= len(path) <= 2 or not all(part.isdecimal() for part in path[1:]) or "@" in path[0]:
        raise _Wrong("the sentinels are followed by the name of the service and, if it is not 0, the database's number")
    return path[0], path[1] if len(path) > 1 else "0"


def _host(name: str, kind: Kind) -> Host:
    found = _HOST.fullmatch(name)
    if found is None or not 0 < int(found[2] or _DEFAULT_PORTS[kind]) < 65536:
        raise _Wrong(f"a server is not given as host:port ({_ESCAPES})")
    return found[1].strip("[]"), int(found[2] or _DEFAULT_PORTS[kind])


def _joined(host: Host) -> str:
    return f"[{host[0]}]:{host[1]}" if ":" in host[0] else f"{host[0]}:{host[1]}"
