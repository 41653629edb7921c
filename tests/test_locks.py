"""The locked requirements are what the open ones ask for, and name no place to fetch them from."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ROOT / "requirements"
NAMES = ("runtime", "dev", "frames", "lock")
# Resolved from what frescor/pyproject.toml declares, at either end of its ranges.
ENDS = ("frescor-lowest", "frescor-newest")
# Flask-Caching, which the tests need, asks for a newer one; the lowest Flask has a row in release/version_matrix.py.
RAISED = {"Flask"}
# Extras that are too large for the other locks.
FRAMES = {"pandas", "polars"}


def asked(path: Path) -> list[Requirement]:
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def locked(name: str) -> dict[str, list[tuple[str, Requirement]]]:
    """The pins by package; a package may be pinned to several versions under different markers."""
    pins: dict[str, list[tuple[str, Requirement]]] = {}
    text = (REQUIREMENTS / f"{name}.txt").read_text()
    for logical_line in re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE)).splitlines():
        requirement = Requirement(logical_line.split("--hash")[0].strip())
        pins.setdefault(canonicalize_name(requirement.name), []).append((logical_line, requirement))
    return pins


def version(requirement: Requirement) -> str:
    (specifier,) = requirement.specifier
    assert specifier.operator == "=="
    return specifier.version


@pytest.mark.parametrize("name", [*NAMES, *ENDS])
def test_every_pin_is_one_version_with_hashes(name: str) -> None:
    for pins in locked(name).values():
        for line, requirement in pins:
            assert version(requirement)
            assert line.count("--hash=sha256:") >= 1, line


@pytest.mark.parametrize("name", NAMES)
def test_the_lock_fulfils_what_is_asked_for(name: str) -> None:
    pins = locked(name)
    for wanted in asked(REQUIREMENTS / f"{name}.in"):
        found = pins.get(canonicalize_name(wanted.name))
        assert found, f"{wanted} is not locked: run `make lock`"
        assert all(wanted.specifier.contains(version(pin)) for _, pin in found), f"{wanted}: run `make lock`"


def test_tests_run_on_the_versions_that_are_shipped() -> None:
    dev = locked("dev")
    for name, pins in locked("runtime").items():
        assert [str(pin) for _, pin in dev[name]] == [str(pin) for _, pin in pins], f"{name}: run `make lock`"


@pytest.mark.parametrize("distribution", ["frescor", "controles"])
def test_what_a_distribution_declares_is_locked(distribution: str) -> None:
    project = tomllib.loads((ROOT / distribution / "pyproject.toml").read_text())["project"]
    extras = project.get("optional-dependencies", {})
    # The caches that Frescor stands in for, and other frameworks: the application needs none of them.
    developers = {"test", "asgi", "cachelib", "django", "dogpile", "fastapi", "flask-caching"}
    declared = {
        "runtime": [
            *project["dependencies"],
            *(r for name in extras if name not in developers | FRAMES for r in extras[name]),
        ],
        "frames": [r for name in extras if name in FRAMES for r in extras[name]],
        "dev": [r for name in extras if name in developers for r in extras[name]],
    }
    for lock, wanted in ((lock, Requirement(one)) for lock, ones in declared.items() for one in ones):
        if wanted.name in ("frescor", "controles"):
            continue
        found = locked(lock).get(canonicalize_name(wanted.name))
        assert found, f"{distribution} needs {wanted}, which requirements/{lock}.in does not ask for"
        assert all(wanted.specifier.contains(version(pin)) for _, pin in found), str(wanted)


@pytest.mark.parametrize("end", ENDS)
def test_either_end_of_the_declared_ranges_is_locked(end: str) -> None:
    project = tomllib.loads((ROOT / "frescor" / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    declared = [*project["dependencies"], *(r for name in extras if name not in FRAMES for r in extras[name])]
    for wanted in map(Requirement, declared):
        if wanted.name == "frescor":
            continue
        for _, pin in locked(end)[canonicalize_name(wanted.name)]:
            assert wanted.specifier.contains(version(pin)), f"{wanted}: run `make lock`"
            if end == "frescor-lowest" and wanted.name not in RAISED:
                for lowest in (Version(one.version).release for one in wanted.specifier if one.operator == ">="):
                    assert Version(version(pin)).release[: len(lowest)] == lowest, f"{wanted}: run `make lock`"
