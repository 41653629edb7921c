"""Of each tag that a commit raises it is said why: which column and bucket, or why slices are unknown."""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from frescor.sqlalchemy import Tracking
from frescor.sqlalchemy._slices.explained import Written, explained


class Base(orm.DeclarativeBase):
    pass


class Member(Base):
    __tablename__ = "member"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)


class Payment(Base):
    __tablename__ = "payment"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    member_id: orm.Mapped[int | None] = orm.mapped_column(sa.ForeignKey("member.id", ondelete="CASCADE"))
    number: orm.Mapped[int] = orm.mapped_column(default=0, info={"slice": "range(1000)"})
    paid_on: orm.Mapped[dt.date | None] = orm.mapped_column(info={"slice": ["day", "month"]})
    cents: orm.Mapped[int] = orm.mapped_column(default=0)
    seen: orm.Mapped[int] = orm.mapped_column(default=0, info={"quiet": True})


P = Base.metadata.tables["payment"]
ONE = P.c.id == 1


@pytest.fixture
def tracking(database_url: str, tracker: Callable[..., Tracking]) -> Iterator[Tracking]:
    engine = sa.create_engine(database_url)
    tracking = tracker(engine)
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(sa.insert(Member), [{"id": number} for number in (1, 2)])
        connection.execute(sa.insert(P), {"id": 1, "member_id": 1, "number": 5432, "paid_on": dt.date(2025, 3, 31)})
    yield tracking
    engine.dispose()


def written(tracking: Tracking, statement: Any, parameters: Any = None) -> Written:
    with tracking.engine.begin() as connection:
        connection.execute(statement, parameters)
    return tracking.last_write()


def test_known_slices_are_named_by_column_and_bucket(tracking: Tracking) -> None:
    found = written(tracking, sa.update(P).values(cents=1).where(ONE))
    said = set(found.reasons.values())
    assert {
        "the table was written to",
        "a row, by its primary key",
        "rows with one value of member_id",
        "rows in which number is from 5000 to 5999",
        "rows in which paid_on is 2025-03-31",
        "rows in which paid_on is in 2025-03",
        "rows of the columns that are not quiet with one value of member_id",
        "the table of the columns that are not quiet",
        "a row of the columns that are not quiet, by its primary key",
        "slices that are registered of other columns: this program does not know them",
    } <= said
    assert set(found.reasons) == set(found)
    assert "sql:payment: the table was written to" in str(found).splitlines()


def test_null_and_quiet_columns_are_named(tracking: Tracking) -> None:
    written(tracking, sa.insert(P), {"id": 2, "member_id": None, "paid_on": None})
    assert "rows in which paid_on is NULL" in tracking.last_write().reasons.values()
    said = set(written(tracking, sa.update(P).values(seen=1).where(ONE)).reasons.values())
    assert "rows of the quiet column seen in which paid_on is in 2025-03" in said
    assert not any("not quiet" in one for one in said)


BLIND: dict[str, tuple[Any, Any, str]] = {
    "default": (sa.insert(P).values(id=3, member_id=sa.func.abs(1)), None, "the database computes its value, or an"),
    "returning": (sa.update(P).values(cents=2).where(ONE).returning(P.c.id), None, "returns rows itself"),
    "no condition": (sa.update(P).values(cents=2), None, "the statement has no condition on a value"),
    "many": (
        sa.insert(P),
        [{"id": n, "member_id": 1, "number": n * 1000} for n in range(10, 100)],
        "a value has no certain form, or the slices are more than 64",
    ),
    "select": (
        sa.insert(P).from_select(
            ["id", "number", "cents", "seen"], sa.select(sa.literal(5), sa.literal(0), sa.literal(0), sa.literal(0))
        ),
        None,
        "its rows come from a SELECT, ON CONFLICT or another table",
    ),
    "cascade": (sa.delete(Member).where(Member.id == 2), None, "it is written to along with sql:member"),
}


@pytest.mark.parametrize("name", BLIND)
def test_unknown_slices_are_given_a_reason(tracking: Tracking, name: str) -> None:
    statement, parameters, reason = BLIND[name]
    found = written(tracking, statement, parameters)
    assert any(one.startswith("all slices") and reason in one for one in found.reasons.values()), str(found)
    assert reason in explained(found, dict(tracking._last_write[1]))


def test_two_statements_that_do_not_tell_the_same_are_named_so(tracking: Tracking) -> None:
    with tracking.engine.begin() as connection:
        connection.execute(sa.update(P).values(cents=1).where(ONE))
        connection.execute(
            sa.insert(P), [{"id": n, "number": n * 1000, "paid_on": dt.date(2025, 1, 1)} for n in range(10, 74)]
        )
    assert any("more than 64, or not every statement tells" in one for one in tracking.last_write().reasons.values())


def test_a_trigger_and_a_computed_column_are_reasons(tmp_path: Any, tracker: Callable[..., Tracking]) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'a.db'}")
    tracking = tracker(engine)
    Base.metadata.create_all(engine)
    written(tracking, sa.insert(P), {"id": 1})
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TRIGGER t AFTER UPDATE ON payment BEGIN UPDATE payment SET cents = 3; END")
    found = written(tracking, sa.update(P).values(cents=1).where(ONE))
    assert any("a trigger, a rule or a foreign key's action may change" in one for one in found.reasons.values())
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER t")
        connection.exec_driver_sql("ALTER TABLE payment ADD COLUMN twice GENERATED ALWAYS AS (cents * 2)")
    found = written(tracking, sa.update(P).values(cents=2).where(ONE))
    assert any("or a computed column, may change the row" in one for one in found.reasons.values())
    engine.dispose()
