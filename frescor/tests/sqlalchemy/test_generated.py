"""Random reads, writes, savepoints and rollbacks in two sessions: a cached query equals the uncached one.

FRESCOR_SQL_STEPS sets how many steps a run makes for each database; a failure prints the steps that lead to it.
"""

import asyncio
import contextvars
import functools
import importlib.util
import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import orm
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.util import greenlet_spawn

from frescor import MISS, Cache
from frescor._calls.loading import CurrentLoad
from frescor._surface.decorator import Cached
from frescor.sqlalchemy import outbox_table
from frescor.sqlalchemy._catalog.dependencies import WrittenAlong
from frescor.sqlalchemy._transactions.transaction import TrackedTransaction
from frescor.testing.private_postgres import PrivatePostgres
from private_mariadb import PrivateMariaDB
from shop import elsewhere

STEPS = int(os.environ.get("FRESCOR_SQL_STEPS", "400"))
# What a driver does differently shows in its first transactions.
STEPS_OF_DRIVER = int(os.environ.get("FRESCOR_SQL_STEPS", "16"))
STEPS_OF_ONE = 40
IDS = st.integers(1, 3)
NUMBERS = st.integers(0, 3)
WHO = st.sampled_from([0, 1])
DELETES = st.sampled_from(["orm", "bulk", "core", "text", "many"])
UPDATES = st.sampled_from(["bulk", "rows", "core", "text", "many", "insert"])


class Base(orm.DeclarativeBase):
    pass


membership = sa.Table(
    "membership",
    Base.metadata,
    sa.Column("person_id", sa.ForeignKey("person.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("team_id", sa.ForeignKey("team.id", ondelete="CASCADE"), primary_key=True),
)


class Person(Base):
    __tablename__ = "person"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    age: orm.Mapped[int]
    teams: orm.Mapped[list["Team"]] = orm.relationship(secondary=membership, passive_deletes=True, order_by="Team.id")
    notes: orm.Mapped[list["Note"]] = orm.relationship(passive_deletes="all", order_by="Note.id")


class Team(Base):
    __tablename__ = "team"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    rank: orm.Mapped[int]


class Note(Base):
    __tablename__ = "note"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    person_id: orm.Mapped[int | None] = orm.mapped_column(sa.ForeignKey("person.id", ondelete="SET NULL"))
    size: orm.Mapped[int]
    person: orm.Mapped[Person | None] = orm.relationship(overlaps="notes")


Person.total = orm.column_property(
    sa.select(sa.func.coalesce(sa.func.sum(Note.size), 0))
    .where(Note.person_id == Person.id)
    .correlate_except(Note)
    .scalar_subquery()
)


PERSONS, TEAMS, NOTES = (Base.metadata.tables[name] for name in ("person", "team", "note"))


def person(session: orm.Session, number: int) -> Any:
    found = session.get(Person, number)
    return None if found is None else (found.age, found.total)  # type: ignore[attr-defined]


def age(session: orm.Session, number: int) -> Any:
    return session.scalar(sa.select(Person.age).where(Person.id == number))


def teams(session: orm.Session, number: int) -> Any:
    found = session.get(Person, number)
    return None if found is None else [(team.id, team.rank) for team in found.teams]


def note(session: orm.Session, number: int) -> Any:
    found = session.get(Note, number)
    return None if found is None else (found.size, None if found.person is None else found.person.age)


def joined(session: orm.Session, number: int) -> Any:
    query = sa.select(Note).options(orm.joinedload(Note.person)).where(Note.size >= number).order_by(Note.id)
    return [(found.id, found.size, found.person and found.person.age) for found in session.scalars(query)]


def noted(session: orm.Session, number: int) -> Any:
    query = sa.select(Person).options(orm.selectinload(Person.notes)).order_by(Person.id)
    return [(found.id, [one.size for one in found.notes]) for found in session.scalars(query)]


def with_team(session: orm.Session, number: int) -> Any:
    query = sa.select(Person.id).where(Person.teams.any(Team.rank == number)).order_by(Person.id)
    return list(session.scalars(query))


def by_cte(session: orm.Session, number: int) -> Any:
    old = sa.select(Person.id).where(Person.age > number).cte()
    return session.scalar(sa.select(sa.func.count()).select_from(Note).join(old, old.c.id == Note.person_id))


def by_text(session: orm.Session, number: int) -> Any:
    text = sa.text("SELECT count(*) FROM person p LEFT JOIN note n ON n.person_id = p.id WHERE p.age = :number")
    return session.scalar(text, {"number": number})


def some(session: orm.Session, number: int) -> Any:
    query = sa.select(Person.id, Person.age).where(Person.id.in_([number, number + 1])).order_by(Person.id)
    return [tuple(row) for row in session.execute(query)]


def owners(session: orm.Session, number: int) -> Any:
    query = sa.select(Note.id, Note.person_id).where(Note.id >= number).order_by(Note.id)
    return [tuple(row) for row in session.execute(query)]


def members(session: orm.Session, number: int) -> Any:
    return session.scalar(sa.select(sa.func.count()).select_from(membership).where(membership.c.person_id >= number))


QUERIES: tuple[Callable[[orm.Session, int], Any], ...] = (
    person, age, teams, note, joined, noted, with_team, by_cte, by_text, some, owners,
    members,
)  # fmt: skip


# SQLAlchemy may take a row for one that is there, after savepoints were rolled back or when another session deleted
# what this one holds, and finds out when it flushes.
LOST = (StaleDataError, sa.exc.IntegrityError)


def survives(step: Callable[..., None]) -> Callable[..., None]:
    """Such a transaction is over."""

    @functools.wraps(step)
    def taken(self: "Reads", *values: Any, **arguments: Any) -> None:
        try:
            step(self, *values, **arguments)
        except LOST:
            self.give_up()

    return taken


class Reads(RuleBasedStateMachine):
    """One transaction writes at a time, as the model has no way to tell what a lock would make wait."""

    engine: ClassVar[sa.Engine]
    cache: ClassVar[Cache]
    # Calls what it is given where no transaction of this thread is known.
    outside: ClassVar[Any] = staticmethod(elsewhere)
    numbers: ClassVar[Any] = itertools.count()

    @initialize()
    def begin(self) -> None:
        with self.engine.begin() as connection:
            for table in reversed(Base.metadata.sorted_tables):
                connection.execute(sa.delete(table))
        self.sessions = [orm.Session(self.engine, expire_on_commit=expire) for expire in (True, False)]
        # A session's objects are gone when nobody holds them, and with them the old values that they have.
        self.held: list[object] = []
        self.writer: int | None = None
        self.lost: Exception | None = None
        self.savepoints: list[orm.SessionTransaction] = []
        prefix = f"run{next(self.numbers)}"
        self.current: orm.Session = self.sessions[0]

        def cached(query: Callable[[orm.Session, int], Any]) -> Cached[[int], Any]:
            def load(number: int) -> Any:
                return query(self.current, number)

            name = f"{prefix}:{query.__name__}"
            found: Cached[[int], Any] = self.cache.cached(expire=600, key_prefix=name, early=False)(load)
            return found

        self.cached = {query: cached(query) for query in QUERIES}

    def teardown(self) -> None:
        for session in self.sessions:
            session.close()

    def give_up(self) -> None:
        """Everybody begins anew."""
        for session in self.sessions:
            session.close()
        self.writer, self.savepoints = None, []

    def call(self, cached: Cached[[int], Any], number: int) -> None:
        """A cached call; the thread that makes it hands on what `survives` is for."""
        try:
            cached(number)
        except LOST as error:
            self.lost = error

    def writes(self, who: int) -> orm.Session:
        self.writer = who
        return self.sessions[who]

    def may_write(self, who: int) -> bool:
        return self.writer in (None, who)

    # -- writes

    @rule(who=WHO, number=IDS, value=NUMBERS)
    @survives
    def save(self, who: int, number: int, value: int) -> None:
        if self.may_write(who):
            session = self.writes(who)
            found = session.get(Person, number)
            if found is None:
                session.add(Person(id=number, age=value))
            else:
                found.age = value

    @rule(who=WHO, value=NUMBERS, owner=st.none() | IDS, generated=st.booleans(), number=IDS)
    @survives
    def save_note(self, who: int, value: int, owner: int | None, generated: bool, number: int) -> None:
        if not self.may_write(who):
            return
        session = self.writes(who)
        if owner is not None and session.get(Person, owner) is None:
            owner = None
        if generated and (session.scalar(sa.select(sa.func.count(Note.id))) or 0) < 6:
            highest = session.scalar(sa.select(sa.func.max(Note.id))) or 0
            session.add(Note(id=highest + 1, size=value, person_id=owner))
            session.flush()
        elif (found := session.get(Note, number)) is not None:
            found.size, found.person_id = value, owner

    @rule(who=WHO, number=IDS, value=NUMBERS)
    @survives
    def join(self, who: int, number: int, value: int) -> None:
        if not self.may_write(who):
            return
        session = self.writes(who)
        found, team = session.get(Person, number), session.get(Team, value + 1)
        if team is None:
            team = Team(id=value + 1, rank=value)
            session.add(team)
        if found is not None:
            (found.teams.remove if team in found.teams else found.teams.append)(team)
        session.flush()

    @rule(who=WHO, number=IDS, way=DELETES)
    @survives
    def delete(self, who: int, number: int, way: str) -> None:
        if not self.may_write(who):
            return
        session = self.writes(who)
        # What is not flushed yet may be of a row that is about to go.
        session.flush()
        if way == "orm":
            found = session.get(Person, number)
            if found is not None:
                session.delete(found)
        elif way == "bulk":
            session.execute(sa.delete(Person).where(Person.age == number))
        elif way == "core":
            session.connection().execute(PERSONS.delete().where(PERSONS.c.id == number))
        elif way == "text":
            session.execute(sa.text("DELETE FROM note WHERE size = :size"), {"size": number})
        else:
            session.execute(membership.delete().where(membership.c.person_id == number))
        session.flush()
        session.expire_all()

    @rule(who=WHO, number=IDS, value=NUMBERS, way=UPDATES)
    @survives
    def update(self, who: int, number: int, value: int, way: str) -> None:
        if not self.may_write(who):
            return
        session = self.writes(who)
        session.flush()
        if way == "bulk":
            session.execute(sa.update(Person).where(Person.age < number).values(age=value))
        elif way == "rows":
            ids = list(session.scalars(sa.select(Person.id)))
            if ids:
                session.execute(sa.update(Person), [{"id": one, "age": value} for one in ids])
        elif way == "core":
            session.connection().execute(TEAMS.update().where(TEAMS.c.id == number).values(rank=value))
        elif way == "text":
            session.execute(sa.text("UPDATE person SET age = :age WHERE id = :id"), {"age": value, "id": number})
        elif way == "many":
            query = NOTES.update().where(NOTES.c.id == sa.bindparam("one")).values(size=value)
            session.connection().execute(query, [{"one": number}, {"one": number + 1}])
        elif not session.scalar(sa.select(Team.id).where(Team.id == number)):
            session.execute(sa.insert(Team), [{"id": number, "rank": value}])
        session.expire_all()

    def hold(self, session: orm.Session) -> None:
        """Let a session keep the objects that it has: it lets go of those that nobody holds."""
        self.held = [*self.held[-60:], *(found for kind in (Person, Team, Note) for found in session.query(kind))]

    # -- what only chance would bring together

    def furnish(self, number: int) -> None:
        """Somebody, who has a note, and a team, is there."""
        with orm.Session(self.engine) as session, session.begin():
            found = session.get(Person, number) or Person(id=number, age=number)
            team = session.get(Team, number) or Team(id=number, rank=number)
            noted = session.get(Note, number) or Note(id=number)
            noted.size, noted.person = number, found
            session.add_all([found, team, noted])
            if team not in found.teams:
                found.teams.append(team)

    @precondition(lambda self: self.writer is None)
    @rule(holder=WHO, number=IDS, value=NUMBERS, way=UPDATES)
    @survives
    def overtake(self, holder: int, number: int, value: int, way: str) -> None:
        """Somebody reads, another changes it and commits, and the first reads again, with what it holds of before."""
        self.furnish(number)
        session = self.sessions[holder]
        # Not by cached calls: a hit would leave nothing with the session.
        self.hold(session)
        for query in QUERIES:
            query(session, number)
        self.update(1 - holder, number, value, way)
        self.end(1 - holder, keep=True)
        self.read(holder, number, apart=True)
        self.everything_agrees()

    @precondition(lambda self: self.writer is None)
    @rule(who=WHO, number=IDS, value=NUMBERS, way=UPDATES)
    @survives
    def change_read_and_undo(self, who: int, number: int, value: int, way: str) -> None:
        """What is read within a transaction that is rolled back was never there."""
        self.furnish(number)
        self.cache.clear_all()
        self.update(who, number, value, way)
        self.read(who, number, apart=True)
        self.end(who, keep=False)

    @precondition(lambda self: self.writer is None)
    @rule(who=WHO, number=IDS, way=DELETES)
    @survives
    def read_and_delete(self, who: int, number: int, way: str) -> None:
        """What was found is gone, and with it, or changed, what the database's foreign keys reach."""
        self.furnish(number)
        self.read_anew(number)
        self.delete(who, number, way)
        self.end(who, keep=True)

    # -- transactions

    @precondition(lambda self: self.writer is not None and len(self.savepoints) < 2)
    @rule()
    @survives
    def begin_nested(self) -> None:
        self.savepoints.append(self.sessions[self.writer or 0].begin_nested())

    @precondition(lambda self: self.savepoints)
    @rule(keep=st.booleans())
    @survives
    def end_nested(self, keep: bool) -> None:
        savepoint = self.savepoints.pop()
        if keep:
            savepoint.commit()
        else:
            savepoint.rollback()

    @rule(who=WHO, keep=st.booleans())
    @survives
    def end(self, who: int, keep: bool) -> None:
        session = self.sessions[who]
        if self.writer == who:
            while self.savepoints:
                self.savepoints.pop().commit()
            self.writer = None
        if keep:
            session.commit()
        else:
            session.rollback()
        self.everything_agrees()

    # -- reads

    @rule(who=WHO, number=IDS, apart=st.booleans())
    @survives
    def read(self, who: int, number: int, apart: bool) -> None:
        """By a session that may have changed something, or hold old objects: what that leaves must harm nobody.

        Apart: each in a thread that knows of no transaction, and so stores what it loads unless told otherwise.
        """
        self.current = self.sessions[who]
        for cached in self.cached.values():
            if apart:
                self.outside(functools.partial(self.call, cached, number))
                if self.lost is not None:
                    lost, self.lost = self.lost, None
                    raise lost
            else:
                cached(number)
        if number == 1:
            self.hold(self.sessions[who])

    @rule(number=IDS)
    def read_anew(self, number: int) -> None:
        """By somebody else: fills the cache."""
        with orm.Session(self.engine) as session:
            self.current = session
            self.outside(lambda: [cached(number) for cached in self.cached.values()])

    @precondition(lambda self: self.writer is None)
    @rule()
    def everything_agrees(self) -> None:
        """Asked when no transaction has changed anything."""
        if self.writer is not None:
            return
        with orm.Session(self.engine) as fresh:
            for query in QUERIES:
                for number in (1, 2, 3):
                    # Not called: that would fill in what the next steps are to fill, and find each old value at once.
                    found = self.cache.get(self.cached[query].key(number), MISS)
                    assert found in (MISS, query(fresh, number)), query.__name__

    @invariant()
    def nobody_is_forgotten(self) -> None:
        assert self.writer is not None or not self.savepoints


@pytest.mark.parametrize("slices", [None, {}], ids=["", "slices"])
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_cached_queries_equal_uncached_ones_after_every_commit(
    kind: str,
    slices: dict[str, dict[str, str]] | None,
    request: pytest.FixtureRequest,
    tmp_path: Any,
    tracked_cache: Cache,
    tracker: Callable[..., Any],
) -> None:
    if kind == "sqlite":
        engine = sa.create_engine(f"sqlite:///{tmp_path / 'generated.db'}", connect_args={"timeout": 0.2})
        sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = ON"))
    else:
        server: PrivatePostgres = request.getfixturevalue("postgres_server")
        engine = sa.create_engine(server.make_database())
    # Each commits in its own way: on PostgreSQL the outbox's row goes with the COMMIT.
    outbox_table(sa.MetaData()).create(engine)
    tracker(engine, outbox=kind == "postgresql", slices=slices)
    Base.metadata.create_all(engine)
    alike = "FRESCOR_SQL_STEPS" not in os.environ
    run(engine, tracked_cache, STEPS, shrink="FRESCOR_NO_SHRINK" not in os.environ, alike=alike)
    engine.dispose()


# Of each kind of database, the drivers besides that of the test above; those of event loops say so.
DRIVERS = {
    "sqlite+aiosqlite": "async",
    "postgresql+psycopg": "async",
    "postgresql+psycopg2": "",
    "postgresql+asyncpg": "async",
    "mariadb+pymysql": "",
    "mariadb+mysqldb": "",
    "mariadb+asyncmy": "async",
    "mariadb+aiomysql": "async",
}
PACKAGES = {"mysqldb": "MySQLdb"}


def empty_database(driver: str, request: pytest.FixtureRequest, folder: Path) -> str:
    """The URL of a new database. Skips the test if this machine lacks the driver or the server."""
    kind, _, name = driver.partition("+")
    if importlib.util.find_spec(PACKAGES.get(name, name)) is None:
        pytest.skip(f"{name} is not installed")
    if kind == "sqlite":
        return f"{driver}:///{folder / 'generated.db'}"
    if kind == "mariadb":
        mariadb: PrivateMariaDB = request.getfixturevalue("mariadb_server")
        return mariadb.make_database(name)
    postgres: PrivatePostgres = request.getfixturevalue("postgres_server")
    return postgres.make_database().replace("postgresql+psycopg:", f"{driver}:", 1)


def in_another_context(call: Callable[[], Any]) -> Any:
    return contextvars.Context().run(call)


@pytest.mark.parametrize("driver", DRIVERS)
def test_cached_queries_equal_uncached_ones_by_each_driver(
    driver: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    tracked_cache: Cache,
    tracker: Callable[..., Any],
) -> None:
    url = empty_database(driver, request, tmp_path)
    has_outbox = not driver.startswith("mariadb")

    def everything(engine: sa.Engine) -> None:
        if engine.dialect.name == "sqlite":
            sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = ON"))
        Base.metadata.create_all(engine)
        if has_outbox:
            outbox_table(sa.MetaData()).create(engine)
        run(engine, tracked_cache, STEPS_OF_DRIVER, shrink=False, alike=True, outside=outside)

    outside: Callable[..., Any] = elsewhere
    if DRIVERS[driver] != "async":
        engine = sa.create_engine(url)
        tracker(engine, outbox=has_outbox)
        everything(engine)
        engine.dispose()
        return

    async def main() -> None:
        awaited = create_async_engine(url)
        tracker(awaited, outbox=has_outbox)
        try:
            await greenlet_spawn(everything, awaited.sync_engine)
        finally:
            await awaited.dispose()
            await tracked_cache.aio.close()

    # A connection of an event loop is of no use to another thread; another context knows of no transaction, either.
    outside = in_another_context
    asyncio.run(main())


def run(
    engine: sa.Engine,
    cache: Cache,
    steps: int,
    *,
    shrink: bool,
    alike: bool,
    outside: Callable[[Callable[[], Any]], Any] = elsewhere,
) -> None:
    """Make so many steps; `alike`: the same ones each time."""
    machine: Any = type("Machine", (Reads,), {"engine": engine, "cache": cache, "outside": staticmethod(outside)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=max(1, steps // STEPS_OF_ONE),
            stateful_step_count=min(steps, STEPS_OF_ONE),
            deadline=None,
            database=None,
            derandomize=alike,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, *([Phase.shrink] if shrink else [])],
        ),
    )


def reads_as_of_now(_transaction: TrackedTransaction, _load: CurrentLoad, _tags: object, *, old: bool) -> None:
    """As `read_on`, with the mistake: what a transaction has changed is nobody's secret, nor is its snapshot old."""


def met_as_of_now(_load: CurrentLoad, _tags: object, _filled: int) -> None:
    """As `met`, with the mistake: what a session holds is taken for new."""


def touches_nothing(*_: object) -> WrittenAlong:
    """As `Dependencies.along`, with the mistake: foreign keys are forgotten."""
    return WrittenAlong()


@pytest.mark.unwatched
@pytest.mark.parametrize(
    ("place", "mistake"),
    [
        ("frescor.sqlalchemy._tracking.statements.read_on", reads_as_of_now),
        ("frescor.sqlalchemy._tracking.identity_map.met", met_as_of_now),
        ("frescor.sqlalchemy._catalog.dependencies.Dependencies.along", touches_nothing),
    ],
)
def test_a_mistake_is_found(
    place: str,
    mistake: object,
    postgres_server: PrivatePostgres,
    tracked_cache: Cache,
    tracker: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(place, mistake)
    engine = sa.create_engine(postgres_server.make_database())
    tracker(engine)
    Base.metadata.create_all(engine)
    with pytest.raises(AssertionError):
        run(engine, tracked_cache, 2000, shrink=False, alike=True)
    engine.dispose()
