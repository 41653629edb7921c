"""The small process that starts an embedded server, and ends it once its last user is gone.

Run as a file, with the standard library only, so that it starts in milliseconds and uses little memory. A user is a
process with a shared flock on the `users` file. The kernel drops that lock however the process ends. So as soon as the
supervisor can take the exclusive lock, nobody uses the server any more.
"""

import argparse
import ctypes
import fcntl
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

START_SECONDS = 10.0
STOP_SECONDS = 5.0
_PROBE_SECONDS = 0.005
_PR_SET_PDEATHSIG = 1
_RESTART_FIRST, _RESTART_LONGEST, _RESTART_CALM = 0.05, 5.0, 60.0


class _Steady:
    """As `frescor._clocks`, which this file does not import: it goes on while a test freezes the time."""

    monotonic = time.monotonic


def answers(address: str | tuple[str, int], *, within: float = 1.0) -> bool:
    """Whether a server says PONG at this unix socket path or loopback (host, port)."""
    try:
        with _connect(address, within) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def await_answer(address: str | tuple[str, int], *, within: float, unless: Callable[[], bool] = lambda: False) -> bool:
    """Whether a server answers within that many seconds; returns early once `unless` is true."""
    deadline = _Steady.monotonic() + within
    while not answers(address):
        if unless() or _Steady.monotonic() > deadline:
            return False
        time.sleep(_PROBE_SECONDS)
    return True


def shut_down(address: str, *, within: float = STOP_SECONDS) -> None:
    """Ask the server at this unix socket to end, and wait until it has hung up; does not rely on a process id."""
    try:
        with _connect(address, within) as connection:
            connection.sendall(b"SHUTDOWN NOSAVE\r\n")
            while connection.recv(256):
                pass
    except OSError:
        return  # it has ended, or is ending


def _connect(address: str | tuple[str, int], within: float) -> socket.socket:
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    connection = socket.socket(family, socket.SOCK_STREAM)
    connection.settimeout(within)
    try:
        connection.connect(address)
    except BaseException:
        connection.close()
        raise
    return connection


def launch(
    command: Sequence[str], address: str | tuple[str, int], *, env: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start the server and return once it answers; RuntimeError if it ended or did not answer."""
    # On Linux the kernel ends the server together with the process that started it, even if that is killed. The kernel
    # watches the starting thread, so only the main thread, which lives as long as the process, may request this.
    tied = threading.current_thread() is threading.main_thread()
    process = subprocess.Popen(  # noqa: S603 - composed by server_command
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=env,
        preexec_fn=_tie_to_parent() if tied else None,
    )
    if not await_answer(address, within=START_SECONDS, unless=lambda: process.poll() is not None):
        ended = process.poll()
        stop(process)
        raise RuntimeError(
            f"it did not answer within {START_SECONDS:.0f} s" if ended is None else f"it ended with exit code {ended}"
        )
    return process


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a child. Its process id cannot be reused before it was waited for."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _tie_to_parent() -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def tie() -> None:
        # Not SIGTERM: a server that ends in its own time could remove the socket of the one that follows it.
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return tie


class _Wakings:
    """What the supervisor waits for, in one pipe: a byte per signal, and a zero byte once the last user is gone.

    Only one thread starts, waits for and ends the server. So the server's process id is never used after the system may
    have given it to another process.
    """

    LAST_USER_GONE = 0

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, lambda _number, _frame: None)

    def watch_users(self, path: Path) -> None:
        users = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

        def wait_for_last_user() -> None:
            fcntl.flock(users, fcntl.LOCK_EX)
            os.write(self._writer, bytes([self.LAST_USER_GONE]))

        threading.Thread(target=wait_for_last_user, daemon=True).start()

    def told_to_end(self, *, within: float | None = None) -> bool:
        """Wait for one event, or at most `within` seconds; whether it was the end."""
        if not select.select([self._reader], [], [], within)[0]:
            return False
        return bool({self.LAST_USER_GONE, signal.SIGTERM} & set(os.read(self._reader, 64)))


def keep_running(command: Sequence[str], address: str, process: subprocess.Popen[bytes], wakings: _Wakings) -> None:
    """Return when it is time to end. If the server dies it is started again, empty, which is always correct."""
    delay, began = _RESTART_FIRST, time.monotonic()
    try:
        while not wakings.told_to_end():
            while process.poll() is not None:
                if time.monotonic() - began > _RESTART_CALM:
                    delay = _RESTART_FIRST
                if wakings.told_to_end(within=delay):
                    return
                delay, began = min(delay * 2, _RESTART_LONGEST), time.monotonic()
                try:
                    process = launch(command, address)
                except (OSError, RuntimeError) as error:
                    sys.stderr.write(f"The embedded server was not started again: {error}.\n")
    finally:
        stop(process)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--folder", type=Path, required=True)
    arguments.add_argument("--socket", required=True)
    arguments.add_argument("--ready", type=int, required=True, help="descriptor that is told `ready`, or why not")
    arguments.add_argument("command", nargs="+")
    options = arguments.parse_args()
    folder: Path = options.folder
    if os.fork():
        return 0  # the intermediate process ends at once, so that the supervisor is not a child of the application

    own = os.open(folder / "supervisor", os.O_RDWR | os.O_CREAT, 0o600)
    wakings = _Wakings()
    try:
        fcntl.flock(own, fcntl.LOCK_EX | fcntl.LOCK_NB)
        process = launch(options.command, options.socket)
    except (OSError, RuntimeError) as error:
        os.close(own)  # before the report: whoever reads it may start the next one
        os.write(options.ready, str(error).encode())
        return 1
    wakings.watch_users(folder / "users")
    try:
        os.write(options.ready, b"ready")
        os.close(options.ready)
    except BrokenPipeError:
        pass  # the starting process is gone; if nobody else uses the server, the lock shows that
    keep_running(options.command, options.socket, process, wakings)

    # Both locks are still held, so nobody can be reading these for a server of their own.
    (folder / "server.json").unlink(missing_ok=True)
    socket_folder = Path(options.socket).parent
    if socket_folder != folder:
        shutil.rmtree(socket_folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
