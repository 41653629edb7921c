"""The page on ASGI says what happens: uvicorn serves its application, and curl gets what is printed there."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from console_sessions import blocks, compared_lines

from waiting import until

PAGE = next(page for folder in Path(__file__).parents if (page := folder / "docs" / "asgi.md").is_file())


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    (tmp_path / "shop.py").write_text(blocks(PAGE, "python")[0], encoding="utf-8")
    # Listening before the process starts: no port is chosen twice.
    with socket.create_server(("127.0.0.1", 0)) as listening:
        command = [
            sys.executable,
            "-m",
            "uvicorn",
            "shop:app",
            "--fd",
            str(listening.fileno()),
            "--log-level",
            "warning",
        ]
        environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        with subprocess.Popen(command, cwd=tmp_path, pass_fds=[listening.fileno()], env=environment) as server:
            yield "{}:{}".format(*listening.getsockname())
            server.terminate()
            assert until(lambda: server.poll() is not None)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_gets_what_the_page_prints(address: str) -> None:
    assert compared_lines(PAGE, "localhost:8000", address) >= 14


@pytest.mark.parametrize("number", [1, 2])
def test_the_examples_of_middlewares_run(number: int, tmp_path: Path) -> None:
    (tmp_path / "rules.py").write_text(blocks(PAGE, "python")[number], encoding="utf-8")
    subprocess.run([sys.executable, "rules.py"], cwd=tmp_path, timeout=60, check=True)
