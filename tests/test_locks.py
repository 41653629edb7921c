"""The locked requirements are what the open ones ask for, and name no place to fetch them from."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ROOT / "requirements"
NAMES = ("runtime", "dev", "lock")


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


@pytest.mark.parametrize("name", NAMES)
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
    declared = [
        *project["dependencies"],
        *(r for extra in project.get("optional-dependencies", {}).values() for r in extra),
    ]
    runtime = locked("runtime")
    for wanted in map(Requirement, declared):
        if wanted.name in ("frescor", "controles"):
            continue
        found = runtime.get(canonicalize_name(wanted.name))
        assert found, f"{distribution} needs {wanted}, which requirements/runtime.in does not ask for"
        assert all(wanted.specifier.contains(version(pin)) for _, pin in found), str(wanted)
