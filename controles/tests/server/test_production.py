"""`flask --app controles serve`: migrations once, answers, and a stop that loses no request."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
import redis
from flask import Flask

from controles.server.production import await_database, listen
from frescor.testing import PrivateServer

MakeApp = Callable[..., Flask]

SECRETS = {
    "SECRET_KEY": "q7Zs0vKx2Lw9RbTn4HdYc6JgMe1FpUaQ3oWi8XkB5",
    "ADMIN_PASSWORD": "uma senha de teste bem comprida",
    "ADMIN_OTP_SECRET": "NQ6ZT3WVYK7DLC2JRXAP5HEGM4OBFSUI",
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(folder: Path, port: int, redis_url: str, **settings: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "controles", "serve"],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "CONTROLES_ENV": "production",
            "CONTROLES_DATA": str(folder / "instance"),
            "LOG_DIR": str(folder / "logs"),
            "REDIS_URL": redis_url,
            "PORT": str(port),
            "PYTHONUNBUFFERED": "1",
            **SECRETS,
            **settings,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.fixture
def server() -> Iterator[PrivateServer]:
    with PrivateServer() as server:
        yield server


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    processes: list[subprocess.Popen[str]] = []

    def run(port: int, redis_url: str, **settings: str) -> subprocess.Popen[str]:
        processes.append(start(tmp_path, port, redis_url, **settings))
        return processes[-1]

    yield run
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def await_ready(port: int, process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            threading.Event().wait(0.1)
    assert process.stdout is not None
    process.kill()
    raise AssertionError(process.stdout.read())


def clients(server: PrivateServer) -> list[str]:
    with redis.Redis.from_url(server.url) as client:
        return [str(one["name"]) for one in client.client_list() if one["name"] == "frescor"]


def test_two_replicas_at_once_migrate_once_and_both_answer(
    started: Callable[..., subprocess.Popen[str]], server: PrivateServer
) -> None:
    ports = (free_port(), free_port())
    replicas = [started(port, server.url, WEB_CONCURRENCY="1") for port in ports]
    for port, replica in zip(ports, replicas, strict=True):
        await_ready(port, replica)


def test_sigterm_lets_a_request_in_flight_finish_and_gives_everything_back(
    started: Callable[..., subprocess.Popen[str]], server: PrivateServer
) -> None:
    port = free_port()
    process = started(port, server.url, WEB_CONCURRENCY="")
    await_ready(port, process)
    assert clients(server)
    with socket.create_connection(("127.0.0.1", port)) as half_sent:
        # In flight: accepted, and not complete yet.
        half_sent.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
            pass
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        half_sent.sendall(b"Connection: close\r\n\r\n")
        half_sent.settimeout(10)
        answer = b""
        while chunk := half_sent.recv(4096):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 200")
    assert process.wait(timeout=10) == 0
    assert time.monotonic() - began < 5
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    assert clients(server) == []


def test_what_is_missing_stops_the_start_in_sentences(
    started: Callable[..., subprocess.Popen[str]], server: PrivateServer
) -> None:
    process = started(free_port(), server.url, SECRET_KEY="", ADMIN_OTP_SECRET="JBSW1Y3DPEHPK3PX")
    said, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "SECRET_KEY: falta" in said
    assert "o caractere “1”, na posição 5, não é base32" in said
    assert "Traceback" not in said


def test_a_database_that_does_not_come_is_said_with_its_reason(make_app: MakeApp) -> None:
    app = make_app(DATABASE_URL="postgresql://nobody:s3nha@127.0.0.1:1/nothing")
    with app.app_context(), pytest.raises(click.ClickException, match="não respondeu em 0 s") as error:
        await_database(patience=0)
    assert "s3nha" not in error.value.message


def test_a_taken_port_is_refused_and_no_other_is_used() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(click.ClickException, match=f"porta {port}"):
            listen("127.0.0.1", port)
