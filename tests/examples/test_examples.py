"""Each example does what its README shows: in a virtual environment with its requirements and Frescor's wheel, its
commands are run, and what they print is compared.

`make test-examples` runs all of them. Without EXAMPLES=all, two are run, and of the others the programs are imported.
"""

import contextlib
import difflib
import json
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from bare_environments import build_wheel, virtual_environment
from console_sessions import Shown, blocks, compared, shown

from waiting import until

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples"
EXAMPLES = sorted(path.parent.name for path in FOLDER.glob("*/README.md"))
LONG = os.environ.get("EXAMPLES") == "all"
IN_SHORT = ("fastapi-async", "from-functools")
# A command that goes on until it is ended, and where it then answers.
_SERVER = re.compile(
    r"(?P<flask>flask .*run)|(?P<uvicorn>uvicorn .*)|(?P<worker>celery .*worker.*)"
    r"|(?P<django>python manage.py runserver)"
)
pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(ROOT / "frescor", tmp_path_factory.mktemp("wheel"))


def requirements(example: str) -> list[str]:
    lines = (FOLDER / example / "requirements.txt").read_text().splitlines()
    return [line.replace("../../frescor", "frescor") for line in lines]


def installed(example: str, wheel: Path, tmp_path: Path) -> tuple[Path, dict[str, str]]:
    """A copy of the example, and the environment of a shell in which its virtual environment is active."""
    programs = virtual_environment(wheel, requirements(example), tmp_path / "venv")
    folder = tmp_path / example
    shutil.copytree(FOLDER / example, folder, ignore=shutil.ignore_patterns("__pycache__", "*.db", "instance"))
    return folder, shell(programs, tmp_path)


def shell(programs: Path, home: Path) -> dict[str, str]:
    """The environment of a shell in which a virtual environment is active."""
    return {
        "PATH": f"{programs}:/usr/bin:/bin",
        "HOME": str(home),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "LC_ALL": "C.UTF-8",
    }


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def running(command: str, port: int, folder: Path, environment: dict[str, str]) -> Iterator[None]:
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
                    process.poll() is not None or (b" ready." in log.read_bytes() if kind["worker"] else answers(port))
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


def sessions(example: str) -> list[Shown]:
    return [one for block in blocks(FOLDER / example / "README.md", "console") for one in shown(block)]


@pytest.mark.parametrize("example", EXAMPLES if LONG else IN_SHORT)
def test_an_example_prints_what_its_page_shows(example: str, wheel: Path, tmp_path: Path) -> None:
    folder, environment = installed(example, wheel, tmp_path)
    port, steps = free_port(), sessions(example)
    assert steps[0].command == "pip install -r requirements.txt"
    (address,) = set(re.findall(r"localhost:\d+", " ".join(one.command for one in steps))) or {"localhost:5000"}
    with contextlib.ExitStack() as stack:

        def commands() -> Iterator[Shown]:
            for one in steps[1:]:
                if _SERVER.fullmatch(one.command):
                    stack.enter_context(running(one.command, port, folder, environment))
                else:
                    yield one

        found = compared(commands(), address, f"localhost:{port}", folder=folder, environment=environment)
    assert found >= 3
    for notebook in FOLDER.joinpath(example).glob("*.ipynb"):
        assert outputs(folder / "run.ipynb") == outputs(notebook)


def outputs(notebook: Path) -> list[str]:
    """What each cell printed and what it came to."""
    cells = [cell.get("outputs", []) for cell in json.loads(notebook.read_text())["cells"]]
    return ["".join("".join(one.get("text") or one["data"]["text/plain"]) for one in cell) for cell in cells]


@pytest.mark.skipif(LONG, reason="all of them are run")
def test_every_program_can_be_imported_with_what_the_examples_require(wheel: Path, tmp_path: Path) -> None:
    every = {requirement for example in EXAMPLES for requirement in requirements(example)}
    programs = virtual_environment(wheel, every, tmp_path / "venv")
    # By names of their own: some have the same. Django's is a package, with settings.
    code = """
import importlib.util, sys
import shop.urls
for number, path in enumerate(sys.argv[1:]):
    spec = importlib.util.spec_from_file_location(f"program_{number}", path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
"""
    paths = sorted(map(str, FOLDER.glob("*/*.py")))
    done = subprocess.run(
        [str(programs / "python"), "-c", f"import django; django.setup()\n{code}", *paths],
        cwd=tmp_path,
        env={
            **shell(programs, tmp_path),
            "PYTHONPATH": str(FOLDER / "django"),
            "DJANGO_SETTINGS_MODULE": "shop.settings",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("example", [one for one in EXAMPLES if one.startswith("from-")])
def test_a_page_on_moving_over_shows_what_changed(example: str) -> None:
    (block,) = blocks(FOLDER / example / "README.md", "diff")
    before = FOLDER / example / "original.py"
    (after,) = (path for path in before.parent.glob("*.py") if path != before)
    old, new = (path.read_text().splitlines(keepends=True) for path in (before, after))
    assert block == "".join(difflib.unified_diff(old, new, before.name, after.name, n=1))


def test_the_list_of_examples_is_complete() -> None:
    listed = re.findall(r"^\| \[[^]]+\]\(([a-z-]+)/?\)", (FOLDER / "README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == EXAMPLES
    assert len(EXAMPLES) == 10
