"""Each example does what its README shows: in a virtual environment with its requirements and Frescor's wheel, its
commands are run, and what they print is compared.

`make test-examples` runs all of them. Without EXAMPLES=all, two are run, and of the others the programs are imported.
"""

import difflib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from bare_environments import build_wheel, virtual_environment
from console_servers import asked_for, prints_what_it_shows, shell
from console_sessions import Shown, blocks, shown

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples"
EXAMPLES = sorted(path.parent.name for path in FOLDER.glob("*/README.md"))
LONG = os.environ.get("EXAMPLES") == "all"
IN_SHORT = ("django", "from-functools")
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


def sessions(example: str) -> list[Shown]:
    return [one for block in blocks(FOLDER / example / "README.md", "console") for one in shown(block)]


@pytest.mark.parametrize("example", EXAMPLES if LONG else IN_SHORT)
def test_an_example_prints_what_its_page_shows(example: str, wheel: Path, tmp_path: Path) -> None:
    folder, environment = installed(example, wheel, tmp_path)
    steps = sessions(example)
    assert asked_for(steps) == ["-r", "requirements.txt"]
    assert prints_what_it_shows(steps, folder, environment) >= 3
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
