"""Rows become records, so that a cached function returns no ORM object."""

from dataclasses import dataclass
from typing import Any, NamedTuple, assert_type

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from frescor import Cache, PolicyError
from frescor.sqlalchemy import rows_as


class Base(orm.DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "user"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str]


@dataclass(frozen=True)
class UserRow:
    id: int
    name: str
    kind: str = "user"


class Named(NamedTuple):
    id: int
    name: str


class Packed(msgspec.Struct, frozen=True):
    id: int
    name: str


@pytest.fixture
def session() -> Any:
    engine = sa.create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with orm.Session(engine) as session:
        session.add_all([User(id=1, name="Ana"), User(id=2, name="Rui")])
        session.commit()
        yield session


@pytest.mark.parametrize("kind", [UserRow, Named, Packed])
def test_rows_scalars_and_entities_become_records(kind: Any, session: orm.Session) -> None:
    wanted = [kind(id=1, name="Ana"), kind(id=2, name="Rui")]
    order = User.id
    assert rows_as(kind)(session.execute(sa.select(User.id, User.name).order_by(order))) == wanted
    assert rows_as(kind)(session.execute(sa.select(User).order_by(order))) == wanted
    assert rows_as(kind)(session.scalars(sa.select(User).order_by(order))) == wanted
    assert rows_as(kind)([]) == []


def test_a_cached_function_returns_them(session: orm.Session) -> None:
    with Cache.from_url("memory://", "rows") as cache:

        @cache.cached(expire=60, key_prefix="users")
        def users() -> list[UserRow]:
            return rows_as(UserRow)(session.execute(sa.select(User.id, User.name)))

        assert assert_type(users(), list[UserRow]) == users() == [UserRow(1, "Ana"), UserRow(2, "Rui")]


def test_a_column_without_a_field_and_a_field_without_a_column_are_refused(session: orm.Session) -> None:
    with pytest.raises(PolicyError, match=r"rows_as\(Named\): the rows have upper, .*label\(\)"):
        rows_as(Named)(session.execute(sa.select(User.id, User.name, sa.func.upper(User.name).label("upper"))))
    with pytest.raises(PolicyError, match=r"rows_as\(UserRow\): the rows have no name.*Add it to the select"):
        rows_as(UserRow)(session.execute(sa.select(User.id)))


@pytest.mark.parametrize("kind", [dict, int, User, 3])
def test_a_class_without_fields_is_refused(kind: Any) -> None:
    with pytest.raises(PolicyError, match="takes a class with fields"):
        rows_as(kind)
