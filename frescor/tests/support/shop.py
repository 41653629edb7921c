"""A small schema, and cached queries on it that count how often they are loaded."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import orm

from frescor import Cache

T = TypeVar("T")


class Base(orm.DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customer"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str]
    orders: orm.Mapped[list["Order"]] = orm.relationship(back_populates="customer", passive_deletes=True)


class Order(Base):
    __tablename__ = "orders"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    customer_id: orm.Mapped[int | None] = orm.mapped_column(sa.ForeignKey("customer.id", ondelete="CASCADE"))
    total: orm.Mapped[int]
    customer: orm.Mapped[Customer | None] = orm.relationship(back_populates="orders")


class Shop:
    """Cached queries; each opens a session of its own, or uses the one that it is given."""

    def __init__(self, engine: sa.Engine, cache: Cache) -> None:
        Base.metadata.create_all(engine)
        self.engine = engine
        self.cache = cache
        self.loads: Counter[str] = Counter()
        self.session: orm.Session | None = None
        with orm.Session(engine) as session:
            session.add_all(
                [Customer(id=1, name="ana"), Customer(id=2, name="rui"), Order(id=1, customer_id=1, total=5)]
            )
            session.commit()
        cached = cache.cached

        @cached(expire=600, key_prefix="name", early=False)
        def name(number: int) -> str | None:
            self.loads["name"] += 1
            return self._within(lambda session: _name(session.get(Customer, number)))

        @cached(expire=600, key_prefix="order", early=False)
        def order(number: int) -> int | None:
            self.loads["order"] += 1
            return self._within(lambda session: _total(session.get(Order, number)))

        @cached(expire=600, key_prefix="total", early=False)
        def total() -> int:
            self.loads["total"] += 1
            return self._within(lambda session: session.scalar(sa.select(sa.func.sum(Order.total))) or 0)

        self.name, self.order, self.total = name, order, total

    def _within(self, read: Callable[[orm.Session], T]) -> T:
        if self.session is not None:
            return read(self.session)
        with orm.Session(self.engine) as session:
            return read(session)

    def write(self, statement: Any, parameters: Any = None) -> None:
        """Execute one statement in a transaction of its own."""
        with orm.Session(self.engine) as session, session.begin():
            session.execute(statement, parameters)

    def rename(self, number: int, name: str) -> None:
        self.write(sa.update(Customer).where(Customer.id == number).values(name=name))


def _name(customer: Customer | None) -> str | None:
    return None if customer is None else customer.name


def _total(order: Order | None) -> int | None:
    return None if order is None else order.total


def elsewhere(call: Callable[[], T]) -> T:
    """Call this in another thread, which takes no part in this thread's transactions; returns what it returns."""
    found: list[T] = []
    thread = threading.Thread(target=lambda: found.append(call()))
    thread.start()
    thread.join(30)
    assert found, "it raised, or did not end"
    return found[0]
