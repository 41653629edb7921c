"""`flask --app controles demo`: from an empty folder to a page that answers, and back to nothing."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from flask import Flask

from controles.server.serve import PORTS_TRIED, listen

MakeApp = Callable[..., Flask]


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_said_and_the_next_free_one_used(taken_port: int, capsys: pytest.CaptureFixture[str]) -> None:
    with listen("127.0.0.1", taken_port) as listener:
        port = listener.getsockname()[1]
    assert taken_port < port < taken_port + PORTS_TRIED
    assert f"A porta {taken_port} está ocupada; usando a {port}." in capsys.readouterr().out


def test_a_free_port_is_used_without_a_word(taken_port: int, capsys: pytest.CaptureFixture[str]) -> None:
    with listen("127.0.0.2", taken_port) as listener:
        assert listener.getsockname()[1] == taken_port
    assert capsys.readouterr().out == ""


def test_a_port_that_browsers_refuse_is_not_used(capsys: pytest.CaptureFixture[str]) -> None:
    with listen("127.0.0.3", 6000) as listener:
        assert listener.getsockname()[1] == 6001
    assert "A porta 6000 é recusada pelos navegadores; usando a 6001." in capsys.readouterr().out


def test_an_address_of_another_machine_is_refused_in_words() -> None:
    with pytest.raises(click.ClickException, match=r"HOST: não é possível escutar em 192\.0\.2\.1"):
        listen("192.0.2.1", 5000)


def test_production_shows_no_password(make_app: MakeApp, sqlite_url: str) -> None:
    app = make_app(DATABASE_URL=sqlite_url, CONTROLES_ENV="production")
    answer = app.test_cli_runner().invoke(args=["demo"])
    assert answer.exit_code == 1
    assert "flask --app controles serve" in answer.output


@pytest.fixture
def demo(tmp_path: Path, taken_port: int) -> Iterator[subprocess.Popen[str]]:
    """The command as a terminal runs it: in a process group of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "controles", "demo"],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "CONTROLES_ENV": "development",
            "PORT": str(taken_port),
            "PYTHONUNBUFFERED": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def shown_until(process: subprocess.Popen[str], text: str) -> str:
    assert process.stdout is not None
    shown = ""
    for line in process.stdout:
        shown += line
        if text in line:
            return shown
    raise AssertionError(shown)


def test_it_starts_from_nothing_and_ends_with_everything_it_started(
    demo: subprocess.Popen[str], tmp_path: Path
) -> None:
    shown = shown_until(demo, "Para parar")
    address = re.search(r"Controles está em +(\S+)", shown)
    password = re.search(r"Senha +(\S+)", shown)
    assert address is not None
    assert password is not None
    assert password[1] == (tmp_path / "instance" / "admin-password").read_text().strip()
    assert re.search(r"Código agora +\d{6} ", shown)
    with urllib.request.urlopen(f"{address[1]}/entrar", timeout=30) as answer:
        assert answer.status == 200
    # What Ctrl+C in a terminal does.
    os.killpg(demo.pid, signal.SIGINT)
    assert demo.wait(timeout=20) == 0
    with pytest.raises(ProcessLookupError):
        os.killpg(demo.pid, 0)
    assert demo.stdout is not None
    assert "Traceback" not in demo.stdout.read()
