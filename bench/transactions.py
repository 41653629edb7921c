"""What Frescor adds to a transaction and to a load, beside the same without it, in one run.

PostgreSQL writes to disk at each commit, as servers do, and is asked over a unix socket, so that no network hides
anything. Calls are made in turn, one of each, so that the machine's moods meet all alike. Ratios within one run say
something; absolute times belong to the machine. With --check it ends with an error where a promise is not kept.
"""

import argparse
import gc
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa
from rich.console import Console
from rich.table import Table
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload

from frescor import Cache, Policy
from frescor.sqlalchemy import outbox_table, track
from frescor.testing import PrivateServer
from frescor.testing.private_postgres import PrivatePostgres

MEMBERS, PAYMENTS = 100, 5


class Base(DeclarativeBase):
    pass


outbox_table(Base.metadata)


class Member(Base):
    __tablename__ = "member"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    visits: Mapped[int] = mapped_column(default=0)
    payments: Mapped[list["Payment"]] = relationship()


class Payment(Base):
    __tablename__ = "payment"
    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("member.id"), index=True)
    cents: Mapped[int]


class Due(Base):
    """With three slice columns."""

    __tablename__ = "due"
    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("member.id"))
    payer_id: Mapped[int] = mapped_column(sa.ForeignKey("member.id"))
    month: Mapped[int] = mapped_column(info={"slice": "value"})
    cents: Mapped[int]


@dataclass(frozen=True, slots=True)
class Line:
    """One comparison: the median µs of a call with Frescor and without, their ratio, and the most it may be."""

    name: str
    ours: float
    plain: float
    most: float | None

    @property
    def ratio(self) -> float:
        return self.ours / self.plain

    @property
    def kept(self) -> bool:
        return self.most is None or self.ratio <= self.most


def in_turn(calls: int, *functions: Callable[[], object]) -> list[float]:
    """The median µs of a call of each function."""
    for function in functions:
        for _ in range(50):
            function()
    taken: list[list[float]] = [[] for _ in functions]
    gc.collect()
    gc.disable()
    for _ in range(calls):
        for times, function in zip(taken, functions, strict=True):
            began = time.perf_counter()
            function()
            times.append((time.perf_counter() - began) * 1e6)
    gc.enable()
    return [statistics.median(times) for times in taken]


def fill(engine: sa.Engine) -> None:
    """Members with payments."""
    Base.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add_all(
            Member(id=number, name=f"member {number}", payments=[Payment(cents=100) for _ in range(PAYMENTS)])
            for number in range(1, MEMBERS + 1)
        )
        session.flush()
        session.add_all(Due(id=-n, member_id=n, payer_id=n, month=n, cents=1) for n in range(1, 10))


def changing(engine: sa.Engine, number: int) -> Callable[[], None]:
    """A transaction as services write them: read a row, change it, commit."""

    def change() -> None:
        with Session(engine) as session, session.begin():
            member = session.get_one(Member, number)
            member.visits += 1

    return change


def inserting(engine: sa.Engine, number: int) -> Callable[[], None]:
    """The shortest transaction there is: one statement."""
    statement = sa.insert(Payment)

    def insert() -> None:
        with engine.begin() as connection:
            connection.execute(statement, {"member_id": number, "cents": 1})

    return insert


def changing_due(engine: sa.Engine, number: int) -> Callable[[], None]:
    """A row of a table with three slice columns is read and changed."""

    def change() -> None:
        with Session(engine) as session, session.begin():
            due = session.get_one(Due, number)
            due.cents += 1

    return change


def inserting_due(engine: sa.Engine, number: int) -> Callable[[], None]:
    """A row of a table with three slice columns is added."""

    def insert() -> None:
        with Session(engine) as session, session.begin():
            session.add(Due(member_id=number, payer_id=number, month=number, cents=1))

    return insert


def loading(cache: Cache, engine: sa.Engine, name: str, *, joined: bool) -> Callable[[], object]:
    """A load through the cache: it is stored each time, and never answered from there."""

    @cache.cached(Policy(name=name, expire=300, early=False), name=f"sums-{name}")
    def sums() -> list[tuple[str, int]]:
        with Session(engine) as session:
            if not joined:
                return [(member.name, member.visits) for member in session.scalars(sa.select(Member).limit(20))]
            members = session.scalars(sa.select(Member).options(selectinload(Member.payments)).order_by(Member.id))
            return [(member.name, sum(payment.cents for payment in member.payments)) for member in members]

    return sums.refresh


def compare(postgres: PrivatePostgres, server: PrivateServer, calls: int) -> list[Line]:
    """All comparisons."""
    url = postgres.make_database()
    plain, tracked = sa.create_engine(url), sa.create_engine(url)
    fill(plain)
    lines = []
    with Cache.from_url(server.url, "bench", timeout=5) as cache:
        tracking = track(tracked, cache, slices=None)
        for name, make, most in (
            ("read a row, change it, commit", changing, 1.25),
            ("insert one row, commit", inserting, None),
        ):
            without, ours = in_turn(calls, make(plain, 1), make(tracked, 2))
            lines.append(Line(name, ours, without, most))
        for name, joined in (("load 20 rows", False), (f"load {MEMBERS} rows with {PAYMENTS} others each", True)):
            without, ours = in_turn(
                calls,
                loading(cache, plain, f"plain{joined}", joined=joined),
                loading(cache, tracked, f"tracked{joined}", joined=joined),
            )
            lines.append(Line(name, ours, without, 1.10))
        tracking.close()
        # The same with slices, the columns registered as those that entries depend on.
        tracking = track(tracked, cache, slices={})
        tracking.slices.ready(
            tracking.tags.table((None, "due")),
            tuple(column.id for column in tracking.slices.columns(Base.metadata.tables["due"])),
        )
        for name, make, numbers, most in (
            ("change a row of three slices", changing_due, (-1, -2), 1.25),
            ("insert a row of three slices", inserting_due, (1, 2), None),
        ):
            without, ours = in_turn(calls, make(plain, numbers[0]), make(tracked, numbers[1]))
            lines.append(Line(name, ours, without, most))
        tracking.close()
    plain.dispose()
    tracked.dispose()
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="end with an error where a promise is not kept")
    parser.add_argument("--calls", type=int, default=2000, help="of each kind")
    options = parser.parse_args()
    with PrivatePostgres(durable=True) as postgres, PrivateServer() as server:
        lines = compare(postgres, server, options.calls)
    table = Table("", "with, µs", "without, µs", "ratio", "at most")
    for line in lines:
        most = "" if line.most is None else f"{line.most:g}"
        table.add_row(line.name, f"{line.ours:.0f}", f"{line.plain:.0f}", f"{line.ratio:.2f}", most)
    Console().print(table)
    broken = [line.name for line in lines if not line.kept]
    if options.check and broken:
        sys.exit(f"not kept: {', '.join(broken)}")


if __name__ == "__main__":
    main()
