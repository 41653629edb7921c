"""A process of one release: writes and reads at random, then compares what its cache holds with the database.

Run by `sqlalchemy/slices/test_releases.py`, with the database's URL, the store's, the name of a release and a seed.
Lines in: `work N` makes N steps; `fill` reads everything, and `check` compares it, at a time when nobody works. A line
out for each.
"""

import contextlib
import datetime as dt
import functools
import json
import random
import sys
from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from frescor import MISS, Cache
from frescor._protocol.commands import Read
from frescor.sqlalchemy import track

NUMBERS = range(1, 5)


class Base(orm.DeclarativeBase):
    pass


class Member(Base):
    __tablename__ = "member"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)


class Due(Base):
    __tablename__ = "due"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    member_id: orm.Mapped[int | None] = orm.mapped_column(sa.ForeignKey("member.id"))
    payer_id: orm.Mapped[int | None] = orm.mapped_column(sa.ForeignKey("member.id"))
    number: orm.Mapped[int] = orm.mapped_column(default=0)
    day: orm.Mapped[dt.date] = orm.mapped_column(default=dt.date(2025, 1, 31))
    # Of each write another one, so that a value is never again what it was.
    stamp: orm.Mapped[int] = orm.mapped_column(sa.BigInteger, default=0)


# What `track` is told by each release. The last one writes with the driver alone, and has triggers.
RELEASES: dict[str, dict[str, Any]] = {
    "members": {"slices": {"due": {"payer_id": [], "number": "range(2)"}}},
    "payers": {"slices": {"due": {"member_id": [], "payer_id": "value", "day": ["month", "day"]}}},
    "everything": {"slices": {"due": {"number": ["value", "range(3)"], "day": "month"}}},
    "none": {"slices": None},
}
TRIGGERED: dict[str, Any] = {"due": {"day": ["month", "day"], "number": ["range(2)", "range(3)"]}}
BY_HAND = "by hand"
DUES = Base.metadata.tables["due"]
D = DUES.c
MONTHS = {1: dt.date(2025, 1, 1), 2: dt.date(2025, 2, 1), 3: dt.date(2025, 3, 1)}


class Release:
    """One process at work."""

    def __init__(self, engine: sa.Engine, seed: int) -> None:
        self.engine = engine
        self.dice = random.Random(seed)
        self.seed = seed
        self.count = 0

    def work(self, steps: int, reads: Sequence[Callable[[], Any]]) -> None:
        """Steps at random; a database that is busy takes another turn."""
        for _ in range(steps):
            with contextlib.suppress(sa.exc.OperationalError, sa.exc.IntegrityError):
                if reads and self.dice.random() < 0.5:
                    self.dice.choice(reads)()
                else:
                    self.write()

    def stamp(self) -> int:
        self.count += 1
        return self.seed * 1_000_000 + self.count

    def values(self) -> dict[str, Any]:
        every = {
            "member_id": self.dice.choice([None, *NUMBERS]),
            "payer_id": self.dice.choice([None, *NUMBERS]),
            "number": self.dice.randint(0, 6),
            "day": dt.date(2025, 1, 30) + dt.timedelta(days=self.dice.randint(0, 31)),
        }
        chosen = {name: every[name] for name in self.dice.sample(sorted(every), self.dice.randint(0, 2))}
        return {**chosen, "stamp": self.stamp()}

    def write(self) -> None:
        row = self.dice.randint(1, 12)
        condition = self.dice.choice([D.id == row, D.id == row, D.member_id == self.dice.choice(NUMBERS)])
        match self.dice.randrange(6):
            case 0:
                # Its key says who wrote it, so that it meets no other.
                statement: Any = sa.insert(DUES).values(id=100 * self.seed + self.count, **self.values())
            case 1:
                statement = sa.delete(DUES).where(D.id > 12, condition)
            case 2:
                text = "UPDATE due SET stamp = :stamp, member_id = :member WHERE id = :id"
                values = {"stamp": self.stamp(), "member": self.dice.choice(NUMBERS), "id": row}
                statement = sa.text(text).bindparams(**values)
            case 3:
                with orm.Session(self.engine) as session:
                    due = session.get(Due, row)
                    for name, value in self.values().items() if due is not None else ():
                        setattr(due, name, value)
                    session.commit()
                return
            case _:
                statement = sa.update(DUES).where(condition).values(**self.values())
        with self.engine.begin() as connection:
            connection.execute(statement)


def queries() -> dict[str, sa.Select[Any]]:
    """What is read: of each slice and of everything."""
    sums = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(D.stamp), 0))
    found = {"all": sums}
    for number in NUMBERS:
        found[f"member {number}"] = sums.where(D.member_id == number)
        found[f"payer {number}"] = sums.where(D.payer_id == number)
        found[f"number {number}"] = sums.where(D.number == number)
        found[f"numbers {number}"] = sums.where(D.number.between(number, number + 1))
    for number, first in MONTHS.items():
        following = MONTHS.get(number + 1, dt.date(2025, 4, 1))
        found[f"month {number}"] = sums.where(D.day >= first, D.day < following)
    return found


def main(database: str, store: str, release: str, seed: str, mistake: str = "") -> None:
    engine = sa.create_engine(database, connect_args={"timeout": 30} if database.startswith("sqlite") else {})
    if mistake:
        forget_others()
    worker = Release(engine, int(seed))
    if release == BY_HAND:
        answer(lambda steps: worker.work(steps, []), dict, dict)
        return
    with Cache.from_url(store, "test", key_secret=b"a secret", local=False, timeout=5) as cache:
        tracking = track(engine, cache, **RELEASES[release])
        every = queries()

        @cache.cached(expire=300, key_prefix=f"sums-{release}", name=f"sums-{release}")
        def sums(name: str) -> tuple[int, int]:
            with engine.connect() as connection:
                count, total = connection.execute(every[name]).one()
                return count, int(total)

        def check() -> dict[str, Any]:
            held = {name: found for name in every if (found := sums.peek(name)) is not MISS}
            stale = {name: [value, sums.uncached(name)] for name, value in held.items()}
            wrong = {
                name: [*pair, evidence(cache, sums.key(name))] for name, pair in stale.items() if pair[0] != pair[1]
            }
            return {"held": len(held), "stale": wrong}

        def fill() -> dict[str, Any]:
            return {name: sums(name) for name in every}

        reads = [functools.partial(sums, name) for name in every]
        answer(lambda steps: worker.work(steps, reads), check, fill)
        tracking.close()


def evidence(cache: Cache, key: str) -> dict[str, Any]:
    """What the store holds under a key: since when the entry counts, and the stamps of its tags."""
    store = cache.store
    (data,) = store.perform(Read((key,), ())).entries
    if data is None:
        return {}
    entry = cache._engine.process.packing.unpack(key, data)
    return {"as_of": entry.as_of, "stamps": store.perform(Read((), entry.tags)).stamps}


def answer(work: Callable[[int], None], check: Callable[[], Any], fill: Callable[[], Any]) -> None:
    """Do what the lines say."""
    print("ready", flush=True)
    for line in sys.stdin:
        what, _, steps = line.strip().partition(" ")
        if what == "work":
            work(int(steps))
            print("done", flush=True)
        else:
            print(json.dumps(check() if what == "check" else fill()), flush=True)


def forget_others() -> None:
    """The mistake: this release believes that it knows every slice column that there is."""
    from frescor.sqlalchemy._transactions import touched, transaction

    def raised_tags(*given: Any) -> list[str]:
        return [tag for tag in touched.raised_tags(*given) if "#@!" not in tag]

    vars(transaction)["raised_tags"] = raised_tags


if __name__ == "__main__":
    main(*sys.argv[1:])
