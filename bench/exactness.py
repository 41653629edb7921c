"""Of the entries that commits end, how many had really changed: by tables and rows, with slices, with quiet columns.

A small shop on SQLite, its store in this process, and no times: the counts are the same on every machine. After each
commit every reading is looked at: one that is not answered from the cache any more was ended, and has changed if the
database gives another value. One that is answered must be what the database says. With --check it ends with an error
if a count is below its bound.
"""

import argparse
import datetime as dt
import logging
import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from rich.console import Console
from rich.table import Table
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from frescor import MISS, Cache
from frescor.sqlalchemy import track

MEMBERS, MONTHS = 30, 6


class Base(DeclarativeBase):
    pass


class Member(Base):
    __tablename__ = "member"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    seen: Mapped[int] = mapped_column(default=0)


class Due(Base):
    __tablename__ = "due"
    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("member.id"))
    month: Mapped[int]
    cents: Mapped[int]


class Payment(Base):
    __tablename__ = "payment"
    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("member.id"))
    paid_on: Mapped[dt.date]
    cents: Mapped[int]


@dataclass(frozen=True, slots=True)
class Setting:
    """What is told apart; least: the smallest part of the ended entries, in percent, that has to have changed."""

    name: str
    options: Mapping[str, Any]
    least: int


SETTINGS = (
    Setting("tables and rows", {"slices": None}, 0),
    Setting("foreign keys (the default)", {}, 0),
    Setting(
        "months and due's month as well", {"slices": {"payment": {"paid_on": "month"}, "due": {"month": "value"}}}, 0
    ),
    Setting(
        "and a quiet column",
        {
            "slices": {"payment": {"paid_on": "month"}, "due": {"month": "value"}},
            "quiet": {"member": ["seen"]},
        },
        90,
    ),
)


@dataclass(slots=True)
class Counts:
    commits: int = 0
    ended: int = 0
    changed: int = 0
    stale: int = 0

    @property
    def exactness(self) -> float:
        """In percent."""
        return 100 * self.changed / self.ended if self.ended else 100.0


class Shop:
    """Readings, as pages have them, and commits."""

    def __init__(self, engine: sa.Engine, cache: Cache, seed: int) -> None:
        self._engine = engine
        self._dice = random.Random(seed)
        members, months = range(1, MEMBERS + 1), range(MONTHS)
        self.readings: dict[tuple[str, int], Any] = {}
        for name, find, keys in (
            ("name", lambda n: sa.select(Member.name).where(Member.id == n), members),
            ("dues", lambda n: sa.select(Due.month, Due.cents).where(Due.member_id == n).order_by(Due.id), members),
            ("paid", lambda n: sa.select(sa.func.sum(Payment.cents)).where(Payment.member_id == n), members),
            ("due in a month", lambda m: sa.select(sa.func.sum(Due.cents)).where(Due.month == m), months),
            ("paid in a month", self._paid_in, months),
            ("names", lambda _: sa.select(Member.id, Member.name).order_by(Member.id), range(1)),
            ("last payments", lambda _: sa.select(Payment.id).order_by(Payment.id.desc()).limit(10), range(1)),
        ):
            self._add(cache, name, find, keys)

    @staticmethod
    def _paid_in(month: int) -> sa.Select[Any]:
        first, behind = dt.date(2025, month + 1, 1), dt.date(2025, month + 2, 1)
        return sa.select(sa.func.sum(Payment.cents)).where(Payment.paid_on >= first, Payment.paid_on < behind)

    def _add(self, cache: Cache, name: str, find: Callable[[int], Any], keys: range) -> None:
        def read(key: int) -> list[tuple[Any, ...]]:
            with Session(self._engine) as session:
                return [tuple(row) for row in session.execute(find(key))]

        cached = cache.cached(expire=3600, key_prefix=name.replace(" ", "-"), name=name, early=False)(read)
        self.readings.update({(name, key): cached for key in keys})

    def commit(self) -> None:
        """What a day brings: mostly visits and payments."""
        kind = self._dice.choices(["visit", "payment", "due", "rename"], [50, 35, 12, 3])[0]
        number, month = self._dice.randint(1, MEMBERS), self._dice.randrange(MONTHS)
        with Session(self._engine) as session, session.begin():
            if kind == "visit":
                session.get_one(Member, number).seen += 1
            elif kind == "payment":
                session.add(Payment(member_id=number, paid_on=dt.date(2025, month + 1, 15), cents=100))
            elif kind == "due":
                session.add(Due(member_id=number, month=month, cents=100))
            else:
                session.get_one(Member, number).name += "x"


def measure(setting: Setting, commits: int, seed: int) -> Counts:
    """Run the commits under one setting."""
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add_all(Member(id=number, name=f"member {number}") for number in range(1, MEMBERS + 1))
    counts = Counts()
    with Cache.from_url("memory://", "exactness", key_secret=b"a secret of sixteen") as cache:
        tracking = track(engine, cache, outbox=False, **setting.options)
        shop = Shop(engine, cache, seed)
        for _ in range(2):
            # The first load of a column's slices registers them.
            cache.clear_all()
            known = {(name, key): read(key) for (name, key), read in shop.readings.items()}
        for _ in range(commits):
            shop.commit()
            counts.commits += 1
            for (name, key), read in shop.readings.items():
                now, kept = read.uncached(key), read.peek(key)
                if kept is not MISS:
                    counts.stale += kept != now
                    continue
                counts.ended += 1
                counts.changed += now != known[name, key]
                known[name, key] = read(key)
        tracking.close()
    engine.dispose()
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="end with an error where a bound is not kept")
    parser.add_argument("--commits", type=int, default=150)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    table = Table("told apart", "commits", "entries ended", "of which changed", "exactness, %", "stale")
    broken = []
    for setting in SETTINGS:
        found = measure(setting, options.commits, options.seed)
        row = (found.commits, found.ended, found.changed, f"{found.exactness:.1f}", found.stale)
        table.add_row(setting.name, *map(str, row))
        if found.stale or found.exactness < setting.least:
            broken.append(setting.name)
    Console(width=120).print(table)
    if options.check and broken:
        sys.exit(f"not kept: {', '.join(broken)}")


if __name__ == "__main__":
    main()
