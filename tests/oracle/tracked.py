"""A plugin for SQLAlchemy's own tests: tracks every engine that they make, and writes down how each test ended."""

import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import sqlalchemy as sa

from frescor import Cache
from frescor.sqlalchemy import track
from oracle.checks import Oracle

_OUT = Path(os.environ["ORACLE_OUT"])
_oracle = Oracle()
_plain_init = sa.Engine.__init__


def pytest_configure() -> None:
    """Begin to track, if that is asked for."""
    tracks = bool(os.environ.get("ORACLE_TRACKED"))
    cache = Cache.from_url("memory://", "suite", local=False)
    making: list[bool] = []

    # With the arguments of the plain one, which create_engine looks at.
    def initialise(
        self: sa.Engine,
        pool: Any,
        dialect: sa.Dialect,
        url: sa.URL,
        logging_name: str | None = None,
        echo: Any = None,
        query_cache_size: int = 500,
        execution_options: Any = None,
        hide_parameters: bool = False,
    ) -> None:
        _plain_init(self, pool, dialect, url, logging_name, echo, query_cache_size, execution_options, hide_parameters)
        provision = sys.modules.get("sqlalchemy.dialects.postgresql.provision")
        if provision is not None:
            # They are made for the tests' database, and a server from a wheel has none.
            provision._extensions.clear()
        real = isinstance(dialect.dbapi, ModuleType) and dialect.driver in ("pysqlite", "psycopg")
        if tracks and real and not making and "frescor_hooks" not in vars(dialect) and not _is_frescors():
            making.append(True)
            try:
                track(self, cache, outbox=False)
            finally:
                making.clear()

    sa.Engine.__init__ = initialise  # type: ignore[method-assign]
    if tracks:
        _oracle.install()


def _is_frescors() -> bool:
    """Whether Frescor makes this engine for itself."""
    return str(sys._getframe(2).f_globals.get("__name__", "")).startswith("frescor.")


@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """One line for each step of a test that says something."""
    if report.when == "call" or report.outcome != "passed":
        line = {"test": report.nodeid, "when": report.when, "outcome": report.outcome}
        if report.failed:
            line["why"] = report.longreprtext
        with _OUT.open("a") as out:
            out.write(json.dumps(line) + "\n")


def pytest_sessionfinish() -> None:
    """What the oracle found."""
    found = _oracle.findings
    if found.checked or found.unnamed:
        line = {"checked": found.checked, "refused": found.refused, "unnamed": found.unnamed}
        with _OUT.open("a") as out:
            out.write(json.dumps(line) + "\n")
