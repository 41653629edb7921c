"""The containers of docker-compose.yml, started from a copy of this repository, beside whatever else runs here."""

import base64
import hashlib
import hmac
import html
import os
import re
import secrets
import shutil
import socket
import struct
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COPIED = (
    "Makefile",
    "Dockerfile",
    ".dockerignore",
    "docker-compose.yml",
    "docker",
    "requirements",
    "frescor",
    "controles",
)
IMAGES = ("python:3.11-slim-bookworm", "redis:7-alpine", "postgres:17-alpine")
# `make test-docker` sets it: building images takes minutes, which `make test` does not ask for.
WANTED = "CONTROLES_TEST_DOCKER"


def docker(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=check, timeout=120)


def code_at(secret: str, moment: float) -> str:
    """What an authenticator shows (RFC 6238), worked out here and not by the code under test."""
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", int(moment) // 30), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06d}"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    text: str
    url: str
    seconds: float


class Visitor:
    """A browser without a screen: keeps cookies, follows redirects, and sends back what a form holds."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def get(self, path: str) -> Answer:
        return self._open(urllib.request.Request(self.url + path))

    def submit(self, path: str, **fields: str) -> Answer:
        """Open a page, fill in its form and send it to the same address."""
        page = self.get(path)
        hidden = {}
        for tag in re.findall(r"<input[^>]*>", page.text):
            attributes = dict(re.findall(r'(\w+)="([^"]*)"', tag))
            if attributes.get("type") == "hidden":
                hidden[attributes["name"]] = html.unescape(attributes.get("value", ""))
        data = urllib.parse.urlencode({**hidden, **fields}).encode()
        return self._open(urllib.request.Request(page.url, data=data, headers={"Referer": page.url}))

    def _open(self, request: urllib.request.Request) -> Answer:
        began = time.perf_counter()
        try:
            with self._opener.open(request, timeout=30) as answer:
                return Answer(answer.status, answer.read().decode(), answer.url, time.perf_counter() - began)
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.read().decode(), error.url or "", time.perf_counter() - began)


def until(fact: Callable[[], bool], *, within: float) -> float:
    """The seconds until it was so; fails if it was not in time."""
    began = time.monotonic()
    while not fact():
        assert time.monotonic() - began < within, f"not within {within} s"
        threading.Event().wait(0.05)
    return time.monotonic() - began


@dataclass
class Stack:
    """The containers under one project name, and the folder that they are operated from."""

    folder: Path
    project: str
    port: int
    environment: Mapping[str, str]
    values: dict[str, str] = field(default_factory=dict)
    seconds_to_healthy: float = 0.0

    image: str = ""
    base_image, redis_image = IMAGES[0], IMAGES[1]
    docker = staticmethod(docker)
    until = staticmethod(until)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def visitor(self) -> Visitor:
        """Somebody who has never been here."""
        return Visitor(self.url)

    def make(self, *arguments: str, check: bool = True, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["make", "--no-print-directory", *arguments],
            cwd=self.folder,
            env={**self.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )
        assert done.returncode == 0 or not check, f"make {arguments}\n{done.stdout}\n{done.stderr}"
        return done

    def container(self, service: str) -> str:
        labels = (f"label=com.docker.compose.project={self.project}", f"label=com.docker.compose.service={service}")
        return docker("ps", "--all", "--quiet", "--filter", labels[0], "--filter", labels[1]).stdout.split()[0]

    def redis(self, *command: str, user: str | None = "controles", password: str | None = None) -> str:
        """What Redis says, in its own container: as a user, or as nobody."""
        arguments = ["exec"]
        if user is not None:
            arguments += ["--env", f"REDISCLI_AUTH={password or self.values['REDIS_PASSWORD']}"]
        arguments += [self.container("redis"), "redis-cli", *(("--user", user) if user else ()), *command]
        done = docker(*arguments, check=False)
        return (done.stdout + done.stderr).strip()

    def hits(self) -> int:
        """Calls that the cache has answered, over all policies."""
        counters = self.redis("--no-raw", "hgetall", "controles:stats")
        return sum(map(int, re.findall(r'"[^"]*hit[^"]*"\n *\d+\) "(\d+)"', counters)))


def require_engine() -> None:
    if not os.environ.get(WANTED):
        pytest.skip("starts containers and takes minutes: make test-docker")
    if shutil.which("docker") is None:
        pytest.skip("there is no Docker on this machine")
    if docker("info", check=False).returncode != 0:
        pytest.skip("Docker's engine does not answer (docker info says why)")
    for image in IMAGES:
        if (
            docker("image", "inspect", image, check=False).returncode != 0
            and docker("pull", "-q", image, check=False).returncode != 0
        ):
            pytest.skip(f"the image {image} is not here and cannot be fetched")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Secrets, image, containers; at the end nothing of them is left."""
    require_engine()
    name = f"controles-test-{secrets.token_hex(3)}"
    folder = tmp_path_factory.mktemp("stack")
    for part in COPIED:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__", "tests"))
        else:
            shutil.copy(source, folder / part)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    passed_on = ("PATH", "HOME", "DOCKER_HOST", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "PIP_OPTIONS")
    stack = Stack(
        folder,
        name,
        port,
        {
            **{key: os.environ[key] for key in passed_on if key in os.environ},
            "COMPOSE_PROJECT_NAME": name,
            "CONTROLES_IMAGE": f"{name}:latest",
            "PORT": str(port),
        },
        image=f"{name}:latest",
    )
    try:
        stack.make("secrets")
        lines = (folder / ".env").read_text().splitlines()
        settings = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
        stack.values.update((setting, value) for setting, _, value in settings)
        _move_to_a_file(folder, "ADMIN_OTP_SECRET", stack.values["ADMIN_OTP_SECRET"])
        stack.make("docker-build")
        began = time.monotonic()
        stack.make("dev-up")
        stack.seconds_to_healthy = time.monotonic() - began
        yield stack
    finally:
        stack.make("dev-down", "ARGS=--volumes --rmi local", check=False)
        for kind, listing in (("container", ("ps", "--all", "--quiet")), ("volume", ("volume", "ls", "--quiet"))):
            left = docker(*listing, "--filter", f"label=com.docker.compose.project={name}").stdout.split()
            if left:
                docker(kind, "rm", "--force", *left, check=False)
        docker("image", "rm", "--force", f"{name}:latest", check=False)


def _move_to_a_file(folder: Path, name: str, value: str) -> None:
    """As the page of settings shows it: out of .env, into a file that the container is given."""
    settings = (folder / ".env").read_text().replace(f"{name}={value}", f"{name}_FILE=/run/secrets/otp")
    (folder / ".env").write_text(settings)
    (folder / "otp.txt").write_text(value + "\n")
    (folder / "otp.txt").chmod(0o644)
    page = (ROOT / "docs/configuration.md").read_text()
    (shown,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (folder / "docker-compose.override.yml").write_text(shown)


@pytest.fixture(scope="session")
def administrator(stack: Stack) -> Visitor:
    """Logged in with password and code, through the published port."""
    visitor = stack.visitor()
    page = visitor.submit("/entrar", email=stack.values["ADMIN_EMAIL"], senha=stack.values["ADMIN_PASSWORD"])
    assert page.url.endswith("/primeiro-acesso"), page.text
    assert "<svg" in page.text
    page = visitor.submit("/primeiro-acesso", codigo=code_at(stack.values["ADMIN_OTP_SECRET"], time.time()))
    assert page.status == 200, page.text
    assert visitor.get("/").url == f"{stack.url}/"
    return visitor
