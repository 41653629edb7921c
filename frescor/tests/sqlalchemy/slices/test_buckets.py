"""Buckets of a column: months and days of dates and times, ranges of numbers."""

import datetime as dt
import itertools
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from frescor import Cache
from frescor._calls.loading import Loading, current_load
from frescor.errors import PolicyError
from frescor.sqlalchemy import Tracking
from frescor.sqlalchemy._slices import columns as columns_module
from frescor.sqlalchemy._slices.columns import SliceColumn, slice_columns
from frescor.testing.private_postgres import PrivatePostgres

TZ = [dt.timezone(dt.timedelta(hours=hours)) for hours in (-11, -3, 0, 14)]


class Base(orm.DeclarativeBase):
    pass


class Payment(Base):
    __tablename__ = "payment"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    day: orm.Mapped[dt.date | None] = orm.mapped_column(info={"slice": ["month", "day"]})
    at: orm.Mapped[dt.datetime | None] = orm.mapped_column(info={"slice": ("month", "day")})
    moment: orm.Mapped[dt.datetime | None] = orm.mapped_column(
        sa.DateTime(timezone=True), info={"slice": ["month", "day"]}
    )
    number: orm.Mapped[int | None] = orm.mapped_column(info={"slice": ["value", "range(3)"]})
    cents: orm.Mapped[int] = orm.mapped_column(default=0)


PAYMENTS = Base.metadata.tables["payment"]
c = PAYMENTS.c


@pytest.fixture
def tracking(database_url: str, tracker: Callable[..., Tracking]) -> Iterator[Tracking]:
    engine = sa.create_engine(database_url)
    if engine.dialect.name == "postgresql":
        # The zone of a session is no matter.
        sa.event.listen(engine, "connect", lambda driver, _: driver.execute("SET TIME ZONE 'America/Sao_Paulo'"))
    tracking = tracker(engine, slices={})
    Base.metadata.create_all(engine)
    yield tracking
    engine.dispose()


def at(*given: int, zone: dt.tzinfo | None = None) -> dt.datetime:
    return dt.datetime(*given, tzinfo=zone)  # type: ignore[arg-type, misc]


def times() -> list[dt.datetime]:
    """Times around the borders of days and months."""
    borders = [at(2024, 2, 29), at(2024, 3, 1), at(2025, 1, 1), at(2025, 1, 31), at(2025, 2, 1), at(2025, 2, 15, 12)]
    steps = (dt.timedelta(), dt.timedelta(microseconds=1), dt.timedelta(hours=3), dt.timedelta(hours=23))
    return sorted({border + sign * step for border in borders for step in steps for sign in (1, -1)})


def values(name: str) -> list[Any]:
    """What a column may hold, and what it may be compared with."""
    if name == "number":
        return [*range(-7, 8)]
    if name == "day":
        return sorted({time.date() for time in times()})
    return times() if name == "at" else [time.replace(tzinfo=zone) for time in times() for zone in TZ]


def tags_of(tracking: Tracking, statement: Any) -> set[str]:
    """What a load of this statement depends on, once its columns are registered."""
    for _ in range(2):
        with Loading(), tracking.engine.connect() as connection:
            connection.execute(statement).all()
            found = set(current_load().tags)
    return found


@pytest.mark.unwatched
@pytest.mark.parametrize("name", ["day", "at", "moment", "number"])
def test_each_row_between_two_values_is_in_one_of_the_buckets_that_are_read(tracking: Tracking, name: str) -> None:
    column = PAYMENTS.c[name]
    every = values(name)
    with tracking.engine.begin() as connection:
        connection.execute(sa.insert(PAYMENTS), [{"id": n, name: value} for n, value in enumerate(every)])
    # As the database gives them back.
    with tracking.engine.connect() as connection:
        rows = connection.execute(sa.select(column)).scalars().all()
    of_column = {one.id: one for one in tracking.slices.columns(PAYMENTS) if one.name == name and one.kind != "value"}
    dice = random.Random(7)
    sliced = 0
    ends = [*itertools.product(every, every)] if name == "number" else [dice.choices(every, k=2) for _ in range(250)]
    for low, high in ends:
        above, below = dice.choice([column > low, column >= low]), dice.choice([column < high, column <= high])
        condition = dice.choice([sa.and_(above, below), sa.and_(above, below), column.between(low, high)])
        with Loading(), tracking.engine.connect() as connection:
            found = connection.execute(sa.select(column).where(condition)).scalars().all()
            tags = set(current_load().tags)
        if "sql:payment" in tags:
            continue
        sliced += 1
        (blind,) = [tag for tag in tags if tag.removeprefix("sql:payment#@") in of_column]
        one = of_column[blind.removeprefix("sql:payment#@")]
        for value in found:
            assert value in rows
            group = one.group(value, tracking.tags.group)
            assert group is not None
            assert one.slice("sql:payment", group) in tags, (low, high, value, condition)
    assert sliced > len(ends) / 4


JANUARY = (dt.date(2025, 1, 1), dt.date(2025, 2, 1))


def month(year: int, number: int) -> str:
    return f"{year * 12 + number - 1:x}"


# The kind of the slices that are read, and which; None for the whole table.
READS: dict[str, tuple[Any, tuple[str, list[str]] | None]] = {
    "a month, its end left out": (sa.and_(JANUARY[0] <= c.day, JANUARY[1] > c.day), ("day:month", [month(2025, 1)])),
    "a month, both ends within": (c.day.between(JANUARY[0], dt.date(2025, 1, 31)), ("day:month", [month(2025, 1)])),
    "one day as both ends": (
        c.day.between(JANUARY[0], JANUARY[0]),
        ("day:day", [f"{JANUARY[0].toordinal() % 65536:x}"]),
    ),
    "turned round": (
        sa.and_(sa.literal(JANUARY[0]) <= c.day, sa.literal(JANUARY[1]) > c.day),
        ("day:month", [month(2025, 1)]),
    ),
    "behind the last day of a month": (
        sa.and_(dt.date(2024, 12, 31) < c.day, JANUARY[1] > c.day),
        ("day:month", [month(2025, 1)]),
    ),
    "two months": (
        sa.and_(JANUARY[0] <= c.day, JANUARY[1] >= c.day),
        ("day:month", [month(2025, 1), month(2025, 2)]),
    ),
    "a year": (
        c.day.between(dt.date(2025, 1, 1), dt.date(2025, 12, 31)),
        ("day:month", [month(2025, n) for n in range(1, 13)]),
    ),
    "six years": (c.day.between(dt.date(2020, 1, 1), dt.date(2025, 12, 31)), None),
    "no end": (JANUARY[0] <= c.day, None),
    "either": (sa.or_(JANUARY[1] > c.day, JANUARY[0] <= c.day), None),
    "not between": (~c.day.between(*JANUARY), None),
    "in whichever order": (
        c.day.between(*JANUARY, symmetric=True)
        if hasattr(sa, "never")
        else c.day.between(*JANUARY) | (JANUARY[0] > c.day),
        None,
    ),
    "the wrong way round": (sa.and_(JANUARY[1] <= c.day, JANUARY[0] > c.day), ("day:day", [])),
    "a month of times": (
        sa.and_(at(2025, 1, 1) <= c.at, at(2025, 2, 1) > c.at),
        ("at:month", [month(2025, 1)]),
    ),
    "times by dates": (sa.and_(JANUARY[0] <= c.at, JANUARY[1] > c.at), ("at:month", [month(2025, 1)])),
    "a list of days": (c.day.in_(JANUARY), ("day:day", [f"{day.toordinal() % 65536:x}" for day in JANUARY])),
    "a number": (c.number == 7, ("number", ["?"])),
    "numbers": (sa.and_(c.number >= 3, c.number < 6), ("number:range3", ["1"])),
    "numbers below nought": (c.number.between(-2, 2), ("number:range3", ["ffff", "0"])),
    "numbers by a fraction": (c.number.between(2.5, 4), None),
    "a number in the text": (sa.and_(sa.text("3") < c.number, c.number < 6), None),
}


@pytest.mark.parametrize("name", READS)
def test_a_closed_range_reads_its_buckets(tracking: Tracking, name: str) -> None:
    condition, expected = READS[name]
    tags = tags_of(tracking, sa.select(PAYMENTS.c.id).where(condition))
    found = {tag.removeprefix("sql:payment") for tag in tags if tag.startswith("sql:payment")}
    if expected is None:
        assert found == {""}
        return
    kind, groups = expected
    assert f"#@{kind}" in found
    slices = {tag.partition("=")[2] for tag in found if "=" in tag}
    assert slices == set(groups) or ("?" in groups and len(slices) == 1)


def test_moments_belong_to_months_in_utc(postgres_server: PrivatePostgres, tracker: Callable[..., Tracking]) -> None:
    engine = sa.create_engine(postgres_server.make_database())
    tracking = tracker(engine, slices={})
    Base.metadata.create_all(engine)
    here = dt.timezone(dt.timedelta(hours=-3))
    month_here = sa.and_(at(2025, 1, 1, zone=here) <= c.moment, at(2025, 2, 1, zone=here) > c.moment)
    tags = tags_of(tracking, sa.select(PAYMENTS.c.id).where(month_here))
    months = {tag.partition("=")[2] for tag in tags if "=" in tag}
    assert months == {month(2025, 1), month(2025, 2)}
    assert "sql:payment#@moment:monthutc" in tags
    # What a time without a zone means there, the session says.
    unzoned = sa.and_(at(2025, 1, 1) <= c.moment, at(2025, 2, 1) > c.moment)
    assert "sql:payment" in tags_of(tracking, sa.select(PAYMENTS.c.id).where(unzoned))
    zoned = sa.and_(at(2025, 1, 1, zone=here) <= c.at, at(2025, 2, 1, zone=here) > c.at)
    assert "sql:payment" in tags_of(tracking, sa.select(PAYMENTS.c.id).where(zoned))
    engine.dispose()


def last_buckets(tracking: Tracking, kind: str) -> set[str] | None:
    """Of the last write; None where they are not known."""
    blind, raised = f"sql:payment#@{kind}", tracking.last_write()
    (known,) = [tag.partition("#@!")[2].split(",") for tag in raised if "#@!" in tag]
    if blind in raised or kind not in known:
        return None
    return {tag.partition("=")[2] for tag in raised if tag.startswith(f"{blind}=")}


def test_a_row_that_goes_to_another_month_raises_both(tracking: Tracking) -> None:
    with orm.Session(tracking.engine) as session:
        payment = Payment(id=1, day=dt.date(2025, 1, 31), at=at(2025, 1, 31, 23), number=2)
        session.add(payment)
        session.commit()
        assert last_buckets(tracking, "day:month") == last_buckets(tracking, "at:month") == {month(2025, 1)}
        assert last_buckets(tracking, "number:range3") == {"0"}
        payment.cents = 1
        session.commit()
        assert last_buckets(tracking, "day:month") == last_buckets(tracking, "at:month") == {month(2025, 1)}
        session.execute(sa.update(Payment).where(Payment.day == dt.date(2025, 1, 31)).values(day=dt.date(2025, 2, 1)))
        session.commit()
        assert last_buckets(tracking, "day:month") == {month(2025, 1), month(2025, 2)}
        session.execute(sa.delete(Payment).where(Payment.id == 1))
        session.commit()
        assert last_buckets(tracking, "day:month") == {month(2025, 2)}


def test_a_time_that_is_not_written_in_the_columns_own_form_leaves_the_blind_tag(tracking: Tracking) -> None:
    odd = [sa.literal(dt.date(2025, 2, 1)), sa.cast(at(2025, 2, 1), sa.DateTime)]
    for number, value in enumerate(odd):
        with tracking.engine.begin() as connection:
            connection.execute(sa.insert(PAYMENTS).values(id=number, at=value, cents=0))
        assert last_buckets(tracking, "at:month") is None


def test_a_range_that_a_row_enters_or_leaves_is_read_anew(tracking: Tracking, tracked_cache: Cache) -> None:
    engine = tracking.engine
    loads: list[int] = []

    @tracked_cache.cached(expire=300, key_prefix="month", early=False)
    def cents(number: int) -> int:
        loads.append(number)
        first = dt.date(2025, number, 1)
        with engine.connect() as connection:
            found = sa.select(sa.func.coalesce(sa.func.sum(PAYMENTS.c.cents), 0))
            found = found.where(first <= c.day, dt.date(2025, number + 1, 1) > c.day)
            return int(connection.scalar(found) or 0)

    def numbers() -> list[int]:
        return [cents(number) for number in (1, 2, 3)]

    assert numbers() == numbers() == [0, 0, 0]
    moves: list[tuple[Any, list[int]]] = [
        (sa.insert(PAYMENTS).values(id=1, day=dt.date(2025, 1, 31), cents=5), [5, 0, 0]),
        (sa.update(PAYMENTS).where(PAYMENTS.c.id == 1).values(day=dt.date(2025, 2, 28)), [0, 5, 0]),
        (sa.update(PAYMENTS).where(c.day == dt.date(2025, 2, 28)).values(day=dt.date(2025, 3, 1)), [0, 0, 5]),
        (sa.text("UPDATE payment SET day = '2025-01-01'"), [5, 0, 0]),
        (sa.update(PAYMENTS).values(cents=6), [6, 0, 0]),
        (sa.update(PAYMENTS).where(PAYMENTS.c.id == 1).values(day=None), [0, 0, 0]),
    ]
    for write, expected in moves:
        with engine.begin() as connection:
            connection.execute(write)
        assert numbers() == expected
    loads.clear()
    with engine.begin() as connection:
        connection.execute(sa.insert(PAYMENTS).values(id=2, day=dt.date(2025, 3, 31), cents=7))
    assert numbers() == [0, 0, 7]
    assert loads == [3]


def test_a_date_that_another_program_wrote_in_its_own_form_leaves_the_blind_tag(
    tmp_path: Any, tracker: Callable[..., Tracking]
) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'a.db'}")
    tracking = tracker(engine, slices={})
    Base.metadata.create_all(engine)
    for number, form in enumerate(["2025-02-01", "2025-02-01T00:00:00", "20250201"]):
        with engine.begin() as connection:
            connection.exec_driver_sql("INSERT INTO payment (id, at, cents) VALUES (?, ?, 0)", (number, form))
        with engine.begin() as connection:
            connection.execute(sa.update(PAYMENTS).where(PAYMENTS.c.id == number).values(cents=1))
        assert last_buckets(tracking, "at:month") is None
    engine.dispose()


def test_a_date_that_python_does_not_have_leaves_the_blind_tag(
    postgres_server: PrivatePostgres, tracker: Callable[..., Tracking]
) -> None:
    engine = sa.create_engine(postgres_server.make_database())
    tracking = tracker(engine, slices={})
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(sa.insert(PAYMENTS), [{"id": n, "day": dt.date(2025, 1, n)} for n in (1, 2, 3)])
        connection.exec_driver_sql("UPDATE payment SET day = 'infinity' WHERE id = 2")
    paid = sa.update(PAYMENTS).values(cents=PAYMENTS.c.cents + 1)
    with engine.begin() as connection:
        assert connection.execute(paid.where(PAYMENTS.c.id.in_([1, 2]))).rowcount == 2
    assert last_buckets(tracking, "day:month") is None
    with engine.begin() as connection:
        several = paid.where(PAYMENTS.c.id == sa.bindparam("one"))
        assert connection.execute(several, [{"one": n} for n in (1, 2, 3)]).rowcount == 3
    assert last_buckets(tracking, "day:month") is None
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT cents FROM payment ORDER BY id")).scalars().all() == [2, 2, 1]
    engine.dispose()


def declared(**kinds: Any) -> tuple[SliceColumn, ...]:
    return slice_columns(PAYMENTS, sa.create_engine("sqlite://").dialect, kinds)


def test_a_column_has_slices_of_as_many_kinds_as_are_declared() -> None:
    ids = [one.id for one in declared(number=["range(3)", "value", "range(3)"], day="day", at=(), moment=[])]
    assert ids == ["day:day", "number", "number:range3"]


@pytest.mark.parametrize(
    ("kinds", "sentence"),
    [
        ({"number": "month"}, "cannot have slices of kind 'month'"),
        ({"day": "range(3)"}, "cannot have slices of kind 'range\\(3\\)'"),
        ({"day": "week"}, "of kind 'value', 'month', 'day' or 'range\\(1000\\)', or of several in a list; got 'week'"),
        ({"day": 7}, "got 7"),
        ({"day": ["day", None]}, "got None"),
        ({"number": "range(0)"}, "got 'range\\(0\\)'"),
    ],
)
def test_a_kind_that_a_column_cannot_have_is_refused_where_it_is_declared(kinds: Any, sentence: str) -> None:
    with pytest.raises(PolicyError, match=sentence):
        declared(**kinds)


# -- mistakes put back


_before = SliceColumn._before


@pytest.mark.unwatched
@pytest.mark.parametrize("name", ["day", "at", "number", "moment"])
def test_a_border_that_is_off_by_one_is_found(tracking: Tracking, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def one_less(self: SliceColumn, value: Any) -> Any:
        return _before(self, value) - (1 if type(value) is int else dt.timedelta(days=1))

    monkeypatch.setattr(SliceColumn, "_before", one_less)
    with pytest.raises(AssertionError):
        test_each_row_between_two_values_is_in_one_of_the_buckets_that_are_read(tracking, name)


@pytest.mark.unwatched
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_month_by_the_clock_of_whoever_asks_is_found(tracking: Tracking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns_module, "_NAIVE", columns_module._UTC)
    with pytest.raises(AssertionError):
        test_each_row_between_two_values_is_in_one_of_the_buckets_that_are_read(tracking, "moment")
