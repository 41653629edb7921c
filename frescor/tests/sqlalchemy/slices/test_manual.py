"""What the manual says of how to write a query: each example of its table is run through `cache.explain`."""

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from frescor import Cache
from frescor.sqlalchemy import track

MANUAL = Path(__file__).parents[3] / "docs" / "slices.md"


class Base(orm.DeclarativeBase):
    pass


class Member(Base):
    __tablename__ = "member"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(default="")
    dues: orm.Mapped[list["Due"]] = orm.relationship(back_populates="member")


class Due(Base):
    __tablename__ = "due"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    member_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("member.id"), info={"slice": ["value", "range(1000)"]})
    paid_on: orm.Mapped[dt.date | None] = orm.mapped_column(info={"slice": "month"})
    cents: orm.Mapped[int] = orm.mapped_column(default=0)
    member: orm.Mapped[Member] = orm.relationship(back_populates="dues")


M, D = Base.metadata.tables["member"], Base.metadata.tables["due"]
FIRST, NEXT = dt.date(2025, 1, 1), dt.date(2025, 2, 1)
SUM = sa.select(sa.func.sum(D.c.cents))
JOINED = sa.select(D.c.cents).select_from(D.join(M, M.c.id == D.c.member_id))
OUTER = M.outerjoin(D, sa.and_(D.c.member_id == M.c.id, D.c.member_id == 7))
HAS = sa.exists().where(D.c.member_id == M.c.id)
ONE = sa.select(Due).where(Due.id == 1)
OF_SEVEN = sa.select(Member).where(Member.id == 7)


def text(sql: str, **values: Any) -> Any:
    return sa.text(sql).bindparams(**values)


# By the first column of the manual's table: what reads no whole table of dues, and what does.
EXAMPLES: dict[str, tuple[list[Any], list[Any]]] = {
    "`paid_on >= :first AND paid_on < :next`, or `BETWEEN`": (
        [SUM.where(D.c.paid_on >= FIRST, D.c.paid_on < NEXT), SUM.where(D.c.paid_on.between(FIRST, NEXT))],
        [SUM.where(D.c.paid_on >= FIRST), SUM.where(sa.extract("month", D.c.paid_on) == 1)],
    ),
    "`member_id = :x`, `IN (…)` with at most as many values as one load may name": (
        [SUM.where(D.c.member_id == 7), SUM.where(D.c.member_id.in_(range(1, 60)))],
        [
            SUM.where(D.c.member_id != 7),
            SUM.where(D.c.member_id > 7),
            SUM.where(sa.or_(D.c.member_id == 7, D.c.paid_on == FIRST)),
            SUM.where(D.c.member_id.in_(range(1, 1_000_000, 10_000))),
        ],
    ),
    "`JOIN member ON member.id = due.member_id WHERE member.id = :x`": (
        [JOINED.where(M.c.id == 7)],
        [JOINED.where(M.c.name == "ana")],
    ),
    "`EXISTS (… WHERE due.member_id = member.id)` with `member.id = :x` outside": (
        [sa.select(M.c.name).where(M.c.id == 7, HAS)],
        [sa.select(M.c.name).where(HAS)],
    ),
    "a condition of an outer join on its inner side": (
        [sa.select(sa.func.count(D.c.id)).select_from(OUTER)],
        [sa.select(sa.func.count(D.c.id)).select_from(D.outerjoin(M, D.c.member_id == 7))],
    ),
    "text with plain comparisons, as in the column on the left": (
        [
            text("SELECT sum(cents) FROM due WHERE member_id = :x", x=7),
            text("SELECT sum(cents) FROM due WHERE paid_on BETWEEN :a AND :b", a=FIRST, b=NEXT),
        ],
        [
            text("SELECT sum(cents) FROM due WHERE abs(member_id) = :x", x=7),
            text("SELECT sum(cents) FROM due WHERE member_id = CAST(:x AS integer)", x=7),
            text("SELECT sum(cents) FROM due WHERE member_id = :x OR cents = 1", x=7),
        ],
    ),
    "`selectinload` or a lazy load of a reference (`Due.member`)": (
        [ONE.options(orm.selectinload(Due.member)), ONE],
        [ONE.options(orm.joinedload(Due.member))],
    ),
    "a collection of an object that is bound (`Member.dues` of `Member.id == 7`), loaded in any way": (
        [
            OF_SEVEN,
            OF_SEVEN.options(orm.selectinload(Member.dues)),
            OF_SEVEN.options(orm.joinedload(Member.dues)),
            OF_SEVEN.options(orm.subqueryload(Member.dues)),
        ],
        [sa.select(Member).options(orm.joinedload(Member.dues))],
    ),
    "a sum of pieces, each a cached function of a month or a thousand members": (
        [SUM.where(D.c.member_id >= 0, D.c.member_id < 1000), SUM.where(D.c.paid_on >= FIRST, D.c.paid_on < NEXT)],
        [SUM],
    ),
}


@pytest.fixture
def engine() -> Iterator[sa.Engine]:
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    Base.metadata.create_all(engine)
    with orm.Session(engine) as session, session.begin():
        session.add(Member(id=7, dues=[Due(id=1, paid_on=FIRST)]))
    yield engine
    engine.dispose()


def test_the_table_of_the_manual_has_these_examples() -> None:
    section = MANUAL.read_text(encoding="utf-8").partition("## How to write the query")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \| .+ \|$", section, re.MULTILINE)
    assert [row for row in rows if row != "write"] == [*EXAMPLES]


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_first_column_stays_cached_and_the_second_reads_the_table(engine: sa.Engine, name: str) -> None:
    # Of a reference, the table that it leads to.
    table = "sql:member: the whole table" if "reference" in name else "sql:due: the whole table"
    with Cache.from_url("memory://", "test") as cache:
        tracking = track(engine, cache, outbox=False)

        def whole(statement: Any) -> bool:
            def read() -> None:
                with orm.Session(engine) as session:
                    for row in session.execute(statement).unique().all():
                        # Loads what is not loaded yet.
                        _ = getattr(row[0], "member", None), [*(getattr(row[0], "dues", None) or ())]

            cache.explain(read)
            return table in str(cache.explain(read))

        # Text means the tables of the models that have been written here: other tests' models have the same names.
        with engine.begin() as connection:
            connection.execute(sa.update(D).values(cents=1))
        exact, coarse = EXAMPLES[name]
        assert [whole(one) for one in exact] == [False] * len(exact)
        assert [whole(one) for one in coarse] == [True] * len(coarse)
        tracking.close()
