"""A cached function that is given its caller's session, or a mapped instance: right in every transaction and thread."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from frescor import Cache
from frescor.sqlalchemy import track


class Base(orm.DeclarativeBase):
    pass


class Person(Base):
    __tablename__ = "person"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str]


@pytest.fixture
def cache() -> Iterator[Cache]:
    with Cache.from_url("memory://", "test") as cache:
        yield cache


@pytest.fixture
def engine(cache: Cache, tmp_path: Path) -> Iterator[sa.Engine]:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'people.db'}")
    Base.metadata.create_all(engine)
    tracking = track(engine, cache, outbox=False)
    with orm.Session(engine) as session, session.begin():
        session.add_all([Person(id=1, name="Ana"), Person(id=2, name="Bia")])
    yield engine
    tracking.close()
    engine.dispose()


def rename(engine: sa.Engine, name: str) -> None:
    with orm.Session(engine) as session, session.begin():
        session.get_one(Person, 1).name = name


def test_what_is_read_by_the_callers_session_ends_with_the_commit_that_changes_it(
    cache: Cache, engine: sa.Engine
) -> None:
    runs = []

    @cache.cached(expire=60, key_prefix="person", early=False)
    def name_of(session: orm.Session, number: int) -> str:
        runs.append(number)
        return session.get_one(Person, number).name

    for _ in range(2):
        with orm.Session(engine) as session:
            assert [name_of(session, 1), name_of(session, 2)] == ["Ana", "Bia"]
    assert runs == [1, 2]
    rename(engine, "Eva")
    with orm.Session(engine) as session:
        assert [name_of(session, 1), name_of(session, 2)] == ["Eva", "Bia"]
    assert runs == [1, 2, 1]


def test_a_session_that_has_changed_something_reads_its_own_and_stores_nothing(cache: Cache, engine: sa.Engine) -> None:
    @cache.cached(expire=60, key_prefix="person")
    def name_of(session: orm.Session, number: int) -> str:
        return session.get_one(Person, number).name

    with orm.Session(engine) as session:
        session.get_one(Person, 1).name = "mine"
        assert name_of(session, 1) == "mine"
        session.flush()
        assert name_of(session, 1) == "mine"
        session.rollback()
    with orm.Session(engine) as session:
        assert name_of(session, 1) == "Ana"


def test_two_engines_do_not_share_though_both_are_tracked_without_a_name(
    cache: Cache, engine: sa.Engine, tmp_path: Path
) -> None:
    other = sa.create_engine(f"sqlite:///{tmp_path / 'other.db'}")
    Base.metadata.create_all(other)
    tracking = track(other, cache, outbox=False)
    with orm.Session(other) as session, session.begin():
        session.add(Person(id=1, name="Zoé"))

    @cache.cached(expire=60, key_prefix="person")
    def name_of(session: orm.Session, number: int) -> str:
        return session.get_one(Person, number).name

    with orm.Session(engine) as one, orm.Session(other) as two:
        assert [name_of(one, 1), name_of(two, 1)] == ["Ana", "Zoé"]
    tracking.close()
    other.dispose()


def test_a_schema_that_the_session_translates_to_is_part_of_the_call(cache: Cache, engine: sa.Engine) -> None:
    @cache.cached(expire=60, key_prefix="person")
    def count(session: orm.Session) -> int:
        return 1

    keys = set()
    for name in (None, "a", "b"):
        with orm.Session(engine) as session:
            if name:
                session.connection(execution_options={"schema_translate_map": {None: name}})
            keys.add(count.key(session))
    assert len(keys) == 3


# -- mapped instances ------------------------------------------------------------------------------------------------


def test_what_is_made_of_an_instance_ends_with_its_row_though_no_statement_read_it(
    cache: Cache, engine: sa.Engine
) -> None:
    runs = []

    @cache.cached(expire=60, key_prefix="person", early=False)
    def shout(people: list[Person], mark: str = "!") -> str:
        runs.append(mark)
        return "".join(person.name.upper() + mark for person in people)

    for _ in range(2):
        with orm.Session(engine) as session:
            assert shout([session.get_one(Person, 1)]) == "ANA!"
    assert runs == ["!"]
    rename(engine, "Eva")
    with orm.Session(engine) as session:
        assert shout([session.get_one(Person, 1)]) == "EVA!"


def test_an_instance_that_is_older_than_its_row_makes_no_entry(cache: Cache, engine: sa.Engine) -> None:
    @cache.cached(expire=60, key_prefix="person")
    def shout(person: Person) -> str:
        return person.name.upper()

    with orm.Session(engine, expire_on_commit=False) as session:
        held = session.get_one(Person, 1)
        session.commit()
        rename(engine, "Eva")
        assert shout(held) == "ANA"
        with orm.Session(engine) as other:
            assert shout(other.get_one(Person, 1)) == "EVA"


def test_an_instance_that_was_changed_makes_no_entry(cache: Cache, engine: sa.Engine) -> None:
    @cache.cached(expire=60, key_prefix="person")
    def shout(person: Person) -> str:
        return person.name.upper()

    with orm.Session(engine) as session:
        person = session.get_one(Person, 1)
        person.name = "mine"
        assert shout(person) == "MINE"
    with orm.Session(engine) as session:
        assert shout(session.get_one(Person, 1)) == "ANA"


# -- nothing is loaded with a session behind its caller's back --------------------------------------------------------


class Clock:
    """A time that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1_000_000_000.0

    def __call__(self) -> float:
        return self.seconds


def expiring_cache(clock: Clock) -> Cache:
    from frescor._runtime.engine import Engine
    from frescor._runtime.nondeterminism import Nondeterminism
    from frescor._store.memory import MemoryStore

    return Cache(
        Engine(
            MemoryStore(now=clock), local_bytes=0, key_secret=b"", ring=None, nondeterminism=Nondeterminism(now=clock)
        )
    )


@pytest.mark.parametrize("soft_timeout", [0, 5])
def test_a_value_past_its_time_is_loaded_anew_in_the_callers_thread(soft_timeout: float, tmp_path: Path) -> None:
    clock = Clock()
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'people.db'}")
    Base.metadata.create_all(engine)
    threads = []
    with expiring_cache(clock) as cache:

        @cache.cached(expire=60, key_prefix="person", jitter=0, early=False, grace=60, soft_timeout=soft_timeout)
        def count(session: orm.Session) -> int:
            threads.append(threading.current_thread())
            return len(threads)

        with orm.Session(engine) as session:
            assert count(session) == 1
            clock.seconds += 61
            assert count(session) == 2
            assert count(session) == 2
        assert set(threads) == {threading.current_thread()}
        assert cache.stats()["person"].refreshes == 1


def test_a_load_anew_that_fails_leaves_the_old_value_for_its_grace(tmp_path: Path) -> None:
    clock = Clock()
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'people.db'}")
    runs = []
    with expiring_cache(clock) as cache:

        @cache.cached(expire=60, key_prefix="person", jitter=0, early=False, grace=60)
        def count(session: orm.Session) -> int:
            runs.append(1)
            if len(runs) > 1:
                raise ValueError("down")
            return 1

        with orm.Session(engine) as session:
            assert count(session) == 1
            clock.seconds += 61
            assert count(session) == 1
            clock.seconds += 61
            with pytest.raises(ValueError, match="down"):
                count(session)


def test_an_awaited_one_is_loaded_anew_in_the_callers_task(tmp_path: Path) -> None:
    clock = Clock()
    tasks = []

    async def run() -> None:
        engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'people.db'}")
        with expiring_cache(clock) as cache:

            @cache.cached(expire=60, key_prefix="person", jitter=0, early=False, grace=60)
            async def count(session: AsyncSession, number: int) -> int:
                tasks.append(asyncio.current_task())
                await session.execute(sa.text("SELECT 1"))
                return len(tasks)

            async with AsyncSession(engine) as session:
                assert await count(session, 1) == 1
                clock.seconds += 61
                assert [await count(session, 1), await count(session, 1)] == [2, 2]
            await cache.aio.close()
        await engine.dispose()
        assert set(tasks) == {asyncio.current_task()}

    asyncio.run(run())
