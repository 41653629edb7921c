"""What only MySQL and MariaDB do, and what Frescor makes of it: the row, the rollback and the commit are not always
those that the statement names."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.dialects import mysql

from frescor import Cache
from frescor.errors import PolicyError
from private_mariadb import PrivateMariaDB

pytest.importorskip("pymysql")


class Base(orm.DeclarativeBase):
    pass


class Thing(Base):
    __tablename__ = "thing"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    code: orm.Mapped[str] = orm.mapped_column(sa.String(20), unique=True)
    size: orm.Mapped[int] = orm.mapped_column(default=0)


class Old(Base):
    """In a table of an engine without transactions."""

    __table__ = sa.Table(
        "old",
        Base.metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("size", sa.Integer, nullable=False),
        mysql_engine="MyISAM",
        mariadb_engine="MyISAM",
    )
    id: orm.Mapped[int]
    size: orm.Mapped[int]


class Things:
    """A tracked database with three things, and what a cached read of each row returns."""

    def __init__(self, engine: sa.Engine, cache: Cache) -> None:
        self.engine = engine
        Base.metadata.create_all(engine)
        self.loads = 0

        @cache.cached(expire=600, key_prefix="thing", early=False)
        def thing(number: int) -> tuple[str, int] | None:
            self.loads += 1
            with orm.Session(engine) as session:
                found = session.get(Thing, number)
                return None if found is None else (found.code, found.size)

        @cache.cached(expire=600, key_prefix="old", early=False)
        def old() -> int | None:
            with orm.Session(engine) as session:
                return session.scalar(sa.select(Old.size).where(Old.id == 1))

        self.thing, self.old = thing, old

    def furnish(self) -> None:
        """Three things are there, and everything is in the cache."""
        with orm.Session(self.engine) as session, session.begin():
            for kind in (Thing, Old):
                session.execute(sa.delete(kind))
            session.add_all([Thing(id=number, code=f"c{number}") for number in (1, 2, 3)])
            session.add(Old(id=1, size=0))
        self.fill()

    def fill(self) -> None:
        for number in range(8):
            self.thing(number)
        self.old()

    def agrees(self) -> bool:
        """Whether what is cached is what the database says."""
        cached = [self.thing(number) for number in range(8)], self.old()
        return cached == ([self.thing.uncached(number) for number in range(8)], self.old.uncached())


@pytest.fixture(params=["pymysql", "mysqldb"])
def driver(request: pytest.FixtureRequest) -> str:
    if request.param == "mysqldb":
        pytest.importorskip("MySQLdb")
    return str(request.param)


@pytest.fixture
def things(
    driver: str, mariadb_server: PrivateMariaDB, tracked_cache: Cache, tracker: Callable[..., Any]
) -> Iterator[Things]:
    engine = sa.create_engine(mariadb_server.make_database(driver))
    tracker(engine)
    things = Things(engine, tracked_cache)
    things.furnish()
    yield things
    engine.dispose()


WRITES: dict[str, Any] = {
    "an insert of 0 gets a generated key": sa.insert(Thing).values(id=0, code="new"),
    "so does one as text": sa.text("INSERT INTO thing (id, code, size) VALUES (0, 'new', 1)"),
    "and one of many rows": (sa.insert(Thing), [{"id": 0, "code": "new"}, {"id": 0, "code": "newer"}]),
    "NULL as text": sa.text("INSERT INTO thing (id, code, size) VALUES (NULL, 'new', 1)"),
    "a REPLACE deletes another row": sa.text("REPLACE INTO thing (id, code, size) VALUES (7, 'c2', 1)"),
    "a REPLACE by a prefix": sa.insert(Thing).prefix_with("/*! IGNORE */").values(id=7, code="c7"),
    "ON DUPLICATE KEY changes another row": sa.text(
        "INSERT INTO thing (id, code, size) VALUES (7, 'c2', 1) ON DUPLICATE KEY UPDATE size = 5"
    ),
    "ON DUPLICATE KEY, built": mysql.insert(Thing).values(id=7, code="c2").on_duplicate_key_update(size=5),
    "ON DUPLICATE KEY gives another key": sa.text(
        "INSERT INTO thing (id, code, size) VALUES (7, 'c2', 1) ON DUPLICATE KEY UPDATE id = 6"
    ),
    "INSERT SET": sa.text("INSERT INTO thing SET id = 7, code = 'c7', size = 1"),
    "a key is computed": sa.text("UPDATE thing SET id = id + 4 WHERE id = 2"),
    "a limited UPDATE": sa.text("UPDATE thing SET size = 9 ORDER BY id DESC LIMIT 1"),
    "a join is updated": sa.text("UPDATE thing a JOIN thing b ON b.id = a.id + 1 SET a.size = 3 WHERE b.id = 3"),
    "one side of a join is deleted": sa.text("DELETE a FROM thing a JOIN thing b ON b.id = a.id + 1 WHERE b.id = 3"),
    "a conditional comment": sa.text("/*! UPDATE thing SET size = 8 */"),
    "a text's number is cut off": sa.text("UPDATE IGNORE thing SET size = 8 WHERE id = '2x'"),
    "a key that does not fit": sa.text("INSERT IGNORE INTO thing (id, code, size) VALUES ('5x', 'five', 1)"),
    "a procedure's text": sa.text("EXECUTE IMMEDIATE 'UPDATE thing SET size = 4'"),
    "a table is emptied": sa.text("TRUNCATE TABLE thing"),
    "WITH before a write": sa.text(
        "INSERT INTO thing (id, code, size) WITH t AS (SELECT 5 AS id) SELECT id, 'x', 1 FROM t"
    ),
}


def test_what_a_statement_of_mysql_changes_is_read_anew(things: Things) -> None:
    stale = []
    for name, statement in WRITES.items():
        things.furnish()
        with orm.Session(things.engine) as session, session.begin():
            session.execute(*statement if isinstance(statement, tuple) else (statement,))
        if not things.agrees():
            stale.append(name)
    assert stale == []


def test_rows_are_told_apart(things: Things) -> None:
    loads = things.loads
    with orm.Session(things.engine) as session, session.begin():
        session.execute(sa.update(Thing).where(Thing.id == 1).values(size=4))
    things.fill()
    assert things.loads == loads + 1


@pytest.mark.parametrize("end", ["rollback", "savepoint"])
def test_what_a_rollback_does_not_undo_is_read_anew(end: str, things: Things) -> None:
    with orm.Session(things.engine) as session:
        savepoint = session.begin_nested() if end == "savepoint" else None
        session.execute(sa.update(Old).values(size=5))
        (savepoint or session).rollback()
        session.commit()
    assert things.agrees()
    assert things.old() == 5


@pytest.mark.parametrize("way", ["connect_args", "text", "driver"])
def test_a_write_that_the_server_commits_by_itself_is_refused(
    way: str, driver: str, mariadb_server: PrivateMariaDB, tracked_cache: Cache, tracker: Callable[..., Any]
) -> None:
    options = {"connect_args": {"autocommit": True}} if way == "connect_args" else {}
    engine = sa.create_engine(mariadb_server.make_database(driver), **options)
    if way == "driver":
        sa.event.listen(engine, "connect", lambda connection, _: connection.autocommit(True))
    Base.metadata.create_all(engine)
    tracker(engine)
    with engine.connect() as connection:
        if way == "text":
            connection.exec_driver_sql("SET autocommit = 1")
        with pytest.raises(PolicyError, match="AUTOCOMMIT"):
            connection.execute(sa.insert(Thing).values(id=1, code="one"))
    engine.dispose()


def test_an_engine_with_an_outbox_is_refused_with_what_to_write(
    mariadb_server: PrivateMariaDB, tracker: Callable[..., Any]
) -> None:
    engine = sa.create_engine(mariadb_server.make_database())
    with pytest.raises(PolicyError, match="outbox=False"):
        tracker(engine, outbox=True)


def test_what_a_procedure_commits_is_read_anew_whatever_follows(things: Things) -> None:
    with things.engine.connect() as connection:
        connection.exec_driver_sql("CREATE PROCEDURE grow() BEGIN UPDATE thing SET size = 7; COMMIT; END")
    things.furnish()
    with things.engine.connect() as connection:
        connection.execute(sa.text("CALL grow()"))
        connection.rollback()
    assert things.agrees()
    assert things.thing(1) == ("c1", 7)
