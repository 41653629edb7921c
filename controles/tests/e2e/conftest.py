"""A real server, as a newcomer starts it, and a real browser."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
# Nothing that would reach out, and what a container needs.
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
_STARTED = re.compile(r"Controles está em +(http://\S+)")
_EMAIL = "tesouraria@exemplo.org"
_OTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
_PASSWORD = "uma senha de teste bem comprida"


@dataclass(frozen=True, slots=True)
class Running:
    """A Controles that answers, and how its administrator logs in."""

    url: str
    folder: Path
    environment: dict[str, str]
    email: str = _EMAIL
    password: str = _PASSWORD
    otp_secret: str = _OTP_SECRET


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """`flask demo` in an empty folder, with the workers and the embedded cache server that it starts."""
    yield from _served(tmp_path_factory.mktemp("controles"))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The same, with an organisation in which nothing is yet but its administrator."""
    yield from _served(tmp_path_factory.mktemp("empty"), "--empty")


def _served(folder: Path, *options: str) -> Iterator[Running]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "CONTROLES_ENV": "development",
        "CONTROLES_DATA": str(folder / "instance"),
        "LOG_DIR": str(folder / "logs"),
        "ADMIN_EMAIL": _EMAIL,
        "ADMIN_PASSWORD": _PASSWORD,
        "ADMIN_OTP_SECRET": _OTP_SECRET,
        "PORT": str(_free_port()),
        "PYTHONUNBUFFERED": "1",
    }
    log = folder / "output.txt"
    with log.open("w") as output:
        # Its own group: gunicorn and its workers end together even if the test is interrupted.
        process = subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "controles", "demo", *options],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        try:
            shown = []
            for line in process.stdout:
                shown.append(line)
                if found := _STARTED.search(line):
                    break
            else:
                pytest.fail(f"flask demo ended before it served:\n{''.join(shown)}\n{log.read_text()}")
            yield Running(found[1], folder, environment)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            process.stdout.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine (Debian: apt-get install chromium)")
    expect.set_options(timeout=15_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that has never been here, on a phone's screen in Brazil."""
    with browser.new_context(
        viewport={"width": 390, "height": 844}, locale="pt-BR", timezone_id="America/Sao_Paulo"
    ) as context:
        context.set_default_timeout(15_000)
        yield context


@pytest.fixture
def page(context: BrowserContext, running: Running) -> Iterator[Page]:
    """A page; at the end no script has failed, no policy was broken, and no other host was asked for anything."""
    yield from _watched(context, running)


@pytest.fixture
def empty_page(context: BrowserContext, empty: Running) -> Iterator[Page]:
    """The same of the empty organisation."""
    yield from _watched(context, empty)


def _watched(context: BrowserContext, running: Running) -> Iterator[Page]:
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(f"script: {error}"))
    page.on("console", lambda message: problems.append(f"console: {message.text}") if message.type == "error" else None)
    page.on(
        "request",
        lambda request: (
            problems.append(f"asked for {request.url}") if not request.url.startswith(running.url) else None
        ),
    )
    yield page
    assert problems == []
