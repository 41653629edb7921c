"""The test suites that other caches publish: fetched as source distributions, run against Frescor's doors, and compared
with what `docs/doors.md` says that they come to."""

import fnmatch
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from frescor.testing import PrivateServer

SUITES = Path(__file__).parent / "suites"
PAGE = next(page for folder in Path(__file__).parents if (page := folder / "docs" / "doors.md").is_file())

_OPTIONS = ("-c", "pytest.ini", "-q", "--tb=short", "-rfE", "-p", "no:cacheprovider", "-p", "no:xdist")


@dataclass(frozen=True)
class Suite:
    """A published suite. `own`: a file of ours for its folder of tests; `plugin`: one that pytest loads before them."""

    name: str
    distribution: str
    tests: tuple[str, ...]
    own: str = ""
    plugin: str = ""
    options: tuple[str, ...] = ()


ALL = (
    Suite("Flask-Caching", "Flask-Caching", ("tests",), plugin="flask_caching_judge"),
    Suite("cachelib", "cachelib", ("tests/test_frescor.py",), own="cachelib_judge.py"),
    Suite("dogpile.cache: backends and locks", "dogpile.cache", ("tests/test_frescor.py",), own="dogpile_judge.py"),
    Suite(
        "dogpile.cache: regions and decorators",
        "dogpile.cache",
        ("tests/cache/test_region.py", "tests/cache/test_decorator.py"),
        plugin="dogpile_region_judge",
        options=("-o", "python_classes=*Test"),
    ),
    Suite("Django: cache calls and middleware", "Django", ("tests/test_frescor.py",), own="django_judge.py"),
)


@dataclass(frozen=True)
class Outcome:
    """What a suite came to."""

    passed: int
    failed: tuple[str, ...]
    skipped: int
    text: str


def source(suite: Suite, folder: Path) -> Path:
    """The suite's source distribution, of the version that is installed, unpacked in a folder that is kept. Skips the
    test where it cannot be had."""
    version = importlib.metadata.version(suite.distribution)
    kept = folder / f"{suite.distribution}-{version}"
    if not kept.is_dir():
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", suite.distribution]
        wanted = f"{suite.distribution}=={version}"
        done = subprocess.run(
            [*download, "--dest", str(folder), wanted], capture_output=True, text=True, timeout=300, check=False
        )
        name = re.sub(r"[-_.]+", "[-_.]", suite.distribution)
        archives = [path for path in folder.glob("*.tar.gz") if re.match(rf"(?i){name}-{version}", path.name)]
        if done.returncode or not archives:
            pytest.skip(f"the source of {wanted} cannot be downloaded here, offline perhaps: its tests are not run")
        with tarfile.open(archives[0]) as archive:
            archive.extractall(folder / f"{kept.name}.part", filter="data")
        (unpacked,) = (folder / f"{kept.name}.part").iterdir()
        unpacked.rename(kept)
    return kept


def run(suite: Suite, kept: Path, folder: Path) -> Outcome:
    """Run it in a folder of its own."""
    shutil.copytree(kept / "tests", folder / "tests")
    (folder / "pytest.ini").write_text("[pytest]\npythonpath = tests\nmarkers =\n  network: x\n  time_intensive: x\n")
    if suite.own:
        shutil.copy(SUITES / suite.own, folder / "tests" / "test_frescor.py")
    plugin = ("-p", suite.plugin) if suite.plugin else ()
    with PrivateServer(namespaces=("test",)) as server:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *_OPTIONS, *plugin, *suite.options, *suite.tests],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(SUITES), "FRESCOR_JUDGE_URL": server.url, "COLUMNS": "400"},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    counted = Counter(
        {word: int(number) for number, word in re.findall(r"(\d+) (passed|skipped)", done.stdout.splitlines()[-1])}
    )
    failed = re.findall(r"^(?:FAILED|ERROR|SUBFAILED\S*) (\S+)", done.stdout, re.MULTILINE)
    return Outcome(
        counted["passed"],
        tuple(sorted(one.removeprefix("tests/") for one in failed)),
        counted["skipped"],
        done.stdout + done.stderr,
    )


@dataclass(frozen=True)
class Said:
    """What the page says of a suite: of which version, and by pattern how many of its tests fail with a reason."""

    version: str
    passed: int
    failed: int
    skipped: int
    patterns: dict[str, int]


def said(suite: Suite) -> Said:
    """What the page says."""
    page = PAGE.read_text(encoding="utf-8")
    row = re.search(rf"^\| {re.escape(suite.name)} \| (\S+) \| (\d+) \| (\d+) \| (\d+) \|", page, re.MULTILINE)
    assert row is not None, f"docs/doors.md has no row for {suite.name}"
    section = re.search(rf"^### {re.escape(suite.name)}\n(.*?)(?=^#|\Z)", page, re.MULTILINE | re.DOTALL)
    patterns = re.findall(r"^\| `([^`]+)` \| (\d+) \| .{20,} \|$", section[1], re.MULTILINE) if section else []
    return Said(row[1], int(row[2]), int(row[3]), int(row[4]), {pattern: int(number) for pattern, number in patterns})


def without_reason(failed: tuple[str, ...], patterns: dict[str, int]) -> list[str]:
    """The failures for which the page gives no reason."""
    return [
        one for one in failed if not any(fnmatch.fnmatchcase(one, pattern.replace("[", "[[]")) for pattern in patterns)
    ]


def unexplained(failed: tuple[str, ...], patterns: dict[str, int]) -> list[str]:
    """What the page's reasons and the failures differ in."""
    wrong = without_reason(failed, patterns)
    for pattern, number in patterns.items():
        found = sum(fnmatch.fnmatchcase(one, pattern.replace("[", "[[]")) for one in failed)
        if found != number:
            wrong.append(f"{pattern}: {found} fail, the page says {number}")
    return wrong
