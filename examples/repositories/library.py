"""A library in the style of repository classes: each holds the session of its unit of work. Nothing is invalidated by
hand."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from frescor import Cache
from frescor.sqlalchemy import outbox_table, track


class Base(DeclarativeBase):
    pass


outbox_table(Base.metadata)  # one table: no invalidation is lost, even if a process dies right after its commit


class Loan(Base):
    __tablename__ = "loan"
    id: Mapped[int] = mapped_column(primary_key=True)
    reader_id: Mapped[int] = mapped_column(index=True, info={"slice": "value"})  # told apart by reader
    title: Mapped[str]
    returned: Mapped[bool] = mapped_column(default=False)


@dataclass(frozen=True)
class Borrowed:
    """What the rest of the program sees. A cached method returns such values, never objects of the session."""

    id: int
    title: str


engine = sa.create_engine(os.environ.get("DATABASE_URL", "sqlite:///library.db"))
cache = Cache.from_url(os.environ.get("REDIS_URL", "memory://"), namespace="library")
new_session = sessionmaker(engine)


class Loans:
    """All instances give the same answers, whichever session they hold: a choice that `cached_method` states."""

    def __init__(self, session: Session) -> None:
        self.session = session

    @cache.cached_method(expire=300, key_prefix="loans")
    def of(self, reader_id: int) -> list[Borrowed]:
        print(f"  (the database is asked for reader {reader_id})")
        query = sa.select(Loan).where(Loan.reader_id == reader_id, Loan.returned.is_(False)).order_by(Loan.id)
        return [Borrowed(loan.id, loan.title) for loan in self.session.scalars(query)]

    def lend(self, reader_id: int, title: str) -> None:
        self.session.add(Loan(reader_id=reader_id, title=title))

    def take_back(self, loan_id: int) -> None:
        self.session.get_one(Loan, loan_id).returned = True


class UnitOfWork:
    """One transaction, and the repositories that belong to it."""

    def __init__(self, session: Session) -> None:
        self.loans = Loans(session)


@contextmanager
def unit_of_work() -> Iterator[UnitOfWork]:
    with new_session.begin() as session:
        yield UnitOfWork(session)


def show(reader_id: int) -> None:
    with unit_of_work() as work:
        print(f"reader {reader_id} has", [one.title for one in work.loans.of(reader_id)])


def main() -> None:
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    track(engine, cache)  # the one line: from here on commits invalidate what they change
    with unit_of_work() as work:
        work.loans.lend(1, "Vidas Secas")
        work.loans.lend(2, "Dom Casmurro")
    show(1)
    show(1)
    show(2)
    with unit_of_work() as work:
        print("reader 1 borrows another one")
        work.loans.lend(1, "Quincas Borba")
        # Within the transaction, its own changes are seen; they are not stored before the commit.
        print("not yet committed:", len(work.loans.of(1)))
    show(1)
    show(2)


if __name__ == "__main__":
    main()
