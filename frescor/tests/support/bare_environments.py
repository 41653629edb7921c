"""Environments with Frescor's wheel and the distributions that it, or a program's requirements, ask for: nothing else.

The distributions are links to those that are installed here, in the locked versions, so that nothing is downloaded, and
what was not asked for is not there by chance.
"""

import importlib.metadata
import os
import venv
import zipfile
from collections.abc import Iterable, Iterator
from email.message import Message
from email.parser import Parser
from pathlib import Path

import flit_core.buildapi  # type: ignore[import-untyped]  # it has no stubs
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def build_wheel(project: Path, folder: Path) -> Path:
    """Frescor's wheel, built from its folder."""
    before = Path.cwd()
    os.chdir(project)
    try:
        return folder / str(flit_core.buildapi.build_wheel(str(folder)))
    finally:
        os.chdir(before)


def metadata(wheel: Path) -> Message:
    """What the wheel says of itself."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode())


def needed(requirements: list[str], extras: set[str]) -> Iterator[Requirement]:
    """Those of the requirements that hold on this machine with these extras."""
    for requirement in map(Requirement, requirements):
        environments = [{"extra": extra} for extra in extras or {""}]
        if requirement.marker is None or any(requirement.marker.evaluate(one) for one in environments):
            yield requirement


def install(wheel: Path, requirements: Iterable[str], folder: Path) -> list[importlib.metadata.Distribution]:
    """Unpack the wheel into a folder, beside links to what these requirements ask for: the distributions linked to."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    waiting = list(map(Requirement, requirements))
    seen: set[tuple[str, frozenset[str]]] = set()
    linked = {}
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        extras = frozenset(requirement.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        if name == "frescor":
            waiting += needed(metadata(wheel).get_all("Requires-Dist", []), set(extras))
            continue
        distribution = linked[name] = importlib.metadata.distribution(name)
        assert requirement.specifier.contains(distribution.version, prereleases=True), requirement
        for top in {Path(str(file)).parts[0] for file in distribution.files or ()} - {"..", "__pycache__"}:
            link = folder / top
            if not link.exists():
                link.symlink_to(Path(str(distribution.locate_file(top))))
        waiting += needed(distribution.requires or [], set(extras))
    return list(linked.values())


def virtual_environment(wheel: Path, requirements: Iterable[str], folder: Path) -> Path:
    """A virtual environment in which these requirements are installed, with their commands: its folder `bin`."""
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    programs = folder / "bin"
    points = [point for distribution in install(wheel, requirements, site) for point in distribution.entry_points]
    points += importlib.metadata.PathDistribution(next(site.glob("frescor-*.dist-info"))).entry_points
    for point in points:
        if point.group == "console_scripts":
            program = programs / point.name
            lines = f"import sys\nfrom {point.module} import {point.attr}\nsys.exit({point.attr}())\n"
            program.write_text(f"#!{programs / 'python'}\n{lines}")
            program.chmod(0o755)
    return programs
