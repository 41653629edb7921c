"""What the panel costs, computed and from the cache, side by side in one run.

Makes (or with --data reuses) an SQLite database of the chosen profile and an embedded cache server in a folder of its
own, and measures in one process: each query of the panel and the whole page, first with nothing cached and then on
hits, the database's statements counted. Ends with an error if a query's hit ran a statement, the page's more than the
one that looks the login up, or if the page gained too little.
"""

import argparse
import datetime as dt
import gc
import os
import re
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from rich import box
from rich.console import Console
from rich.table import Table
from sqlalchemy import event

from controles import create_app
from controles.contas import totp
from controles.contas.accounts import create_user
from controles.contas.models import Papel
from controles.db import db
from controles.domain.clock import today
from controles.domain.escopo import Escopo
from controles.painel import queries
from controles.services.cache_service import service_of
from controles.settings.made_secrets import new_otp_secret, new_password

PAGE_GAIN = 20
# The login's, which is never read from the cache.
PAGE_STATEMENTS = 1
# In turn, so that whatever else the machine does falls on both alike.
ROUNDS, HITS_PER_ROUND = 7, 5

Query = Callable[..., object]
QUERIES: tuple[Query, ...] = (queries.get_dashboard_stats,)


@dataclass(frozen=True, slots=True)
class Measure:
    """Medians in ms, and how many statements one call sent to the database."""

    name: str
    cold_ms: float
    cold_sql: int
    hit_ms: float
    hit_sql: int

    @property
    def gain(self) -> float:
        return self.cold_ms / self.hit_ms


class Statements:
    """Counts what this thread sends to the database; the outbox's relay has work of its own there."""

    def __init__(self) -> None:
        self.count = 0
        self._thread = threading.get_ident()

    def __call__(self, *_: object) -> None:
        self.count += threading.get_ident() == self._thread


def prepare(data: Path, profile: str) -> None:
    """Tables and made-up data, by the commands that an operator uses."""
    for command in (["db-upgrade"], ["seed", "--profile", profile]):
        began = time.perf_counter()
        flask = [sys.executable, "-m", "flask", "--app", "controles", *command]
        subprocess.run(flask, env=os.environ | settings(data), check=True)
        print(f"flask --app controles {' '.join(command)}: {time.perf_counter() - began:.1f} s")


def settings(data: Path) -> dict[str, str]:
    """Everything in one folder, the cache's server embedded, and no limit on logins that a second run would meet."""
    return {
        "CONTROLES_ENV": "test",
        "CONTROLES_DATA": str(data),
        "LOG_DIR": str(data / "logs"),
        "DATABASE_URL": "",
        "REDIS_URL": "",
        "LOGIN_RATE": "1000 per minute",
    }


def measure(app: Flask, name: str, call: Callable[[], object], statements: Statements) -> Measure:
    """Time `call` with nothing cached, then on hits."""
    service = service_of(app)

    def timed(forget: bool) -> tuple[float, int]:
        if forget and not service.clear_all():
            raise SystemExit("The cache's server does not answer; nothing to measure.")
        before = statements.count
        gc.collect()
        began = time.perf_counter()
        call()
        return (time.perf_counter() - began) * 1000, statements.count - before

    # The first call of a process also reads the database's own catalogue.
    call()
    cold, hits = [], []
    for _ in range(ROUNDS):
        cold.append(timed(forget=True))
        hits += [timed(forget=False) for _ in range(HITS_PER_ROUND)]
    return Measure(
        name,
        statistics.median(ms for ms, _ in cold),
        max(sql for _, sql in cold),
        statistics.median(ms for ms, _ in hits),
        max(sql for _, sql in hits),
    )


@contextmanager
def logged_in(app: Flask) -> Iterator[FlaskClient]:
    """The browser of a reader made for this run, after both factors: a code is good once, so it has to be a new one."""
    email, password, secret = f"bench-{secrets.token_hex(4)}@example.org", new_password(), new_otp_secret()
    with app.app_context():
        create_user(
            db.session,
            email=email,
            nome="Bench",
            papel=Papel.LEITURA,
            nucleo_id=None,
            password=password,
            totp_secret=secret,
        )
        db.session.commit()
    with app.test_client() as client:

        def send(path: str, fields: dict[str, str]) -> None:
            page = client.get(path, follow_redirects=True)
            token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
            assert token is not None, page.text
            answer = client.post(page.request.path, data={**fields, "csrf_token": token.group(1)})
            assert answer.status_code == 302, answer.text

        send("/entrar", {"email": email, "senha": password})
        send("/segundo-fator", {"codigo": totp.code_at(secret, dt.datetime.now(dt.UTC))})
        assert client.get("/").status_code == 200
        yield client


def measure_all(app: Flask) -> list[Measure]:
    statements = Statements()
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", statements)
        hoje, everywhere = today(), Escopo(None)
        measures = [
            measure(app, query.__name__, lambda query=query: query(everywhere, hoje=hoje), statements)  # type: ignore[misc]
            for query in QUERIES
        ]
    # Outside of that context: each request makes its own, as on a server.
    with logged_in(app) as client:
        measures.append(measure(app, "the whole page (GET /)", lambda: client.get("/").data, statements))
    return measures


def show(measures: list[Measure]) -> None:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("")
    for title in ("cold ms", "SQL", "hit ms", "SQL", "times less"):
        table.add_column(title, justify="right")
    for row in measures:
        table.add_row(
            row.name,
            f"{row.cold_ms:,.1f}",
            str(row.cold_sql),
            f"{row.hit_ms:,.2f}",
            str(row.hit_sql),
            f"{row.gain:,.0f}",
        )
    Console(width=100).print(table)


def problems(measures: list[Measure]) -> list[str]:
    page = measures[-1]
    found = [
        f"{row.name}: a hit ran {row.hit_sql} statements"
        for row in measures
        if row.hit_sql > (PAGE_STATEMENTS if row is page else 0)
    ]
    if page.gain < PAGE_GAIN:
        found.append(f"the page takes {page.gain:.1f} times less on a hit; {PAGE_GAIN} are asked for")
    return found


def run(data: Path) -> int:
    app = create_app(settings(data))
    measures = measure_all(app)
    show(measures)
    failed = problems(measures)
    for problem in failed:
        print(f"NOT MET: {problem}", file=sys.stderr)
    return 1 if failed else 0


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--profile", default="medium", choices=("demo", "medium", "large"))
    arguments.add_argument("--data", type=Path, help="a folder to keep the database in, and to reuse it from")
    options = arguments.parse_args()
    if options.data is not None:
        data: Path = options.data.absolute()
        if not (data / "controles.db").exists():
            data.mkdir(parents=True, exist_ok=True)
            prepare(data, options.profile)
        return run(data)
    with tempfile.TemporaryDirectory(prefix="controles-bench-") as folder:
        prepare(Path(folder), options.profile)
        return run(Path(folder))


if __name__ == "__main__":
    sys.exit(main())
