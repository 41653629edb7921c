"""Runs a telling part of Frescor's tests with each version that it says it works with, and writes the table of
`frescor/docs/versions.md`: `make test-versions`, with ARGS="redis flask" for the rows that begin so.

A row's packages are installed into a folder before those of `.venv`. An interpreter's row has a `.venv` of
its own. A row that is not run keeps its line.
"""

import datetime as dt
import importlib.metadata
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "frescor" / "docs" / "versions.md"
PLACE = ROOT / ".venv-versions"
BEGIN, END = "<!-- rows: make test-versions -->", "<!-- end of rows -->"
ROW_TAKES = 2400

_STORE = (
    "store/test_cluster.py",
    "store/test_link.py",
    "store/test_deadline.py",
    "store/test_redis_private.py",
    "copies/test_listen.py",
    "conformance/test_many_calls.py",
    "test_refusals.py",
)
_SQL = (
    "sqlalchemy/test_private.py",
    "sqlalchemy/test_async.py",
    "sqlalchemy/test_identity_map.py",
    "sqlalchemy/test_loaded_relationships.py",
    "sqlalchemy/test_parameters.py",
    "sqlalchemy/test_tracking.py",
    "sqlalchemy/test_outbox.py",
    "sqlalchemy/slices/test_generated_writes.py",
    "sqlalchemy/test_generated.py::test_cached_queries_equal_uncached_ones_after_every_commit",
)
_FLASK = ("flask/test_extension.py", "flask/test_settings.py", "flask/test_view.py", "flask/test_fragments.py")
_PYTHON = (
    "calls",
    "plan",
    "values",
    "runtime",
    "test_surface.py",
    "conformance/test_cache.py",
    "sqlalchemy/test_async.py",
)
_DRIVER = "sqlalchemy/test_generated.py::test_cached_queries_equal_uncached_ones_by_each_driver[{}]"
_OWN_DRIVER = "sqlalchemy/test_generated.py::test_cached_queries_equal_uncached_ones_after_every_commit[{}-]"


@dataclass(frozen=True, slots=True)
class Row:
    """name: as the table calls it. shown: the distribution whose version the table shows; "" for the interpreter's.
    asks: what is installed before the rest; nothing for what `.venv` has. python: the interpreter, if not that of
    `.venv`."""

    name: str
    shown: str
    asks: tuple[str, ...]
    tests: tuple[str, ...]
    python: str = ""


def _driver(name: str, shown: str, url: str, *asks: str) -> Row:
    return Row(name, shown, asks, (_DRIVER.format(url),))


ROWS = (
    Row("SQLAlchemy 2.0, lowest", "SQLAlchemy", ("SQLAlchemy==2.0.44",), _SQL),
    Row("SQLAlchemy 2.0", "SQLAlchemy", ("SQLAlchemy>=2.0,<2.1",), _SQL),
    Row("SQLAlchemy 2.1", "SQLAlchemy", ("SQLAlchemy>=2.1,<2.2",), _SQL),
    Row("redis-py 5, lowest", "redis", ("redis==5.0.1",), _STORE),
    Row("redis-py 5", "redis", ("redis>=5,<6",), _STORE),
    Row("redis-py 6", "redis", ("redis>=6,<7",), _STORE),
    Row("redis-py 7", "redis", ("redis>=7,<8",), _STORE),
    Row("redis-py 8", "redis", ("redis>=8,<9",), _STORE),
    Row("Flask 2.3, lowest", "Flask", ("Flask==2.3.3",), _FLASK),
    Row("Flask 3.0", "Flask", ("Flask>=3.0,<3.1",), _FLASK),
    Row("Flask 3.1", "Flask", ("Flask>=3.1,<3.2",), _FLASK),
    Row("psycopg 3", "psycopg", (), (_OWN_DRIVER.format("postgresql"),)),
    _driver("psycopg 3, awaited", "psycopg", "postgresql+psycopg"),
    _driver("psycopg2", "psycopg2-binary", "postgresql+psycopg2", "psycopg2-binary"),
    _driver("asyncpg", "asyncpg", "postgresql+asyncpg", "asyncpg"),
    Row("sqlite3", "sqlite3", (), (_OWN_DRIVER.format("sqlite"),)),
    _driver("aiosqlite", "aiosqlite", "sqlite+aiosqlite"),
    _driver("PyMySQL", "PyMySQL", "mariadb+pymysql", "PyMySQL"),
    _driver("mysqlclient", "mysqlclient", "mariadb+mysqldb", "mysqlclient"),
    _driver("asyncmy", "asyncmy", "mariadb+asyncmy", "asyncmy"),
    _driver("aiomysql", "aiomysql", "mariadb+aiomysql", "aiomysql"),
    *(Row(f"Python {version}", "", (), _PYTHON, f"python{version}") for version in ("3.12", "3.13", "3.14")),
)


def main(wanted: list[str]) -> int:
    """Run the rows whose names begin with one of these words, all without any; returns how many failed."""
    failed = 0
    for row in ROWS:
        if wanted and not row.name.lower().startswith(tuple(word.lower() for word in wanted)):
            continue
        said = _run(row)
        failed += said[1].startswith("failed")
        line = "| " + " | ".join((row.name, *said, dt.datetime.now(dt.UTC).date().isoformat())) + " |"
        print(line, flush=True)
        # Read anew, since other rows may run in another process.
        lines = lines_of(PAGE.read_text()) | {row.name: line}
        PAGE.write_text(with_lines(PAGE.read_text(), (lines[one.name] for one in ROWS if one.name in lines)))
    return failed


def lines_of(page: str) -> dict[str, str]:
    """The table's lines, by the names of their rows."""
    table = page.partition(BEGIN)[2].partition(END)[0]
    return {line.split("|")[1].strip(): line for line in table.splitlines() if re.match(r"\| (?!what|-)", line)}


def with_lines(page: str, lines: Iterable[str]) -> str:
    """The page, with these lines in its table."""
    before, _, rest = page.partition(BEGIN)
    head = "| what | version | result | on |\n|---|---|---|---|\n"
    rows = "".join(f"{line}\n" for line in lines)
    return f"{before}{BEGIN}\n\n{head}{rows}\n{END}{rest.partition(END)[2]}"


def _run(row: Row) -> tuple[str, str]:
    """The version that was tried, and what came of it."""
    folder = PLACE / re.sub(r"\W+", "-", row.name)
    python, environment = sys.executable, {**os.environ, "FRESCOR_SQL_STEPS": "80"}
    if row.python:
        found = shutil.which(row.python)
        if found is None:
            return "–", f"not tried: no {row.python} on the machine"
        python = _interpreter(Path(found), folder)
    elif row.asks:
        shutil.rmtree(folder, ignore_errors=True)
        _pip(sys.executable, "install", "--target", str(folder), *row.asks)
        environment["PYTHONPATH"] = str(folder)
    tests = [f"tests/{test}" for test in row.tests]
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", *tests]
    done = subprocess.run(
        command, cwd=ROOT / "frescor", env=environment, capture_output=True, text=True, timeout=ROW_TAKES, check=False
    )
    last = done.stdout.strip().splitlines()[-1:] or ["no output"]
    passed = re.search(r"(\d+) passed", last[0])
    if done.returncode or passed is None:
        print(done.stdout[-6000:], done.stderr[-2000:], sep="\n", file=sys.stderr)
        return _version(row, python, folder), f"failed: {last[0]}"
    return _version(row, python, folder), f"{passed[1]} passed"


def _version(row: Row, python: str, folder: Path) -> str:
    if row.shown == "sqlite3":
        return sqlite3.sqlite_version
    if not row.shown:
        asked = subprocess.run([python, "-V"], capture_output=True, text=True, check=True)
        return asked.stdout.split()[1]
    if row.asks:
        for found in importlib.metadata.distributions(path=[str(folder)]):
            if found.metadata["Name"].lower().replace("_", "-") == row.shown.lower():
                return found.version
    return importlib.metadata.version(row.shown)


def _interpreter(found: Path, folder: Path) -> str:
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([found, "-m", "venv", folder], check=True)
    _pip(str(python), "install", "--editable", str(ROOT / "frescor[test]"))
    return str(python)


def _pip(python: str, *arguments: str) -> None:
    subprocess.run(
        [python, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments],
        check=True,
        stderr=subprocess.DEVNULL,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
