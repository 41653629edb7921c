"""Rows by the types of key that can name one: the write of one row leaves what depends on another."""

import datetime as dt
import uuid
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from frescor import Cache
from frescor.sqlalchemy._statements.tags import _canonical_key, _canonical_number

KEYS: dict[str, tuple[sa.types.TypeEngine[Any], Any, Any]] = {
    "a number": (sa.Integer(), 1, 2),
    "text": (sa.String(30), "maçã", "pera"),
    "a uuid": (sa.Uuid(), uuid.UUID(int=1), uuid.UUID(int=2)),
    "a date": (sa.Date(), dt.date(2026, 1, 1), dt.date(2026, 1, 2)),
    "bytes": (sa.LargeBinary(32), b"\x00'one", b"\xfftwo"),
}


@given(st.integers())
def test_a_number_is_told_in_the_one_canonical_form(number: int) -> None:
    assert _canonical_number(number) == _canonical_key((number,))


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ((7,), "54000000064900000001" + "37"),
        (("maçã", 7), "54" + "00000011" + "73000000066d61c3a7c3a3" + "490000000137"),
    ],
)
def test_a_row_is_named_as_releases_before_name_it(key: tuple[object, ...], told: str) -> None:
    assert _canonical_key(key).hex() == told


@pytest.mark.parametrize("kind", KEYS)
def test_a_row_is_known_by_its_key(kind: str, engine: sa.Engine, tracked_cache: Cache) -> None:
    column, one, other = KEYS[kind]
    table = sa.Table("t", sa.MetaData(), sa.Column("id", column, primary_key=True), sa.Column("x", sa.Integer))
    table.create(engine)
    loads = 0

    @tracked_cache.cached(expire=300, key_prefix="p", early=False)
    def read() -> int | None:
        nonlocal loads
        loads += 1
        with engine.connect() as connection:
            return connection.scalar(sa.select(table.c.x).where(table.c.id == one))

    def write(statement: Any) -> None:
        with engine.begin() as connection:
            connection.execute(statement)

    found = [read()]
    for step in (
        table.insert().values(id=one, x=1),
        table.update().where(table.c.id == one).values(x=2),
        table.delete().where(table.c.id == one),
    ):
        write(step)
        found.append(read())
    assert (found, loads) == ([None, 1, 2, None], 4)
    for step in (
        table.insert().values(id=other, x=1),
        table.update().where(table.c.id == other).values(x=2),
        table.delete().where(table.c.id == other),
    ):
        write(step)
        assert read() is None
    assert loads == 4
