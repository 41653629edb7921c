"""Runs a page's console blocks in a virtual environment: what it installs, the servers that it starts, its commands."""

import contextlib
import re
import shlex
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from console_sessions import Shown, compared

from waiting import until

# A command that goes on until it is ended.
_SERVER = re.compile(
    r"(?P<flask>flask .*run)|(?P<uvicorn>uvicorn .*)|(?P<worker>celery .*worker.*)"
    r"|(?P<django>python manage.py runserver)"
)


def shell(programs: Path, home: Path) -> dict[str, str]:
    """The environment of a shell in which a virtual environment is active."""
    return {
        "PATH": f"{programs}:/usr/bin:/bin",
        "HOME": str(home),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LC_ALL": "C.UTF-8",
    }


def asked_for(steps: Sequence[Shown]) -> list[str]:
    """The arguments of `pip install`, which is a page's first command."""
    pip, install, *arguments = shlex.split(steps[0].command)
    assert (pip, install) == ("pip", "install")
    return arguments


def prints_what_it_shows(steps: Sequence[Shown], folder: Path, environment: dict[str, str]) -> int:
    """Run the commands after `pip install` in their order, servers beside the others; how many lines were compared."""
    port = _free_port()
    addresses = {address for one in steps for address in re.findall(r"localhost:\d+", one.command)}
    (address,) = addresses or {"localhost:5000"}
    with contextlib.ExitStack() as stack:

        def commands() -> Iterator[Shown]:
            for one in steps[1:]:
                if _SERVER.fullmatch(one.command):
                    stack.enter_context(_running(one.command, port, folder, environment))
                else:
                    yield one

        return compared(commands(), address, f"localhost:{port}", folder=folder, environment=environment)


@contextlib.contextmanager
def _running(command: str, port: int, folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """A server or worker, from when it answers until it is ended."""
    kind = _SERVER.fullmatch(command)
    assert kind is not None
    at = {"flask": f" --port {port}", "uvicorn": f" --port {port}", "django": f" {port} --noreload", "worker": ""}
    log = folder / f"{kind.lastgroup}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["sh", "-c", f"exec {command}{at[str(kind.lastgroup)]}"],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=output,
        )
        try:
            assert until(
                lambda: (
                    process.poll() is not None or (b" ready." in log.read_bytes() if kind["worker"] else _answers(port))
                ),
                within=90,
            ), log.read_text()
            assert process.poll() is None, log.read_text()
            yield
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
