"""Compares what Frescor reads in SQL text with what PostgreSQL's own parser does, over files of SQL.

    apt-get source --download-only postgresql-15 && tar xf postgresql-15_*.orig.tar.*
    make test-postgresql-sql ARGS=postgresql-15.*/src/test/regress/sql

A virtual environment of its own gets pglast for the time of the run. Prints how many statements there were, how many
cannot be told, and each that names fewer tables than the parser. Ends with 1 if there is any, or if more than 1 %
cannot be told.
"""

import json
import logging
import subprocess
import sys
import tempfile
import venv
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from frescor.sqlalchemy._statements.text import facts_of_text

_JUDGE = Path(__file__).with_name("postgresql_judge.py")


def _judged(files: Iterable[str]) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder) / "bin" / "python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", "pglast"], check=True)
        found = subprocess.run([python, str(_JUDGE), *files], check=True, capture_output=True, text=True)
    return map(json.loads, found.stdout.splitlines())


def _small(names: Iterable[Any]) -> set[tuple[str | None, str]]:
    return {(schema and schema.lower(), name.lower()) for schema, name in names}


def main() -> int:
    """The folders of SQL files are the arguments."""
    logging.disable(logging.WARNING)
    files = sorted(str(file) for folder in sys.argv[1:] for file in Path(folder).rglob("*.sql"))
    count, untold, fewer = 0, Counter[str](), []
    for statement in _judged(files):
        count += 1
        facts = facts_of_text(statement["sql"], "postgresql")
        if facts.unknown is not None:
            untold[statement["kind"]] += 1
        if facts.everything or facts.control:
            continue
        written = _small(target.table for target in facts.writes)
        missing = _small(statement["writes"]) - written
        missing |= _small(statement["reads"]) - written - _small(facts.reads) - _small(facts.loose)
        if missing:
            fewer.append((missing, statement["sql"]))
    for missing, sql in fewer:
        print(f"without {missing}: {sql}")
    share = untold.total() / max(count, 1)
    print(f"{count} statements; {untold.total()} ({share:.2%}) cannot be told: {dict(untold)}; {len(fewer)} name fewer")
    return int(bool(fewer) or share > 0.01 or not count)


if __name__ == "__main__":
    sys.exit(main())
