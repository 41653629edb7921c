"""What a mixed load costs with the cache and without it, in one run.

On a private PostgreSQL that writes to disk, by 2 workers of 8 threads. Nine operations in ten read one of twenty pages,
the tenth registers a payment through the pages, at a stated rate: each operation is due at a time of its own, and its
time counts from then on, so that a slow answer does not slow the asking down. "Without" computes everything in each
request; equal loads are not merged either.

Stale reads are looked for all the while: whoever registered a payment has it on the payer's page and in the list at
once, whichever worker answers; and when the load has ended, each page has to say what the application without a cache
says. Exactness: of the entries that were computed anew, how many had really changed.

With --gate the counts are held against bounds: statements, exactness, stale reads; no times.
"""

import argparse
import datetime as dt
import json
import random
import sys
from dataclasses import asdict
from pathlib import Path

from load_browser import Browser
from load_report import Result, exactness, result, show
from load_stack import Stack, database_cpu, forget_loads, loads, serving, stack
from load_traffic import Load, Visit, pages, pay, payers, texts, visit

from controles.contas.models import Papel
from controles.seed.profiles import PROFILES
from controles.settings.published import known_users

# What --gate allows.
# Less than a quiet machine shows: on a busy one the relay applies again what a process has just applied, and that ends
# entries for nothing.
LEAST_EXACTNESS = 0.75
LEAST_SAVED = {"statements_per_read": 0.85, "statements": 0.6}
MOST_FOR_A_WRITE = 23.0
MOST_AFTER_PAYMENT = {"/": 3, "/pagamentos": 4, "/cotas": 4}
# Where the highest rate is looked for: each is this much above the one before.
STEP = 1.5
LONGEST_P99 = 100.0


class Bench:
    """One stack, its users and pages, and what has been found out so far."""

    def __init__(self, found: Stack, options: argparse.Namespace) -> None:
        chance = random.Random(7)
        self._stack = found
        self._options = options
        self._targets = pages(found, dt.date.today(), chance)  # noqa: DTZ011 - the day in the address, not an instant
        self._people = payers(found, self._targets, chance)
        self._browsers: list[Browser] = []
        self._said: dict[str, str] = {}
        self.results: list[Result] = []
        self.cold: dict[str, list[Visit]] = {}
        self.cold_cpu_ms: dict[str, float] = {}
        self.after: list[Visit] = []
        self.highest: dict[str, float] = {}
        self.anew: dict[str, dict[str, int]] = {}
        self.stale: list[str] = []

    def run(self, *, cached: bool) -> None:
        """All that is measured of the application with the cache, or without."""
        name = "with the cache" if cached else "without"
        with serving(self._stack, cached=cached) as port:
            self._reach(port)
            if not cached:
                self._compare()
            self._visit_cold(name)
            if cached:
                forget_loads(self._stack.cache_url)
            load = Load(self._browsers, self._targets, self._people, seed=11)
            began = database_cpu(self._stack.postmaster)
            load.run(rate=self._options.rate, seconds=self._options.seconds)
            cpu = database_cpu(self._stack.postmaster) - began
            self.results.append(result(name, self._options.rate, load.samples, cpu))
            for problem in (load.samples.stale + load.samples.wrong)[:10]:
                print(problem, file=sys.stderr)
            if cached:
                self.anew = loads(self._stack.cache_url)
                self._visit_after_payment()
                self._said = texts(self._browsers[0], self._targets)
            if self._options.highest:
                self.highest[name] = self._highest_rate()
                if cached:
                    self._said = texts(self._browsers[0], self._targets)

    def _reach(self, port: int) -> None:
        for browser in self._browsers:
            browser.port = port
        if not self._browsers:
            users = [user for user in known_users() if user.papel == Papel.TESOURARIA and user.local is None]
            for user in users:
                browser = Browser(port)
                browser.log_in(user)
                self._browsers.append(browser)

    def _visit_cold(self, name: str) -> None:
        """Each page once with nothing cached; then the load meets a day's middle, not its first minute."""
        browser = self._browsers[0]
        # The first loads of a cache that knows nothing yet register what they depend on, and end once more for nothing.
        for path in self._targets:
            visit(browser, path)
        self._stack.forget()
        # What a worker's first request pays for, such as its connections, is no page's.
        for _ in range(8):
            browser.get("/conta")
        began = database_cpu(self._stack.postmaster)
        self.cold[name] = [visit(browser, path) for path in self._targets]
        self.cold_cpu_ms[name] = (database_cpu(self._stack.postmaster) - began) * 1000
        for browser in self._browsers:
            for path in self._targets:
                visit(browser, path)

    def _visit_after_payment(self) -> None:
        """Each page once more, after one payment of somebody whose page is not among them."""
        for _ in range(4):
            for path in self._targets:
                visit(self._browsers[0], path)
        # Nobody pays the newest payment of today again: the page of payments has changed for all.
        paid = pay(self._browsers[0], self._people[-1])
        if isinstance(paid, str):
            raise SystemExit(paid)
        self.after = [visit(self._browsers[0], path) for path in self._targets]

    def _compare(self) -> None:
        """Against the application that has no cache, on the database as the load with the cache has left it."""
        for path, text in texts(self._browsers[0], self._targets).items():
            if text != self._said[path]:
                self.stale.append(path)
                print(f"{path}: the cache said something else than the database", file=sys.stderr)

    def _highest_rate(self) -> float:
        """Operations a second up to which the reads' p99 stays at the bound."""
        found, rate = 0.0, self._options.rate / 4
        while rate < 1000:
            load = Load(self._browsers, self._targets, self._people, seed=13)
            load.run(rate=rate, seconds=max(15.0, 60 / rate))
            if result("", rate, load.samples, 0.0).read_p99 > LONGEST_P99:
                break
            found, rate = rate, rate * STEP
        return round(found, 1)

    @property
    def failures(self) -> list[str]:
        """What may not be, whatever the machine: stale reads, wrong answers."""
        found = [f"{one.name}: {one.stale} stale reads, {one.wrong} wrong answers" for one in self.results]
        found = [text for text, one in zip(found, self.results, strict=True) if one.stale or one.wrong]
        return found + [f"{path} differed from the database" for path in self.stale]

    def over_bounds(self) -> list[str]:
        """What --gate counts."""
        cached, without = self.results
        found = []
        exact = exactness(self.anew)
        if exact is None or exact < LEAST_EXACTNESS:
            found.append(f"exactness {exact}, at least {LEAST_EXACTNESS} is wanted")
        for name, least in LEAST_SAVED.items():
            saved = 1 - getattr(cached, name) / getattr(without, name)
            if saved < least:
                found.append(f"{name}: {saved:.0%} saved, at least {least:.0%} is wanted")
        if cached.statements_per_write > MOST_FOR_A_WRITE:
            found.append(f"a write runs {cached.statements_per_write:.1f} statements, {MOST_FOR_A_WRITE} are allowed")
        for one in self.after:
            most = MOST_AFTER_PAYMENT.get(one.path, 0 if one.path.startswith("/militantes") else None)
            if most is not None and one.statements > most:
                found.append(f"{one.path}: {one.statements} statements after one payment, {most} are allowed")
        return found

    def figures(self) -> dict[str, object]:
        """All of it, for a file."""
        return {
            "runs": [asdict(one) for one in self.results],
            "exactness": exactness(self.anew),
            "loads": self.anew,
            "cold": {name: [asdict(one) for one in visits] for name, visits in self.cold.items()},
            "cold_database_cpu_ms": self.cold_cpu_ms,
            "after_one_payment": [asdict(one) for one in self.after],
            "highest_rate": self.highest,
            "stale_pages": self.stale,
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--profile", default="medium", choices=tuple(PROFILES))
    parser.add_argument("--data", type=Path, help="keep the database in this folder, and use it again")
    parser.add_argument("--rate", type=float, default=8.0, help="operations a second")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each of the two runs takes")
    parser.add_argument("--highest", action="store_true", help="look for the highest rate with a p99 of 100 ms, too")
    parser.add_argument("--gate", action="store_true", help="fail if a count is over its bound")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--picture", type=Path, help="write the tables to this file, as SVG")
    options = parser.parse_args()
    with stack(options.profile, options.data) as found:
        bench = Bench(found, options)
        for cached in (True, False):
            bench.run(cached=cached)
    show(bench.results, bench.anew, bench.cold, bench.after, options.picture)
    for name, ms in bench.cold_cpu_ms.items():
        print(f"PostgreSQL's processor time for the twenty pages, nothing cached, {name}: {ms:,.0f} ms")
    for name, rate in bench.highest.items():
        print(f"highest rate with a p99 of {LONGEST_P99:.0f} ms, {name}: {rate:g} operations a second")
    if options.json:
        options.json.write_text(json.dumps(bench.figures(), indent=2))
    problems = bench.failures + (bench.over_bounds() if options.gate else [])
    for problem in problems:
        print(f"FAILED: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
