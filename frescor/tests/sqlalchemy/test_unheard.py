"""What the application's own listeners and logs hear is what the application does, and nothing of Frescor's."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from frescor import Cache
from frescor._calls.loading import Loading
from frescor.sqlalchemy import outbox_table, track


class Base(orm.DeclarativeBase):
    pass


class Member(Base):
    __tablename__ = "member"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str]


OUTBOX = outbox_table(Base.metadata)
CONNECTION = (
    "before_execute", "after_execute", "before_cursor_execute", "after_cursor_execute", "begin", "rollback", "commit",
    "savepoint", "rollback_savepoint", "release_savepoint", "engine_connect", "set_connection_execution_options",
)  # fmt: skip
POOL = ("first_connect", "connect", "checkout", "checkin", "reset")
DIALECT = ("do_execute", "do_executemany", "do_execute_no_params")
Heard = list[str]


def telling(heard: Heard, name: str) -> Callable[..., None]:
    def tell(*arguments: Any) -> None:
        texts = [one for one in arguments if isinstance(one, str) and "frescor_outbox" not in one]
        heard.append(" ".join((name, *texts)))

    return tell


class Listening:
    """Hears of an engine, and of all engines, everything that SQLAlchemy tells."""

    def __init__(self, engine: sa.Engine, pool: tuple[str, ...]) -> None:
        self.heard: Heard = []
        self._listeners: list[tuple[Any, str, Any]] = [
            (sa.Engine, name, telling(self.heard, f"any {name}")) for name in CONNECTION
        ]
        self._listeners += [(sa.Connection, "before_cursor_execute", telling(self.heard, "any connection"))]
        for target, names in ((engine, (*CONNECTION, *DIALECT)), (engine.pool, pool)):
            self._listeners += [(target, name, telling(self.heard, name)) for name in names]
        # Not put back by SQLAlchemy: every engine of this process would be one with listeners from now on.
        # In SQLAlchemy 2.1.0 the class Connection has no such attribute before.
        self._before = [(kind, vars(kind).get("_has_events")) for kind in (sa.Engine, sa.Connection)]
        for target, name, tell in self._listeners:
            sa.event.listen(target, name, tell)

    def close(self) -> None:
        for target, name, tell in self._listeners:
            sa.event.remove(target, name, tell)
        for kind, had in self._before:
            if had is not None:
                kind._has_events = had
            else:
                del kind._has_events


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.DEBUG, "sqlalchemy")

    def taken() -> list[str]:
        lines = [one.getMessage() for one in caplog.records if one.name.startswith("sqlalchemy.engine")]
        caplog.clear()
        return [line for line in lines if not line.startswith("[")]

    return taken


def use(engine: sa.Engine, read: Callable[[Callable[[], Any]], Any]) -> None:
    """What an application does, its tables made on the way."""
    Base.metadata.create_all(engine)
    with orm.Session(engine) as session, session.begin():
        session.add_all([Member(id=1, name="ana"), Member(id=2, name="rui")])
        session.flush()
        with session.begin_nested():
            session.execute(sa.update(Member).values(name="new"))

    def names() -> list[str]:
        with orm.Session(engine) as session:
            session.execute(sa.text("SELECT count(*) FROM member")).all()
            return list(session.scalars(sa.select(Member.name).order_by(Member.id)))

    assert read(names) == ["new", "new"]
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE more (id INTEGER PRIMARY KEY)"))
        connection.execute(sa.text("INSERT INTO more VALUES (1)"))
        connection.execute(sa.text("DROP TABLE more"))
    with engine.connect() as connection:
        connection.execute(sa.delete(Member))
        connection.rollback()


def load(read: Callable[[], Any]) -> Any:
    """As a cached function is loaded; on a plain engine that changes nothing."""
    with Loading():
        return read()


@pytest.mark.unwatched
@pytest.mark.parametrize("outbox", [False, True], ids=["without an outbox", "with an outbox"])
def test_listeners_and_logs_hear_what_they_hear_of_a_plain_engine(
    outbox: bool, database_url: str, tracked_cache: Cache, logged: Callable[[], list[str]], tmp_path: Path
) -> None:
    heard: list[Heard] = []
    lines: list[list[str]] = []
    other = f"sqlite:///{tmp_path / 'plain.db'}" if database_url.startswith("sqlite") else database_url
    for tracked, url in ((False, other), (True, database_url)):
        engine = sa.create_engine(url)
        # What a dialect asks at its first connection.
        engine.connect().close()
        Base.metadata.drop_all(engine)
        tracking = track(engine, tracked_cache, outbox=outbox) if tracked else None
        # A connection of the relay's is prepared by who prepares the application's.
        listening = Listening(engine, () if outbox else POOL)
        logged()
        use(engine, load)
        heard.append(listening.heard)
        lines.append(logged())
        listening.close()
        if tracking is not None:
            tracking.close()
        Base.metadata.drop_all(engine)
        engine.dispose()
    assert heard[1] == heard[0]
    assert lines[1] == lines[0]
