"""What is published works as it is installed: each extra brings what it needs, and a missing one is a sentence."""

import importlib.util
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from bare_environments import build_wheel, install, virtual_environment

ROOT = Path(__file__).parents[1]
EXTRAS = (
    "",
    "asgi",
    "cachelib",
    "cli",
    "django",
    "dogpile",
    "embedded",
    "fastapi",
    "flask",
    "flask-caching",
    "sealing",
    "sqlalchemy",
)
MODULES = {
    "": ["frescor", "frescor._surface.aio", "frescor.testing", "frescor.embedded"],
    "asgi": ["frescor.asgi", "frescor.asgi.endpoint"],
    "cachelib": ["frescor.cachelib"],
    "cli": ["frescor.cli"],
    "django": ["frescor.django"],
    "dogpile": ["frescor.dogpile"],
    "flask-caching": ["frescor.flask_caching"],
    "embedded": ["frescor.embedded"],
    "fastapi": ["frescor.asgi", "frescor.asgi.endpoint"],
    "flask": ["frescor.flask"],
    "sealing": ["frescor._values.seal"],
    "sqlalchemy": ["frescor.sqlalchemy"],
}
_PYTHON = re.compile(r"(?<!-->\n)^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


def environment(wheel: Path, extra: str, folder: Path) -> Path:
    """A folder with the wheel and all that it asks for with this extra."""
    install(wheel, [f"frescor[{extra}]" if extra else "frescor"], folder)
    return folder


@pytest.fixture(scope="module")
def environments(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {extra: environment(wheel, extra, tmp_path_factory.mktemp(extra or "bare")) for extra in (*EXTRAS, "all")}


def python(folder: Path, *arguments: str, ok: bool = True) -> str:
    """What a program prints that sees this environment and Python's own library alone."""
    # -S: nothing of this interpreter's site-packages.
    done = subprocess.run(
        [sys.executable, "-S", *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": os.environ["PATH"], "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode == 0) is ok, f"{done.stdout}\n{done.stderr}"
    assert ok or "Traceback" not in done.stderr, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("extra", EXTRAS)
def test_each_extra_brings_what_its_modules_need(environments: dict[str, Path], extra: str) -> None:
    for module in MODULES[extra]:
        python(environments[extra], "-c", f"import {module}")


def test_all_brings_everything_and_the_types(environments: dict[str, Path]) -> None:
    for modules in MODULES.values():
        python(environments["all"], "-c", f"import {', '.join(modules)}")
    assert (environments["all"] / "frescor" / "py.typed").is_file()


@pytest.mark.parametrize(
    ("extra", "use"),
    [
        ("sqlalchemy", "import frescor.sqlalchemy"),
        ("flask", "import frescor.flask"),
        ("asgi", "from frescor.asgi import cached_view"),
        ("cachelib", "import frescor.cachelib"),
        ("django", "import frescor.django"),
        ("dogpile", "import frescor.dogpile"),
        ("flask-caching", "import frescor.flask_caching"),
        ("cli", "import frescor.cli"),
        ("sealing", "from frescor import Cache; Cache.from_url('memory://', 'a', seal_secrets=[b'x' * 32])"),
    ],
)
def test_a_missing_extra_is_a_sentence(environments: dict[str, Path], extra: str, use: str) -> None:
    code = f"try:\n    exec({use!r})\nexcept ImportError as error:\n    print(error)"
    assert re.search(
        rf"needs [\w.-]+, which is not installed: pip install 'frescor\[{extra}\]'",
        python(environments[""], "-c", code),
    )


def test_the_command_says_what_it_lacks(environments: dict[str, Path]) -> None:
    run = ("-m", "frescor", "--help")
    assert "pip install 'frescor[cli]'" in python(environments[""], *run, ok=False)
    assert "monitor" in python(environments["cli"], *run)
    assert "frescor[sqlalchemy]" in python(
        environments["cli"], "-m", "frescor", "outbox", "status", "--database", "sqlite://", ok=False
    )


def test_the_command_is_the_one_of_the_metadata(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("entry_points.txt")]
        assert "frescor=frescor.__main__:main" in archive.read(name).decode().replace(" ", "")


@pytest.mark.parametrize(("document", "extra"), [("README.md", ""), ("docs/sqlalchemy.md", "sqlalchemy")])
def test_the_examples_of_the_documentation_run_where_nothing_else_is(
    environments: dict[str, Path], document: str, extra: str, tmp_path: Path
) -> None:
    examples = _PYTHON.findall((ROOT / document).read_text())
    assert examples
    for number, example in enumerate(examples):
        program = tmp_path / f"example_{number}.py"
        program.write_text(example)
        python(environments[extra], str(program))


CONSUMER = '''
"""A program of somebody who has installed the wheel."""

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, assert_type

import sqlalchemy as sa
from flask import Flask

from fastapi import FastAPI

from frescor import MISS, AsyncCache, Cache, Miss, Policy, PolicyError, PolicyStats
from frescor.asgi import CachingMiddleware, Rule, cached_view, lifespan
from frescor.embedded import EmbeddedServer
from frescor.errors import CacheError
from frescor.flask import FlaskCache
from frescor.sqlalchemy import Tracking, track
from frescor.testing import PrivateServer


@dataclass(frozen=True)
class Price:
    amount: int


cache = Cache.from_url("memory://", "shop")


@cache.cached(Policy.static("price", tags=("item:{item}",)))
def price(item: int, *, currency: str = "BRL") -> Price:
    return Price(item)


@cache.cached(expire=60, key_prefix="rate")
async def rate(name: str) -> float:
    return 1.0


assert_type(price(1), Price)
assert_type(price.refresh(1, currency="EUR"), Price)
assert_type(price.key(1), str)
assert_type(price.invalidate(1), bool)
awaited: Coroutine[Any, Any, float] = rate("BRL")
assert_type(cache.get_or_load("a", lambda: 1, Policy.user("a")), int)
assert_type(cache.get("a", MISS), object | Miss)
assert_type(cache.get("a", as_type=Price), Price | None)
assert_type(cache.stats(), dict[str, PolicyStats])
aio: AsyncCache = cache.aio
tracking: Tracking = track(sa.create_engine("sqlite://"), cache, outbox=False)
flask_cache, app = FlaskCache(), Flask("shop")
flask_cache.init_app(app, lambda: cache)
servers: tuple[type, ...] = (EmbeddedServer, PrivateServer)


@app.get("/")
@flask_cache.view(Policy(name="page", expire=60), vary="Accept-Language")
def page() -> str:
    return "text"


api = FastAPI(lifespan=lifespan(cache))
api.add_middleware(CachingMiddleware, rules=[Rule("/a/*", Policy(name="a", expire=60), vary="Accept")], cache=cache)


@api.get("/b")
@cached_view(Policy(name="page", expire=60), vary=lambda request: 1, key={"user": str})
async def endpoint(user: str) -> int:
    return 1


def wrong() -> None:
    try:
        price("one")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    except (PolicyError, CacheError):
        pass
'''


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare virtual environment in which the wheel stands with all extras: its python."""
    return virtual_environment(wheel, ["frescor[all]"], tmp_path_factory.mktemp("installed")) / "python"


@pytest.mark.parametrize(
    "checker",
    [
        ("mypy", "--strict", "--no-incremental", "--warn-unused-ignores", "--python-executable"),
        ("basedpyright", "--level", "error", "--pythonpath"),
    ],
    ids=lambda checker: checker[0],
)
def test_a_program_that_uses_it_is_checked_by_its_types(
    installed: Path, checker: tuple[str, ...], tmp_path: Path
) -> None:
    if importlib.util.find_spec(checker[0]) is None:
        pytest.skip(f"{checker[0]} is not installed here")
    program = tmp_path / "program.py"
    program.write_text(CONSUMER)
    (tmp_path / "pyrightconfig.json").write_text('{"typeCheckingMode": "strict", "reportUnusedFunction": false}')
    done = subprocess.run(
        [sys.executable, "-m", *checker, str(installed), str(program)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_public_module_can_be_imported_and_names_what_is_public(installed: Path) -> None:
    code = """
import importlib, pathlib, frescor
top = pathlib.Path(frescor.__file__).parent
for path in sorted(top.rglob("*.py")):
    parts = path.relative_to(top.parent).with_suffix("").parts
    if any(part.startswith("_") for part in parts if part != "__init__"):
        continue
    name = ".".join(part for part in parts if part != "__init__")
    if name == "frescor.testing.plugin":
        continue  # pytest loads it, and nobody else
    module = importlib.import_module(name)
    for public in getattr(module, "__all__", ()):
        getattr(module, public)
    print(name)
"""
    done = subprocess.run([installed, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert {"frescor", "frescor.aio", "frescor.errors", "frescor.sqlalchemy.text", "frescor.flask"} <= set(
        done.stdout.split()
    )
