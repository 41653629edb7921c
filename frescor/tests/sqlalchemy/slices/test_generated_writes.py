"""Random writes in two sessions: a commit raises the slices of each row that it changed, as the row was and as it is.

FRESCOR_SQL_STEPS sets how many commits are looked at for each database; a failure says with which seed.
"""

import datetime as dt
import os
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import postgresql, sqlite

from frescor._values.tags import BUT
from frescor.sqlalchemy import Tracking
from frescor.sqlalchemy._catalog.dependencies import WrittenAlong
from frescor.sqlalchemy._slices import written
from frescor.sqlalchemy._slices.columns import SliceColumn
from frescor.testing.private_postgres import PrivatePostgres

COMMITS = int(os.environ.get("FRESCOR_SQL_STEPS", "180"))
# What a step may come to that is nobody's mistake here: a row that another session has deleted, or a key that is taken.
LOST = (sa.exc.IntegrityError, orm.exc.StaleDataError, orm.exc.ObjectDeletedError)


class Base(orm.DeclarativeBase):
    pass


class Member(Base):
    __tablename__ = "member"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(default="")
    sponsor_id: orm.Mapped[int | None] = orm.mapped_column(sa.ForeignKey("member.id", ondelete="SET NULL"))


class Due(Base):
    __tablename__ = "due"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    member_id: orm.Mapped[int | None] = orm.mapped_column(sa.ForeignKey("member.id", ondelete="CASCADE"))
    payer_id: orm.Mapped[int | None] = orm.mapped_column(sa.ForeignKey("member.id", ondelete="SET NULL"))
    number: orm.Mapped[int] = orm.mapped_column(default=0, server_default="7", info={"slice": "range(4)"})
    on: orm.Mapped[dt.date] = orm.mapped_column(default=dt.date(2025, 1, 31), info={"slice": "month"})
    cents: orm.Mapped[int] = orm.mapped_column(default=0)


class Note(Base):
    __tablename__ = "note"
    member_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("member.id", ondelete="CASCADE"), primary_key=True)
    place: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    due_id: orm.Mapped[int | None] = orm.mapped_column(sa.ForeignKey("due.id", ondelete="SET NULL"))
    text: orm.Mapped[str] = orm.mapped_column(default="")


MEMBERS, DUES, NOTES = (Base.metadata.tables[name] for name in ("member", "due", "note"))
Rows = dict[str, dict[tuple[Any, ...], dict[str, Any]]]


class Writer:
    """Makes random steps, and looks at what each commit has raised."""

    def __init__(self, tracking: Tracking, plain: sa.Engine, seed: int) -> None:
        self.tracking = tracking
        self.plain = plain
        self.dice = random.Random(seed)
        self.sessions = [orm.Session(tracking.engine, expire_on_commit=expire) for expire in (True, False)]
        self.held: list[Any] = []

    def commits(self, count: int) -> None:
        for _ in range(count):
            session = self.dice.choice(self.sessions)
            before = self.rows()
            self.hold()
            try:
                for _ in range(self.dice.randint(1, 3)):
                    self.step(session)
                session.commit()
            except LOST:
                session.rollback()
                continue
            self.compare(before, self.rows())
        for session in self.sessions:
            session.close()

    def hold(self) -> None:
        """Somebody's session remembers what others change afterwards."""
        session = self.dice.choice(self.sessions)
        self.held = [*session.scalars(sa.select(Due).limit(10)), *session.scalars(sa.select(Member).limit(10))]
        session.commit()

    def rows(self) -> Rows:
        """All rows as they are committed, by table and key."""
        with self.plain.connect() as connection:
            return {
                table.name: {
                    tuple(row[key.name] for key in table.primary_key.columns): dict(row)
                    for row in connection.execute(sa.select(table)).mappings()
                }
                for table in Base.metadata.sorted_tables
            }

    def compare(self, before: Rows, after: Rows) -> None:
        """Each changed row's slices, before and after, are among what was raised."""
        raised = self.tracking.last_write()
        for table in Base.metadata.sorted_tables:
            tag, old, new = f"sql:{table.name}", before[table.name], after[table.name]
            changed = [pair for key in {*old, *new} if (pair := (old.get(key), new.get(key)))[0] != pair[1]]
            if not changed:
                continue
            assert tag in raised, tag
            known = [one.removeprefix(f"{tag}{BUT}").split(",") for one in raised if one.startswith(f"{tag}{BUT}")]
            for column in self.tracking.slices.columns(table):
                # Who names no column leaves it to the store to raise all that are registered.
                if not all(column.id in ids for ids in known) or column.blind(tag) in raised:
                    continue
                for row in (row for pair in changed for row in pair if row is not None):
                    group = column.group(row[column.name], self.tracking.tags.group)
                    assert group is not None
                    assert column.slice(tag, group) in raised, (column.name, row, raised)

    # -- one step

    def step(self, session: orm.Session) -> None:
        kind = self.dice.choice(["orm", "orm", "core", "core", "core", "text", "savepoint", "bulk"])
        if kind == "savepoint":
            savepoint = session.begin_nested()
            self.step(session)
            if self.dice.random() < 0.5:
                savepoint.commit()
            else:
                savepoint.rollback()
            return
        {"orm": self.by_objects, "core": self.by_core, "text": self.by_text, "bulk": self.in_bulk}[kind](session)
        session.flush()

    def id(self) -> int:
        return self.dice.randint(1, 8)

    def member(self) -> int | None:
        found: int | None = self.dice.choice([None, *range(1, 9)])
        return found

    def date(self) -> dt.date:
        return dt.date(2025, 1, 30) + dt.timedelta(days=self.dice.randint(0, 4))

    def due(self) -> dict[str, Any]:
        """Some values of a due."""
        values = {
            "member_id": self.member(),
            "payer_id": self.member(),
            "number": self.dice.randint(0, 12),
            "on": self.date(),
            "cents": self.dice.randint(0, 9),
        }
        return {name: values[name] for name in self.dice.sample(sorted(values), self.dice.randint(1, 3))}

    def by_objects(self, session: orm.Session) -> None:
        kind = self.dice.choice([Due, Due, Member, Note])
        key: Any = (self.id(), self.id()) if kind is Note else self.id()
        found: Any = session.get(kind, key)
        if found is None:
            keys = dict(zip(("member_id", "place"), key, strict=True)) if kind is Note else {"id": key}
            session.add(kind(**keys, **(self.due() if kind is Due else {})))
        elif self.dice.random() < 0.25:
            session.delete(found)
        elif kind is Due:
            for name, value in self.due().items():
                setattr(found, name, value)
        elif kind is Member:
            found.name, found.sponsor_id = str(self.id()), self.dice.choice([found.sponsor_id, self.member()])
        else:
            found.text, found.due_id = str(self.id()), self.dice.choice([found.due_id, self.member()])

    def condition(self) -> sa.ColumnElement[bool]:
        return self.dice.choice(
            [
                DUES.c.id == self.id(),
                DUES.c.id.in_([self.id(), self.id()]),
                DUES.c.member_id == self.id(),
                sa.and_(DUES.c.payer_id == self.id(), DUES.c.number > 2),
                sa.or_(DUES.c.id == self.id(), DUES.c.member_id == self.id()),
                DUES.c.on == self.date(),
                sa.not_(DUES.c.payer_id == self.id()),
                sa.and_(sa.literal(self.id()) == DUES.c.member_id, DUES.c.id.in_([1, 2, 3, 4])),
                DUES.c.member_id.in_(sa.select(MEMBERS.c.id).where(MEMBERS.c.id == self.id())),
            ]
        )

    def by_core(self, session: orm.Session) -> None:
        upsert: Any = postgresql.insert if self.plain.dialect.name == "postgresql" else sqlite.insert
        chosen = self.dice.randrange(8)
        statement: Any
        if chosen == 0:
            statement = sa.insert(DUES).values(id=self.id() + 8 * self.dice.randint(0, 1), **self.due())
        elif chosen == 1:
            statement = sa.delete(DUES).where(self.condition())
        elif chosen == 2:
            statement = upsert(DUES).values(id=self.id(), **self.due())
            statement = statement.on_conflict_do_update(index_elements=["id"], set_=self.due())
        elif chosen == 3:
            statement = sa.update(DUES).where(DUES.c.member_id == MEMBERS.c.id, MEMBERS.c.id == self.id())
            statement = statement.values(**self.due())
        elif chosen == 4:
            statement = sa.delete(self.dice.choice([MEMBERS, NOTES]))
            statement = statement.where(next(iter(statement.table.primary_key)) == self.id())
        elif chosen == 5:
            statement = sa.update(DUES).where(self.condition()).values(payer_id=DUES.c.member_id)
        else:
            statement = sa.update(DUES).where(self.condition()).values(**self.due())
        if chosen in (1, 6) and self.dice.random() < 0.3:
            statement = statement.returning(DUES.c.id)
        session.connection().execute(statement)
        session.expire_all()

    def in_bulk(self, session: orm.Session) -> None:
        chosen = self.dice.randrange(4)
        ids = self.dice.sample(range(1, 17), 3)
        connection = session.connection()
        if chosen == 0:
            values = [
                {"id": number, **dict.fromkeys(["member_id"], self.member()), "on": self.date()} for number in ids
            ]
            connection.execute(sa.insert(DUES), values)
        elif chosen == 1:
            moved = sa.update(DUES).where(DUES.c.id == sa.bindparam("one"))
            name = self.dice.choice(["cents", "number", "payer_id"])
            changed = moved.values({name: sa.bindparam("new")})
            connection.execute(changed, [{"one": number, "new": self.id()} for number in ids])
        elif chosen == 2:
            connection.execute(
                sa.delete(DUES).where(DUES.c.id == sa.bindparam("one")), [{"one": one} for one in ids[:2]]
            )
        else:
            known = [one for one in ids if session.get(Due, one) is not None]
            if known:
                session.execute(sa.update(Due), [{"id": one, "cents": self.id(), "on": self.date()} for one in known])
        session.expire_all()

    def by_text(self, session: orm.Session) -> None:
        text = self.dice.choice(
            [
                "UPDATE due SET member_id = payer_id WHERE id = :id",
                "DELETE FROM due WHERE member_id = :id",
                'INSERT INTO due (id, member_id, "on", cents) '
                "SELECT :id + 8, id, '2025-02-01', 0 FROM member WHERE id = :id",
                "UPDATE due SET cents = :n WHERE id = :id",
                "UPDATE due SET member_id = :n, number = 3 WHERE payer_id = :id AND id IN (1, 2, :n)",
                "UPDATE due SET payer_id = NULL WHERE payer_id = :id OR member_id = :n",
                "UPDATE due SET number = number + 1, \"on\" = '2025-02-01' WHERE id = :id -- one",
                "DELETE FROM due AS d WHERE d.id = :id AND NOT d.member_id = :n",
                "DELETE FROM due WHERE :n = member_id AND id IN (SELECT id + :id - :id FROM member)",
                'INSERT INTO due (id, member_id, payer_id, "on", cents) '
                "VALUES (:id + 8, :n, NULL, '2025-02-01', 0), (:id + 16, 3, :n, '2025-01-31', 0)",
                "UPDATE member SET sponsor_id = :n WHERE id = :id",
                "DELETE FROM member WHERE id = :id",
                "UPDATE note SET due_id = NULL WHERE member_id = :id AND place = :n",
            ]
        )
        values = {name: self.id() for name in ("id", "n") if f":{name}" in text}
        session.execute(sa.text(text), values)
        session.expire_all()


def run(tracking: Tracking, seeds: Sequence[int], commits: int) -> None:
    engine = tracking.engine
    plain = sa.create_engine(engine.url)
    for seed in seeds:
        with plain.begin() as connection:
            for table in reversed(Base.metadata.sorted_tables):
                connection.execute(sa.delete(table))
            connection.execute(sa.insert(MEMBERS), [{"id": number} for number in range(1, 9)])
        try:
            Writer(tracking, plain, seed).commits(commits)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
    plain.dispose()


@pytest.fixture
def tracking(database_url: str, tracker: Callable[..., Tracking]) -> Any:
    engine = sa.create_engine(database_url)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = ON"))
    tracking = tracker(engine, slices={})
    Base.metadata.create_all(engine)
    yield tracking
    engine.dispose()


PER_SEED = 60


def test_each_commit_raises_the_slices_of_the_rows_it_changed(tracking: Tracking) -> None:
    run(tracking, range(max(1, COMMITS // PER_SEED)), PER_SEED)


def test_so_it_does_before_postgresql_18(postgres_server: PrivatePostgres, tracker: Callable[..., Tracking]) -> None:
    engine = sa.create_engine(postgres_server.make_database())
    tracking = tracker(engine, slices={})
    Base.metadata.create_all(engine)
    engine.dialect.server_version_info = (17, 1)
    run(tracking, range(max(1, COMMITS // PER_SEED)), PER_SEED)
    engine.dispose()


# -- mistakes put back


_true_column = written._column


def old_row_forgotten(column: SliceColumn, blind: str, target: Any, asks: Any) -> Any:
    """As `_column`, with the mistake: where a row came from does not matter."""
    found = _true_column(column, blind, target, asks)
    value = (target.values or {}).get(column.name)
    return found if value is None else written._Column(column, blind, (value,))


def touches_nothing(*_: object) -> WrittenAlong:
    """As `Dependencies.along`, with the mistake: foreign keys are forgotten."""
    return WrittenAlong()


_true_tags = written._tags


def seen_without_rows(one: Any, executions: Any, spread: Any, _rows: Any, digest: Any) -> Any:
    """As `_tags`, with the mistake: what the rows say that were given back is not looked at."""
    return _true_tags(one, executions, spread, (), digest)


def one_known_of_two(one: Any, other: Any) -> Any:
    """As `both`, with the mistake: a column is known if one of two statements knows it."""
    return {
        blind: frozenset((one.get(blind) or frozenset()) | (other.get(blind) or frozenset()))
        for blind in {*one, *other}
    }


@pytest.mark.unwatched
@pytest.mark.parametrize(
    ("place", "mistake"),
    [
        ("frescor.sqlalchemy._slices.written._column", old_row_forgotten),
        ("frescor.sqlalchemy._slices.written._tags", seen_without_rows),
        ("frescor.sqlalchemy._catalog.dependencies.Dependencies.along", touches_nothing),
        ("frescor.sqlalchemy._transactions.transaction.both", one_known_of_two),
    ],
)
def test_a_mistake_is_found(tracking: Tracking, place: str, mistake: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, mistake)
    with pytest.raises(AssertionError, match="seed"):
        run(tracking, range(20), PER_SEED)
