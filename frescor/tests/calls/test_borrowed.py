"""Sessions and connections are left out of a call, their database is not; requests are refused with what to write."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask
import pytest
import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session, async_sessionmaker, create_async_engine

from frescor import Cache, Policy, PolicyError
from frescor._calls.borrowed import name_engine

POLICY = Policy(name="p", expire=60)


class Base(orm.DeclarativeBase):
    pass


class Person(Base):
    __tablename__ = "person"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    kind: orm.Mapped[str] = orm.mapped_column(default="person")
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "person"}  # noqa: RUF012  # as its manual has it


class Member(Person):
    __mapper_args__ = {"polymorphic_identity": "member"}  # noqa: RUF012


class Mapped(orm.MappedAsDataclass, Base, kw_only=True):
    __tablename__ = "mapped"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(default="")


@pytest.fixture
def key() -> Iterator[Callable[..., str]]:
    def read(db: Any, number: int = 0) -> int:
        return number

    with Cache.from_url("memory://", "test") as cache:
        yield cache.cached(POLICY)(read).key


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'one.db'}")
    Base.metadata.create_all(engine)
    yield engine
    engine.dispose()


def test_whatever_reads_one_database_is_one_call(engine: sa.Engine, key: Callable[..., str], tmp_path: Path) -> None:
    aio = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'one.db'}")
    maker = orm.sessionmaker(engine)
    scoped = orm.scoped_session(maker)
    scoped_async = async_scoped_session(async_sessionmaker(aio), scopefunc=lambda: 1)
    with engine.connect() as connection, orm.Session(engine) as session, orm.Session(bind=connection) as inner:
        begun = orm.Session(engine)
        begun.execute(sa.text("SELECT 1"))
        all_of_them = [engine, connection, session, inner, begun, maker, scoped, scoped_async]
        all_of_them += [aio, AsyncSession(aio), async_sessionmaker(aio), aio.connect()]
        assert len({key(one) for one in all_of_them}) == 1
        assert key(session, 1) != key(session, 2)
        begun.close()
        scoped.remove()


def test_two_databases_are_two_calls(engine: sa.Engine, key: Callable[..., str], tmp_path: Path) -> None:
    other = sa.create_engine(f"sqlite:///{tmp_path / 'other.db'}")
    with orm.Session(engine) as one, orm.Session(other) as two, other.connect() as connection:
        assert len({key(one), key(two), key([one]), key([two])}) == 4
        assert key(two) == key(connection)


def test_each_database_in_memory_is_itself(key: Callable[..., str]) -> None:
    one, other = sa.create_engine("sqlite://"), sa.create_engine("sqlite:///:memory:")
    shared = sa.create_engine("sqlite:///file:x?mode=memory&cache=shared&uri=true", poolclass=sa.StaticPool)
    with orm.Session(one) as session, orm.Session(one.execution_options(echo=True)) as same:
        assert len({key(session), key(other), key(shared)}) == 3
        assert key(session) == key(same)


def test_an_engine_without_an_address_is_itself(key: Callable[..., str]) -> None:
    def made_by(creator: Callable[[], Any]) -> sa.Engine:
        return sa.create_engine("postgresql+psycopg://", creator=creator)

    assert key(made_by(lambda: 1)) != key(made_by(lambda: 2))


def test_who_reads_as_another_user_or_with_another_search_path_reads_another_database(key: Callable[..., str]) -> None:
    base = "postgresql+psycopg://ana:one@db/shop"
    assert key(sa.create_engine(base)) == key(create_async_engine("postgresql+psycopg://ana:two@db/shop"))
    others = [base, "postgresql+psycopg://bia:one@db/shop", f"{base}?options=-csearch_path%3Dtenant"]
    assert len({key(sa.create_engine(url)) for url in others}) == 3


def test_a_schema_that_statements_are_translated_to_is_part_of_the_call(
    engine: sa.Engine, key: Callable[..., str]
) -> None:
    translated = {name: {"schema_translate_map": {None: name}} for name in ("a", "b")}
    with engine.connect() as connection:
        keys = {key(connection), key(connection.execution_options(**translated["a"])), key(engine)}
    keys |= {key(orm.Session(engine.execution_options(**options))) for options in translated.values()}
    assert len(keys) == 3


def test_a_name_that_an_engine_is_tracked_by_stands_for_its_address(key: Callable[..., str], tmp_path: Path) -> None:
    engines = [sa.create_engine(f"sqlite:///{tmp_path / name}") for name in ("a.db", "b.db", "c.db")]
    for engine, name in zip(engines, ("same", "same", "other"), strict=True):
        name_engine(engine.dialect, name)
    one, two, three = map(key, engines)
    assert one == two != three


def test_a_session_of_several_engines_is_refused_with_what_to_write(engine: sa.Engine) -> None:
    def read(session: orm.Session) -> int:
        return 1

    with Cache.from_url("memory://", "test") as cache, orm.Session(binds={Person: engine}) as session:
        with pytest.raises(
            PolicyError, match=r"does not tell which database.*key={'session': …}.*ignore=\('session',\)"
        ):
            cache.cached(POLICY)(read)(session)
        assert cache.cached(POLICY, name="a", ignore=("session",))(read)(session) == 1
        assert cache.cached(POLICY, name="b", key={"session": lambda _: "shop"})(read)(session) == 1


@dataclasses.dataclass(frozen=True)
class Repository:
    session: orm.Session

    def count(self, number: int) -> int:
        return number


def test_a_dataclass_with_a_session_counts_by_its_database(engine: sa.Engine, tmp_path: Path) -> None:
    other = sa.create_engine(f"sqlite:///{tmp_path / 'other.db'}")
    with Cache.from_url("memory://", "test") as cache:
        count = cache.cached(POLICY)(Repository.count)
        sessions = [orm.Session(engine), orm.Session(engine), orm.Session(other)]
        one, same, two = (count.key(Repository(session), 1) for session in sessions)
        assert one == same != two


# -- mapped instances ------------------------------------------------------------------------------------------------


def test_a_mapped_instance_is_its_primary_key(engine: sa.Engine, key: Callable[..., str], tmp_path: Path) -> None:
    other = sa.create_engine(f"sqlite:///{tmp_path / 'other.db'}")
    Base.metadata.create_all(other)
    for database in (engine, other):
        with orm.Session(database) as session, session.begin():
            session.add_all([Person(id=1), Person(id=2), Member(id=3), Mapped(id=1)])
    with orm.Session(engine) as first, orm.Session(engine) as second, orm.Session(other) as elsewhere:
        one = first.get_one(Person, 1)
        assert key(one) == key(second.get_one(Person, 1))
        mapped = first.get_one(Mapped, 1)
        before = key(mapped)
        mapped.name = "changed"
        assert key(mapped) == before
        keys = [key(one), key(first.get_one(Person, 2)), key(first.get_one(Person, 3)), key(mapped)]
        keys += [key(elsewhere.get_one(Person, 1)), key(1)]
        assert len(set(keys)) == len(keys)


def test_an_instance_without_a_row_or_without_a_session_is_refused(engine: sa.Engine, key: Callable[..., str]) -> None:
    with pytest.raises(PolicyError, match=r"has not been stored yet.*Pass its id"):
        key(Person(id=1))
    with orm.Session(engine, expire_on_commit=False) as session:
        session.add(person := Person(id=5))
        with pytest.raises(PolicyError, match="has not been stored yet"):
            key(person)
        session.commit()
        key(person)
    with pytest.raises(PolicyError, match=r"belongs to no session any more.*Pass its id"):
        key(person)


# -- requests --------------------------------------------------------------------------------------------------------


def of_request(request: flask.Request) -> int:
    return 1


def test_a_request_is_refused_where_it_is_declared() -> None:
    with Cache.from_url("memory://", "test") as cache:
        with pytest.raises(PolicyError, match=r"'request'.*page=request\.args\['page'\].*ignore=\('request',\)"):
            cache.cached(POLICY)(of_request)
        cache.cached(POLICY, ignore=("request",))(of_request)
        cache.cached(POLICY, name="by page", key={"request": lambda request: request.path})(of_request)


def test_a_request_or_its_proxy_is_refused_where_it_is_passed(key: Callable[..., str]) -> None:
    with flask.Flask("x").test_request_context("/?page=1"):
        with pytest.raises(PolicyError, match=r"stands for another object in each request.*ignore=\('db',\)"):
            key(flask.request)
        with pytest.raises(PolicyError, match=r"a different one at each call.*ignore=\('db',\)"):
            key(flask.request._get_current_object())  # type: ignore[attr-defined]
