"""Both wheels are built, and have what their packages read at run time; Controles' asks for what it imports."""

import ast
import importlib.metadata
import os
import sys
import zipfile
from collections.abc import Iterable
from email.parser import Parser
from pathlib import Path

import flit_core.buildapi  # type: ignore[import-untyped]  # it has no stubs
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
# Of the standard library from Python 3.14 on.
NEWER_PYTHON = {"compression"}
# Of a program that has them: their codecs are imported once it stores one of their values.
OF_THE_PROGRAM = {"pandas", "polars", "pyarrow"}


@pytest.fixture(scope="module", params=["frescor", "controles"])
def wheel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, zipfile.ZipFile]:
    folder, before = tmp_path_factory.mktemp("wheel"), Path.cwd()
    os.chdir(ROOT / request.param)
    try:
        name = str(flit_core.buildapi.build_wheel(str(folder)))
    finally:
        os.chdir(before)
    return request.param, zipfile.ZipFile(folder / name)


def test_a_wheel_has_every_file_of_its_package_and_no_other(wheel: tuple[str, zipfile.ZipFile]) -> None:
    name, archive = wheel
    package = ROOT / name / "src"
    files = {
        path.relative_to(package).as_posix()
        for path in (package / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {one for one in archive.namelist() if ".dist-info/" not in one} == files


def with_what_they_bring(distributions: Iterable[str]) -> set[str]:
    """These and what they need themselves: Flask brings Werkzeug, whose classes are part of its own interface."""
    found: set[str] = set()
    waiting: list[str] = list(distributions)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        try:
            needs = importlib.metadata.requires(name) or ()
        except importlib.metadata.PackageNotFoundError:
            continue
        waiting += [canonicalize_name(Requirement(one).name) for one in needs if "extra ==" not in one]
    return found


def test_a_wheel_asks_for_every_package_that_it_imports(wheel: tuple[str, zipfile.ZipFile]) -> None:
    name, archive = wheel
    (metadata,) = [one for one in archive.namelist() if one.endswith(".dist-info/METADATA")]
    asked = {
        canonicalize_name(Requirement(one).name)
        for one in Parser().parsestr(archive.read(metadata).decode()).get_all("Requires-Dist", [])
    }
    imported = set()
    for path in (ROOT / name / "src" / name).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                imported.add(node.module.partition(".")[0])
    distributions = importlib.metadata.packages_distributions()
    brought = with_what_they_bring(asked)
    missing = {
        one
        for one in imported - set(sys.stdlib_module_names) - {name, *NEWER_PYTHON, *OF_THE_PROGRAM}
        if not {canonicalize_name(found) for found in (*distributions.get(one, []), one)} & brought
    }
    assert missing == set()
