"""A declaration of slices that cannot be right is refused with a sentence that says what to do."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from frescor import Cache
from frescor.errors import PolicyError
from frescor.sqlalchemy import Tracking, track

metadata = sa.MetaData()
PAYMENTS = sa.Table(
    "payment",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("Paid On", sa.Date),
    sa.Column("n", sa.Integer),
)
SHOWN = sa.select(sa.func.count()).select_from(PAYMENTS)


def counted(engine: sa.Engine, cache: Cache, statement: Any = SHOWN) -> Callable[[], int]:
    @cache.cached(expire=300, key_prefix="counted")
    def count() -> int:
        with engine.connect() as connection:
            return int(connection.scalar(statement) or 0)

    return count


@pytest.mark.parametrize(
    ("slices", "sentence"),
    [
        ({"payment": "month"}, "`slices=` takes tables and columns by their names"),
        ({"": {}}, "`slices=` takes tables and columns by their names"),
        ({PAYMENTS: {"n": "value"}}, "`slices=` takes tables and columns by their names"),
        (["payment"], "`slices=` takes tables"),
        ({"payment": {"n": "week"}}, "the slices of payment.n are of kind .* got 'week'"),
        ({"payment": {"n": ["value", "range"]}}, "got 'range'"),
        ({"payment": {"n": None}}, "got None"),
        ({"payment": {7: "value"}}, "got {'payment': {7: 'value'}}"),
        ({"payment": {"n": "value", "N": "range(3)"}}, "the column payment.N twice"),
        ({"payment": {"n": "value"}, "PAYMENT": {"n": "value"}}, "the table 'PAYMENT' twice"),
    ],
)
def test_what_is_wrong_by_itself_is_refused_by_track(slices: Any, sentence: str) -> None:
    engine = sa.create_engine("sqlite://")
    with Cache.from_url("memory://", "test") as cache:
        with pytest.raises(PolicyError, match=sentence):
            track(engine, cache, outbox=False, slices=slices)
        # The engine is still to be had.
        track(engine, cache, outbox=False, slices={}).close()


def test_slices_are_refused_on_a_database_that_has_none() -> None:
    engine = sa.create_engine("mysql+pymysql://", module=_Driver)
    with Cache.from_url("memory://", "test") as cache, pytest.raises(PolicyError, match="not on mysql: leave out"):
        track(engine, cache, outbox=False, slices={"payment": {"n": "value"}})


class _Driver:
    """As much of a driver as an engine asks for that never connects."""

    paramstyle = "format"


@pytest.mark.parametrize("name", ["paymants", "public_.payment", "shown", "nowhere.shown"])
def test_a_table_that_does_not_exist_is_refused_by_the_first_load(
    database_url: str, tracker: Callable[..., Tracking], tracked_cache: Cache, name: str
) -> None:
    engine = sa.create_engine(database_url)
    tracker(engine, slices={name: {"n": "value"}})
    # What creates and fills the tables may run before they are all there.
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE VIEW shown AS SELECT 1 AS n")
        connection.execute(sa.insert(PAYMENTS), {"id": 1, "n": 1})
    sentence = "a view: name the tables behind it" if name == "shown" else f"'{name}', which does not exist"
    for statement in (SHOWN, sa.text("SELECT count(*) FROM payment")):
        with pytest.raises(PolicyError, match=sentence) as refused:
            counted(engine, tracked_cache, statement)()
    assert name == "shown" or "There are: payment" in str(refused.value)
    engine.dispose()


def test_a_column_that_a_table_does_not_have_is_refused(
    database_url: str, tracker: Callable[..., Tracking], tracked_cache: Cache
) -> None:
    engine = sa.create_engine(database_url)
    metadata.create_all(engine)
    tracker(engine, slices={"Payment": {"paid_on": "month"}})
    sentence = "the column 'paid_on' of the table 'payment', which has no such column. It has: Paid On, id, n"
    with pytest.raises(PolicyError, match=sentence):
        counted(engine, tracked_cache, SHOWN.where(PAYMENTS.c.n == 1))()
    with pytest.raises(PolicyError, match=sentence), engine.begin() as connection:
        connection.execute(sa.insert(PAYMENTS), {"id": 1})
    engine.dispose()


def test_a_table_that_only_the_models_name_so_is_known(
    tmp_path: Any, tracker: Callable[..., Tracking], tracked_cache: Cache
) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'a.db'}")
    models = sa.MetaData()
    placed = sa.Table("placed", models, sa.Column("id", sa.Integer, primary_key=True), schema="tenant")
    tracker(engine, slices={"tenant.placed": {"id": "range(10)"}, "payment": {"n": ["value"]}})
    translated = engine.execution_options(schema_translate_map={"tenant": None})
    models.create_all(translated)
    metadata.create_all(engine)
    assert counted(translated, tracked_cache, sa.select(sa.func.count()).select_from(placed))() == 0
    with pytest.raises(PolicyError, match=r"'tenant\.placed', which"):
        counted(engine, tracked_cache)()
    engine.dispose()
