"""What a mixed load costs with the cache and without it, in one run.

On a private PostgreSQL that writes to disk, by 2 workers of 8 threads. Nine operations in ten read one of twenty pages,
the tenth registers a payment through the pages, at a stated rate: each operation is due at a time of its own, and its
time counts from then on, so that a slow answer does not slow the asking down. "Without" computes everything in each
request; equal loads are not merged either.

Stale reads are looked for all the while: whoever registered a payment has it on the payer's page and in the list at
once, whichever worker answers. Exactness: of the entries that were computed anew, how many had really changed.
"""

import argparse
import concurrent.futures
import contextlib
import datetime as dt
import http.client
import itertools
import json
import os
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import psycopg
import redis
from rich import box
from rich.console import Console
from rich.table import Table

from controles.contas import totp
from controles.contas.models import Papel
from controles.seed.profiles import PROFILES
from controles.settings.published import KnownUser, known_users
from frescor.testing import PrivateServer
from frescor.testing.private_postgres import PrivatePostgres

HERE = Path(__file__).parent
CALLERS = 32
WRITES_IN = 10
WATCHED_PEOPLE = 8
MOST_PAYERS = 2000


# ---- A browser


class _Forms(HTMLParser):
    """The forms of a page: where each goes, and what its fields hold."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, list[tuple[str, str]], list[tuple[str, str]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((values.get("action", ""), [], []))
        elif self.forms and values.get("name"):
            _, fields, buttons = self.forms[-1]
            pair = (values["name"], values.get("value", ""))
            if tag == "button":
                buttons.append(pair)
            elif tag == "input" and (values.get("type") not in ("checkbox", "radio") or "checked" in values):
                fields.append(pair)
            elif tag in ("textarea", "select"):
                fields.append((values["name"], ""))


@dataclass
class Answer:
    path: str
    status: int
    text: str
    location: str
    statements: int


class Browser:
    """One logged-in user's cookies; each thread has a connection of its own."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._cookies: dict[str, str] = {}
        self._lines = threading.local()

    def ask(self, method: str, path: str, fields: Sequence[tuple[str, str]] = ()) -> Answer:
        """One request; asked again on a new line if the server had closed the old one meanwhile."""
        body = urllib.parse.urlencode(fields) if fields else None
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        if body is not None:
            headers |= {"Content-Type": "application/x-www-form-urlencoded"}
        for last in (False, True):
            line = getattr(self._lines, "line", None)
            if line is None or line.port != self.port:
                line = self._lines.line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
            try:
                line.request(method, path, body, headers)
                found = line.getresponse()
                text = found.read().decode()
                break
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                line.close()
                if last:
                    raise
        for cookie in found.headers.get_all("Set-Cookie") or ():
            name, _, rest = cookie.partition("=")
            self._cookies[name] = rest.partition(";")[0]
        return Answer(
            path, found.status, text, found.headers.get("Location", ""), int(found.headers.get("X-Statements") or 0)
        )

    def submit(self, page: Answer, *, action: str, button: str | None = None, typed: dict[str, str]) -> Answer:
        """The form of a page that goes to `action`, with what was typed into its empty fields."""
        parser = _Forms()
        parser.feed(page.text)
        for written, fields, buttons in parser.forms:
            where = written or page.path
            if where.startswith(action) and (button is None or any(value == button for _, value in buttons)):
                sent = [(name, value or typed.get(name, "")) for name, value in fields]
                if button is not None:
                    sent += [pair for pair in buttons if pair[1] == button][:1]
                return self.ask("POST", where, sent)
        raise SystemExit(f"No form goes to {action} (button {button}); the pages have changed:\n{page.text[:2000]}")

    def log_in(self, user: KnownUser) -> None:
        page = self.ask("GET", "/entrar")
        answer = self.submit(page, action="/entrar", typed={"email": user.email, "senha": user.password})
        page = self.ask("GET", answer.location)
        code = totp.code_at(user.totp_secret, dt.datetime.now(dt.UTC))
        answer = self.submit(page, action="/segundo-fator", typed={"codigo": code})
        if self.ask("GET", "/").status != 200:
            raise SystemExit(f"{user.email} could not log in: {answer.status} {answer.text[:500]}")


# ---- The application


@dataclass
class Stack:
    """What a run needs, started: PostgreSQL with its data, a cache server, and where both keep their files."""

    folder: Path
    database: str
    postmaster: int
    cache_url: str

    def environment(self, port: int, *, cached: bool) -> dict[str, str]:
        return os.environ | {
            "CONTROLES_ENV": "development",
            "CONTROLES_DATA": str(self.folder),
            "LOG_DIR": str(self.folder / "logs"),
            "DATABASE_URL": self.database,
            "REDIS_URL": self.cache_url,
            "RATE_LIMIT_URL": "memory://",
            "LOGIN_RATE": "1000 per minute",
            "PORT": str(port),
            "WEB_CONCURRENCY": "2",
            "GUNICORN_THREADS": "8",
            "BENCH_CACHE": "on" if cached else "off",
            "BENCH_LOADS": beside(self.cache_url) if cached else "",
        }

    def flask(self, *command: str) -> None:
        began = time.perf_counter()
        environment = self.environment(0, cached=True) | {"BENCH_LOADS": ""}
        subprocess.run(
            [sys.executable, "-m", "flask", "--app", "controles", *command],
            env=environment | {"PORT": "5000"},
            check=True,
            stdout=subprocess.DEVNULL if command == ("seed-users",) else None,
        )
        print(f"flask --app controles {' '.join(command)}: {time.perf_counter() - began:.1f} s")


def beside(url: str) -> str:
    """Where the runs of cached functions are noted: on the cache's server, in a database of their own."""
    return url.replace("db=0", "db=1")


@contextlib.contextmanager
def stack(profile: str) -> Iterator[Stack]:
    with (
        tempfile.TemporaryDirectory(prefix="controles-load-") as folder,
        PrivatePostgres(durable=True) as postgres,
        PrivateServer() as server,
    ):
        url = postgres.make_database()
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            row = connection.execute("SELECT pg_backend_pid()").fetchone()
            assert row is not None
            postmaster = int(_stat(row[0])[1])
        found = Stack(Path(folder), url, postmaster, server.url)
        found.flask("db-upgrade")
        found.flask("seed", "--profile", profile)
        found.flask("seed-users")
        yield found


@contextlib.contextmanager
def serving(stack: Stack, *, cached: bool) -> Iterator[int]:
    """The application by its own workers; the port that it listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    log = (stack.folder / f"server-{'with' if cached else 'without'}.txt").open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", f"{HERE / 'load_server.py'}:create_app", "serve"],
        env=stack.environment(port, cached=cached),
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"The application did not start:\n{Path(log.name).read_text()}")
            time.sleep(0.1)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        log.close()


def _stat(pid: int | str) -> list[str]:
    # The command, in brackets, may hold anything.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def database_cpu(postmaster: int) -> float:
    """Seconds of processor time that the server and all its processes have taken, those that ended included."""
    ticks = sum(map(int, _stat(postmaster)[11:15]))
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = _stat(entry.name)
                if int(fields[1]) == postmaster:
                    ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


# ---- The load


@dataclass
class Samples:
    """What happened, one row for each request."""

    reads: list[tuple[float, int]] = field(default_factory=list)
    writes: list[tuple[float, int]] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def pages(stack: Stack, hoje: dt.date, chance: random.Random) -> list[str]:
    """Twenty pages as a treasurer opens them: the panel, lists by filter, people, a payment."""
    with psycopg.connect(stack.database.replace("+psycopg", "")) as connection:

        def ids(query: str) -> list[int]:
            return [int(row[0]) for row in connection.execute(query)]

        people = ids("SELECT id FROM militante WHERE situacao = 'ativo' ORDER BY id LIMIT 2000")
        payments = ids("SELECT id FROM pagamento ORDER BY data_credito DESC, id DESC LIMIT 200")
        nucleos = ids("SELECT nucleo_id FROM militante WHERE nucleo_id > 0 GROUP BY 1 ORDER BY count(*) DESC LIMIT 1")
    month = hoje.replace(day=1)
    before = (month - dt.timedelta(days=1)).replace(day=1)
    return [
        "/",
        "/militantes",
        "/militantes?situacao=ativo",
        f"/militantes?nucleo_id={nucleos[0]}",
        "/cotas",
        "/cotas?estado=aberta",
        f"/cotas?competencia={before}",
        f"/cotas?competencia={month}&estado=quitada",
        "/pagamentos",
        "/pagamentos?metodo=pix",
        f"/pagamentos?de={month}&ate={hoje}",
        f"/pagamentos/{chance.choice(payments)}",
        *(f"/militantes/{person}" for person in chance.sample(people, WATCHED_PEOPLE)),
    ]


class Load:
    """Operations of one run against one server."""

    def __init__(self, browsers: list[Browser], targets: list[str], people: list[int], seed: int) -> None:
        self.samples = Samples()
        self._browsers = itertools.cycle(browsers)
        self._targets = targets
        self._people = people
        self._chance = random.Random(seed)
        self._paid: dict[int, int] = {}

    def run(self, *, rate: float, seconds: float) -> None:
        """`rate` operations a second, each due at its time, whatever the others do."""
        total = int(rate * seconds)
        began = time.perf_counter() + 0.5
        with concurrent.futures.ThreadPoolExecutor(CALLERS) as callers:
            waiting = []
            for number in range(total):
                due = began + number / rate
                time.sleep(max(0.0, due - time.perf_counter()))
                browser = next(self._browsers)
                if number % WRITES_IN == WRITES_IN - 1:
                    waiting.append(callers.submit(self._pay, browser, self._chance.choice(self._people), due))
                else:
                    waiting.append(callers.submit(self._read, browser, self._chance.choice(self._targets), due))
            for done in waiting:
                done.result()

    def _read(self, browser: Browser, path: str, due: float) -> None:
        answer = browser.ask("GET", path)
        self.samples.reads.append((time.perf_counter() - due, answer.statements))
        if answer.status != 200:
            self.samples.wrong.append(f"GET {path}: {answer.status}")

    def _pay(self, browser: Browser, person: int, due: float) -> None:
        form = browser.ask("GET", f"/pagamentos/novo?militante_id={person}")
        preview = browser.submit(form, action="/pagamentos/novo", button="conferir", typed={"valor": "10,00"})
        if preview.location:
            preview = browser.ask("GET", preview.location)
        # The time of a write is that of saving, from the click on.
        clicked = max(due, time.perf_counter())
        saved = browser.submit(preview, action="/pagamentos/novo", button="salvar", typed={})
        took = time.perf_counter() - clicked
        found = re.search(r"/pagamentos/(\d+)", saved.location)
        if found is None:
            self.samples.wrong.append(f"a payment of {person}: {saved.status} {saved.location}")
            return
        self.samples.writes.append((took, form.statements + preview.statements + saved.statements))
        self._look(next(self._browsers), person, found[0])

    def _look(self, other: Browser, person: int, payment: str) -> None:
        """Another user opens the payer's page and the list: the payment that was saved is there."""
        for path in (f"/militantes/{person}", "/pagamentos"):
            if f'{payment}"' not in other.ask("GET", path).text:
                self.samples.stale.append(f"{path} without {payment}")


# ---- What came of it


@dataclass(frozen=True)
class Result:
    """One run's figures; times in ms."""

    name: str
    rate: float
    requests: int
    read_p50: float
    read_p90: float
    read_p99: float
    write_p50: float
    write_p99: float
    statements_per_read: float
    statements_per_write: float
    reads_without_sql: float
    database_cpu_ms: float
    stale: int
    wrong: int


def quantile(values: Sequence[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0


def result(name: str, rate: float, samples: Samples, cpu: float) -> Result:
    reads, writes = [ms * 1000 for ms, _ in samples.reads], [ms * 1000 for ms, _ in samples.writes]
    operations = len(reads) + len(writes)
    return Result(
        name=name,
        rate=rate,
        requests=operations,
        read_p50=quantile(reads, 0.5),
        read_p90=quantile(reads, 0.9),
        read_p99=quantile(reads, 0.99),
        write_p50=quantile(writes, 0.5),
        write_p99=quantile(writes, 0.99),
        statements_per_read=statistics.fmean(sql for _, sql in samples.reads),
        statements_per_write=statistics.fmean(sql for _, sql in samples.writes) if writes else 0.0,
        reads_without_sql=sum(sql == 0 for _, sql in samples.reads) / len(samples.reads),
        database_cpu_ms=cpu * 1000 / max(1, operations),
        stale=len(samples.stale),
        wrong=len(samples.wrong),
    )


def loads(url: str) -> dict[str, dict[str, int]]:
    """By policy: how many loads were of a call seen for the first time, came to the same value, or to another."""
    store = redis.Redis.from_url(beside(url), decode_responses=True)
    return {
        str(key).removeprefix("loads:"): {str(name): int(count) for name, count in store.hgetall(key).items()}
        for key in sorted(store.scan_iter("loads:*"))
    }


def forget_loads(url: str) -> None:
    store = redis.Redis.from_url(beside(url))
    for key in store.scan_iter("loads:*"):
        store.delete(key)


def show(results: list[Result], anew: dict[str, dict[str, int]], picture: Path | None) -> None:
    console = Console(width=110, record=picture is not None)
    table = Table(title="A mixed load: 90 % reads, 10 % registered payments", box=box.SIMPLE_HEAD)
    table.add_column("")
    for found in results:
        table.add_column(found.name, justify="right")
    rows = {
        "operations a second": "rate",
        "read p50, ms": "read_p50",
        "read p90, ms": "read_p90",
        "read p99, ms": "read_p99",
        "write p50, ms": "write_p50",
        "write p99, ms": "write_p99",
        "statements for each read": "statements_per_read",
        "statements for each write": "statements_per_write",
        "reads without a statement": "reads_without_sql",
        "PostgreSQL's processor time for each operation, ms": "database_cpu_ms",
        "stale reads": "stale",
        "answers that were wrong": "wrong",
    }
    for label, name in rows.items():
        table.add_row(label, *(f"{getattr(found, name):,.2f}".rstrip("0").rstrip(".") for found in results))
    console.print(table)
    table = Table(title="Computed anew, by policy", box=box.SIMPLE_HEAD)
    for title in ("", "first time", "had changed", "was the same", "exactness"):
        table.add_column(title, justify="right" if title else "left")
    total = {"first": 0, "changed": 0, "same": 0}
    for policy, counts in anew.items():
        for name in total:
            total[name] += counts.get(name, 0)
        table.add_row(policy, *_row(counts))
    table.add_row("all", *_row(total))
    console.print(table)
    if picture is not None:
        console.save_svg(str(picture), title="Controles under load")


def _row(counts: dict[str, int]) -> tuple[str, str, str, str]:
    changed, same = counts.get("changed", 0), counts.get("same", 0)
    exact = f"{changed / (changed + same):.0%}" if changed + same else "—"
    return str(counts.get("first", 0)), str(changed), str(same), exact


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="medium", choices=tuple(PROFILES))
    parser.add_argument("--rate", type=float, default=8.0, help="operations a second")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each of the two runs takes")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--picture", type=Path, help="write the tables to this file, as SVG")
    options = parser.parse_args()
    chance = random.Random(7)
    users = [user for user in known_users() if user.papel == Papel.TESOURARIA and user.local is None]
    results, anew = [], {}
    with stack(options.profile) as found:
        targets = pages(found, dt.date.today(), chance)  # noqa: DTZ011 - the day in the address, not an instant
        with psycopg.connect(found.database.replace("+psycopg", "")) as connection:
            active = [int(row[0]) for row in connection.execute("SELECT id FROM militante WHERE situacao = 'ativo'")]
        people = chance.sample(active, min(len(active), MOST_PAYERS))
        browsers: list[Browser] = []
        for cached in (True, False):
            with serving(found, cached=cached) as port:
                for browser in browsers:
                    browser.port = port
                if not browsers:
                    browsers = [Browser(port) for _ in users]
                    for browser, user in zip(browsers, users, strict=True):
                        browser.log_in(user)
                # Each page once: what is measured is a day's middle, not its first minute.
                for path in targets:
                    answer = browsers[0].ask("GET", path)
                    if answer.status != 200:
                        raise SystemExit(f"GET {path} answered {answer.status}; the pages have changed.")
                if cached:
                    forget_loads(found.cache_url)
                load = Load(browsers, targets, people, seed=11)
                began = database_cpu(found.postmaster)
                load.run(rate=options.rate, seconds=options.seconds)
                cpu = database_cpu(found.postmaster) - began
                results.append(result("with the cache" if cached else "without", options.rate, load.samples, cpu))
                if cached:
                    anew = loads(found.cache_url)
                for problem in (load.samples.stale + load.samples.wrong)[:10]:
                    print(problem, file=sys.stderr)
    show(results, anew, options.picture)
    if options.json:
        options.json.write_text(json.dumps({"runs": [asdict(one) for one in results], "loads": anew}, indent=2))
    return 1 if any(one.stale or one.wrong for one in results) else 0


if __name__ == "__main__":
    sys.exit(main())
