"""Copies of ORM objects hold what was loaded, and say what was not."""

import copy
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
import sqlmodel
from sqlalchemy import orm

from frescor import Cache, PolicyError
from frescor._values.codec import Codec
from frescor._values.detached import Detached, detached
from frescor.errors import EntryUnreadable


class Base(orm.DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customer"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str]
    notes: orm.Mapped[str] = orm.mapped_column(deferred=True, default="")
    orders: orm.Mapped[list["Order"]] = orm.relationship(back_populates="customer")

    @property
    def shouted(self) -> str:
        return self.name.upper()


class Order(Base):
    __tablename__ = "order"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    customer_id: orm.Mapped[int | None] = orm.mapped_column(sa.ForeignKey("customer.id"))
    customer: orm.Mapped[Customer | None] = orm.relationship(back_populates="orders")


class Hero(sqlmodel.SQLModel, table=True):
    id: int | None = sqlmodel.Field(default=None, primary_key=True)
    name: str


@pytest.fixture
def session() -> Iterator[orm.Session]:
    engine = sa.create_engine("sqlite://")
    Base.metadata.create_all(engine)
    sqlmodel.SQLModel.metadata.create_all(engine, tables=[sqlmodel.SQLModel.metadata.tables["hero"]])
    with orm.Session(engine) as session:
        session.add_all(
            [Customer(id=1, name="Ana", orders=[Order(id=7), Order(id=8)]), Order(id=9), Hero(id=1, name="b")]
        )
        session.commit()
    with orm.Session(engine) as session:
        yield session


@pytest.fixture
def cache() -> Iterator[Cache]:
    with Cache.from_url("memory://", "detached") as cache:
        yield cache


def test_miss_and_hit_are_equal_copies_of_the_columns(session: orm.Session, cache: Cache) -> None:
    runs: list[int] = []

    @cache.cached(expire=60, key_prefix="customers", detached=True)
    def customers() -> list[Customer]:
        runs.append(1)
        return list(session.scalars(sa.select(Customer)))

    miss, hit = customers(), customers()
    assert miss == hit
    assert [(str(type(one)), one.id, one.name) for one in hit] == [(str(Detached), 1, "Ana")]
    assert runs == [1]
    hit[0].name = "Eva"
    assert customers()[0].name == "Ana"


def test_what_was_not_loaded_says_so_and_how_to_load_it(session: orm.Session, cache: Cache) -> None:
    @cache.cached(expire=60, key_prefix="customer", detached=True)
    def customer() -> Customer | None:
        return session.get(Customer, 1)

    for _ in range(2):
        found = customer()
        assert found is not None
        with pytest.raises(AttributeError, match=r"Customer\.orders was not loaded .*selectinload\(Customer\.orders\)"):
            _ = found.orders
        with pytest.raises(AttributeError, match=r"Customer\.notes was not loaded .*undefer\(Customer\.notes\)"):
            _ = found.notes
        with pytest.raises(AttributeError, match="not the methods and properties"):
            _ = found.shouted
        with pytest.raises(AttributeError, match="no 'orders' to set"):
            found.orders = []


def test_relationships_that_were_loaded_are_copied_and_a_circle_is_left_out(session: orm.Session) -> None:
    found = session.scalars(sa.select(Customer).options(orm.selectinload(Customer.orders))).one()
    assert found.orders[0].customer is found
    lonely = session.scalars(sa.select(Order).where(Order.id == 9).options(orm.joinedload(Order.customer))).one()
    back = Codec().decode(Codec().encode(detached({"a": (found, lonely)})))
    one, other = back["a"]
    assert [order.id for order in one.orders] == [7, 8]
    assert other.customer is None
    with pytest.raises(AttributeError, match="leads back to the object that holds this one"):
        _ = one.orders[0].customer


def test_a_reader_without_a_proof_accepts_copies_where_the_annotation_names_the_model(session: orm.Session) -> None:
    payload = Codec(list[Customer]).encode(detached(list(session.scalars(sa.select(Customer)))))
    assert Codec(list[Customer]).decode(payload, proven=False)[0].name == "Ana"
    with pytest.raises(EntryUnreadable):
        Codec(list[int]).decode(payload, proven=False)


def test_a_table_of_sqlmodel_is_copied_too(session: orm.Session, cache: Cache) -> None:
    @cache.cached(expire=60, key_prefix="heroes", detached=True, store_if=lambda heroes: heroes[0].name == "b")
    def heroes() -> tuple[Hero, ...]:
        return tuple(session.scalars(sa.select(Hero)))

    assert [heroes()[0].name, heroes()[0].id] == ["b", 1]


@pytest.mark.parametrize("told", ["a dataclass", r"rows_as\(UserRow\)", "detached=True"])
def test_without_it_the_refusal_shows_the_ways_out(told: str, cache: Cache) -> None:
    @cache.cached(expire=60, key_prefix="orders")
    def orders() -> list[Order]:
        return [Order(id=1)]

    with pytest.raises(PolicyError, match=f"cannot cache .*Order at result\\[0\\]: an ORM object .*{told[2:]}"):
        orders()


def test_a_copy_can_be_copied_and_shown_and_is_no_key() -> None:
    one = Detached("shop.Customer", {"name": "Ana"}, ("orders",))
    assert copy.deepcopy(one) == pickle.loads(pickle.dumps(one)) == one != Detached("shop.Customer", {"name": "b"}, ())
    assert repr(one) == "<cached copy of shop.Customer: name='Ana'>"
    assert dir(one) == ["name"]
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


@pytest.mark.parametrize("content", [("a", {}), (1, {}, ()), ("a", [], ()), ("a", {}, [])])
def test_content_that_nobody_wrote_is_no_copy(content: Any) -> None:
    codec = Codec()
    payload = b"n" + codec._encoder.encode(codec._extension(17, ["frescor.Detached", 1, codec._wire(content)]))
    with pytest.raises(EntryUnreadable):
        codec.decode(payload)


def test_detached_is_yes_or_no(cache: Cache) -> None:
    with pytest.raises(PolicyError, match="detached is True"):
        cache.cached(expire=60, key_prefix="p", detached=Customer)(lambda: 1)  # type: ignore[call-overload]
