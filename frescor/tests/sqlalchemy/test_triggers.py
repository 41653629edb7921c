"""Triggers: what bypasses Python is seen, what Frescor writes itself is not seen twice."""

import functools
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from frescor import MISS, Cache, Policy, PolicyError
from frescor.sqlalchemy import track
from frescor.sqlalchemy._outbox.outbox import Outbox
from frescor.sqlalchemy._outbox.relay import Relay
from frescor.sqlalchemy._slices.reported import raised_by
from frescor.sqlalchemy._tracking.triggers import (
    install_triggers,
    installed_triggers,
    mark_connections,
    remove_triggers,
)
from frescor.testing import PrivateServer
from frescor.testing.private_postgres import PrivatePostgres
from waiting import until


class Base(DeclarativeBase):
    pass


class Member(Base):
    __tablename__ = "member"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Payment(Base):
    __tablename__ = "payment"
    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int] = mapped_column(sa.ForeignKey("member.id", ondelete="CASCADE"))


MEMBER = ["sql:member", "sql:member#"]


def payment(*members: int) -> list[str]:
    """What a trigger reports of payments of these members."""
    of_member = "?member_id?int"
    return ["sql:payment", "sql:payment#", of_member, *(f"{of_member}={one}" for one in members)]


POLICY = Policy(name="p", expire=300, tags=("sql:member",))
# Seconds: what is promised, where it is measured; on a machine that is busy with other tests it is not.
SOON = 1.0 if "FRESCOR_CRASHES" in os.environ else 10.0


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine(database_url)
    Base.metadata.create_all(engine)
    Outbox().table.metadata.create_all(engine)
    yield engine
    engine.dispose()


def program(engine: sa.Engine) -> Any:
    """A connection of another program: a driver's own, which commits each statement."""
    if engine.dialect.name == "sqlite":
        connection = sqlite3.connect(engine.url.database or "", isolation_level=None)
        connection.execute("PRAGMA foreign_keys = on")
        return connection
    return psycopg.connect(str(engine.url.set(drivername="postgresql")), autocommit=True)


def taken(engine: sa.Engine) -> list[list[str]]:
    """The tags of the rows that wait, in order; removes them."""
    with engine.begin() as connection:
        box = Outbox().table
        found = connection.scalars(sa.select(box.c.tags).where(box.c.origin == "trigger").order_by(box.c.tags)).all()
        connection.execute(sa.delete(box))
    return [json.loads(tags) for tags in found]


def install(engine: sa.Engine, *tables: object, **options: Any) -> list[str]:
    with engine.begin() as connection:
        return install_triggers(connection, tables, **options)


@pytest.mark.unwatched  # for a second after the ATTACH of another program, a read does not name the new part
def test_a_write_to_a_part_ends_what_was_read_of_the_table_above(
    postgres_server: PrivatePostgres, tracked_cache: Cache
) -> None:
    url = postgres_server.make_database()
    plain, engine = sa.create_engine(url), sa.create_engine(url)
    Outbox().table.metadata.create_all(plain)
    with plain.begin() as connection:
        for statement in (
            "CREATE TABLE paid (id int, year int) PARTITION BY RANGE (year)",
            "CREATE TABLE paid_25 PARTITION OF paid FOR VALUES FROM (2025) TO (2026) PARTITION BY RANGE (id)",
            "CREATE TABLE paid_25_small PARTITION OF paid_25 FOR VALUES FROM (0) TO (100)",
            "CREATE TABLE paid_26 (id int, year int)",
            "CREATE TABLE above (id int)",
            "CREATE TABLE below () INHERITS (above)",
        ):
            connection.exec_driver_sql(statement)
    parts = ["paid_25", "paid_25_small", "below"]
    assert install(plain, "paid", "above", "paid_26") == ["paid", "above", "paid_26", *parts]
    tracking = track(engine, tracked_cache)

    @tracked_cache.cached(expire=300, key_prefix="count", early=False)
    def count(table: str) -> int:
        with engine.connect() as connection:
            return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())

    def is_right(table: str) -> bool:
        return count(table) == count.uncached(table)

    writes = {
        "INSERT INTO paid_25_small VALUES (1, 2025)": ("paid", "paid_25", "paid_25_small"),
        "INSERT INTO paid_25 VALUES (2, 2025)": ("paid", "paid_25", "paid_25_small"),
        "INSERT INTO paid VALUES (3, 2025)": ("paid", "paid_25", "paid_25_small"),
        "INSERT INTO below VALUES (1)": ("above", "below"),
        # Since its triggers were installed, it has become a part.
        "ALTER TABLE paid ATTACH PARTITION paid_26 FOR VALUES FROM (2026) TO (2027)": (),
        "INSERT INTO paid_26 VALUES (1, 2026)": ("paid", "paid_26"),
    }
    with closing(program(plain)) as other:
        for write, tables in writes.items():
            for table in tables:
                count(table)
            other.execute(write)
            for table in tables:
                assert until(functools.partial(is_right, table)), (write, table)
    tracking.close()
    engine.dispose()
    plain.dispose()


def test_each_kind_of_write_of_another_program_leaves_one_row(engine: sa.Engine) -> None:
    assert install(engine, Member, "payment") == ["member", "payment"]
    with closing(program(engine)) as other:
        other.execute("INSERT INTO member VALUES (1, 'a'), (2, 'b'), (3, 'c')")
        assert taken(engine) == [MEMBER]
        other.execute("UPDATE member SET name = 'd'")
        assert taken(engine) == [MEMBER]
        other.execute("SELECT * FROM member")
        assert taken(engine) == []
        other.execute("INSERT INTO payment VALUES (1, 1)")
        assert taken(engine) == [payment(1)]
        other.execute("DELETE FROM member WHERE id = 1")
        # The database deleted the payment.
        assert taken(engine) == [MEMBER, payment(1)]
        if engine.dialect.name == "postgresql":
            other.execute("TRUNCATE payment")
            assert taken(engine) == [["sql:payment", "sql:payment#"]]


def test_a_row_that_moves_is_reported_as_it_was_and_as_it_is(engine: sa.Engine) -> None:
    install(engine, Payment)
    with closing(program(engine)) as other:
        other.execute("INSERT INTO member VALUES (1, 'a'), (2, 'b')")
        other.execute("INSERT INTO payment VALUES (1, 1), (2, 1)")
        assert sorted(set(taken(engine)[0])) == sorted(payment(1))
        other.execute("UPDATE payment SET member_id = 2 WHERE id = 1")
        assert taken(engine) == [payment(1, 2)]
        other.execute("DELETE FROM payment WHERE id = 1")
        assert taken(engine) == [payment(2)]


def test_a_write_of_many_rows_reports_a_limited_number_of_slices(engine: sa.Engine) -> None:
    install(engine, Payment)
    number = 100_000 if "FRESCOR_CRASHES" in os.environ else 2_000
    with closing(program(engine)) as other:
        other.execute("BEGIN")
        rows = [(one, one % 500) for one in range(number)]
        if engine.dialect.name == "sqlite":
            other.execute("PRAGMA defer_foreign_keys = on")
            other.executemany("INSERT INTO member VALUES (?, '')", [(one,) for one in range(500)])
            other.executemany("INSERT INTO payment VALUES (?, ?)", rows)
        else:
            other.execute("INSERT INTO member SELECT one, '' FROM generate_series(0, 499) AS one")
            other.execute(f"INSERT INTO payment SELECT one, mod(one, 500) FROM generate_series(1, {number}) AS one")
        other.execute("COMMIT")
    found = taken(engine)
    assert len(found) <= 65
    # At least one says that all slices are concerned.
    assert ("sql:payment", "sql:payment#", "sql:payment#@!") in [raised_by(row, str) for row in found]


def test_a_column_that_was_dropped_since_keeps_nobody_from_writing(postgres_server: PrivatePostgres) -> None:
    engine = sa.create_engine(postgres_server.make_database())
    Base.metadata.create_all(engine)
    Outbox().table.metadata.create_all(engine)
    install(engine, Payment)
    with closing(program(engine)) as other:
        other.execute("ALTER TABLE payment DROP COLUMN member_id")
        other.execute("INSERT INTO payment VALUES (1)")
    assert taken(engine) == [["sql:payment", "sql:payment#"]]
    engine.dispose()


@pytest.mark.parametrize(
    ("before", "write"),
    [
        ("", "INSERT OR REPLACE INTO payment VALUES (1, 2)"),
        ("", "UPDATE OR REPLACE payment SET id = 1 WHERE id = 5"),
        ("", "REPLACE INTO payment (rowid, member_id) VALUES (1, 2)"),
        ("CREATE UNIQUE INDEX one ON payment (member_id)", "INSERT OR REPLACE INTO payment VALUES (9, 1)"),
        ("CREATE UNIQUE INDEX one ON payment (member_id)", "UPDATE OR REPLACE payment SET member_id = 1 WHERE id = 5"),
        ("CREATE UNIQUE INDEX one ON payment (abs(member_id))", "INSERT OR REPLACE INTO payment VALUES (9, 1)"),
        (
            "CREATE UNIQUE INDEX one ON payment (member_id) WHERE id < 99",
            "INSERT OR REPLACE INTO payment VALUES (9, 1)",
        ),
    ],
)
def test_a_write_that_replaces_another_row_on_sqlite_reports_no_slices(tmp_path: Path, before: str, write: str) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'test.db'}")
    Base.metadata.create_all(engine)
    Outbox().table.metadata.create_all(engine)
    with closing(program(engine)) as other:
        other.execute("PRAGMA foreign_keys = off")
        other.execute("INSERT INTO payment VALUES (1, 1), (5, 5)")
        if before:
            other.execute(before)
        install(engine, Payment)
        # The row of member 1 is deleted, and no trigger fires for that.
        other.execute(write)
        assert other.execute("SELECT count(*) FROM payment WHERE id = 1 AND member_id = 1").fetchone() == (0,)
    assert ["sql:payment", "sql:payment#"] in taken(engine)
    engine.dispose()


def test_triggers_of_an_earlier_release_go_on_and_are_made_anew(postgres_server: PrivatePostgres) -> None:
    engine = sa.create_engine(postgres_server.make_database())
    Base.metadata.create_all(engine)
    Outbox().table.metadata.create_all(engine)
    install(engine, Member)
    with closing(program(engine)) as other:
        other.execute(
            "CREATE TRIGGER frescor_outbox AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON payment FOR EACH STATEMENT "
            """EXECUTE FUNCTION frescor_note_write('["sql:payment","sql:payment#"]')"""
        )
        other.execute("INSERT INTO member VALUES (1, 'a')")
        assert taken(engine) == [MEMBER]
        other.execute("INSERT INTO payment VALUES (1, 1)")
        assert taken(engine) == [["sql:payment", "sql:payment#"]]
        with engine.begin() as connection:
            assert install_triggers(connection, installed_triggers(connection)) == ["member", "payment"]
        other.execute("DELETE FROM payment")
        assert taken(engine) == [payment(1)]
    engine.dispose()


def test_without_slices_nothing_but_the_table_is_reported(engine: sa.Engine) -> None:
    install(engine, Payment, slices=None)
    with closing(program(engine)) as other:
        other.execute("INSERT INTO member VALUES (1, 'a')")
        other.execute("INSERT INTO payment VALUES (1, 1)")
    assert taken(engine) == [["sql:payment", "sql:payment#"]]


def test_another_program_ends_the_slices_that_its_rows_left_and_came_to(engine: sa.Engine) -> None:
    install(engine, Payment)
    with PrivateServer(namespaces=["test"]) as server, Cache.from_url(server.url, "test") as cache:
        tracking = track(engine, cache, slices={})

        @cache.cached(expire=300, key_prefix="payments")
        def payments(member: int) -> int:
            with engine.connect() as connection:
                return len(connection.execute(sa.select(Payment.id).where(Payment.member_id == member)).all())

        with closing(program(engine)) as other:
            other.execute("INSERT INTO member VALUES (1, 'a'), (2, 'b'), (3, 'c')")
            other.execute("INSERT INTO payment VALUES (1, 1), (2, 2), (3, 3)")
            # The first load registers the column, and what is not applied yet ends what is stored.
            payments(1)
            assert until(lambda: not waits(engine), within=SOON)
            for member in (1, 2, 3):
                payments(member)
            assert MISS not in [payments.peek(member) for member in (1, 2, 3)]
            other.execute("UPDATE payment SET member_id = 2 WHERE id = 1")
            assert until(lambda: payments.peek(1) is MISS and payments.peek(2) is MISS, within=SOON)
            assert payments.peek(3) == 1
            assert (payments(1), payments(2), payments(3)) == (0, 2, 1)
        tracking.close()


def waits(engine: sa.Engine) -> bool:
    """Whether rows of the outbox wait to be applied."""
    with engine.connect() as connection:
        box = Outbox().table
        return bool(connection.scalar(sa.select(sa.func.count()).where(box.c.applied_at.is_(None))))


def test_what_is_rolled_back_leaves_no_row(engine: sa.Engine) -> None:
    install(engine, Member)
    with closing(program(engine)) as other:
        other.execute("BEGIN")
        other.execute("INSERT INTO member VALUES (1, 'a')")
        other.execute("ROLLBACK")
    assert taken(engine) == []


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_what_a_tracked_connection_writes_leaves_no_row_of_a_trigger(engine: sa.Engine, kind: str) -> None:
    install(engine, Member)
    url = engine.url.set(drivername=engine.url.drivername.replace("sqlite", "sqlite+aiosqlite"))
    tracked = sa.create_engine(engine.url) if kind == "sync" else create_async_engine(url).sync_engine
    mark_connections(tracked)

    def write() -> None:
        for number in (1, 2):
            with tracked.connect() as connection:
                connection.execute(sa.insert(Member).values(id=number, name="a"))
                # What was set is not part of a transaction.
                connection.rollback()
                connection.execute(sa.insert(Member).values(id=number, name="a"))
                connection.commit()
        tracked.dispose()

    if kind == "sync":
        write()
    else:
        import asyncio

        asyncio.run(sa.util.greenlet_spawn(write))
    assert taken(engine) == []
    with closing(program(engine)) as other:
        other.execute("DELETE FROM member")
    assert taken(engine) == [MEMBER]


def test_a_tracked_connection_keeps_the_name_of_its_application(postgres_server: PrivatePostgres) -> None:
    for name, shown in (("panel", "panel (frescor)"), ("a" * 63, "a" * 53 + " (frescor)")):
        engine = sa.create_engine(postgres_server.make_database(), connect_args={"application_name": name})
        mark_connections(engine)
        with engine.connect() as connection:
            assert connection.scalar(sa.text("SHOW application_name")) == shown
        engine.dispose()


def test_readers_see_what_another_program_wrote(engine: sa.Engine) -> None:
    install(engine, Member)
    with PrivateServer(namespaces=["test"]) as server, Cache.from_url(server.url, "test") as cache:
        # On PostgreSQL it is told of it, and does not look by itself.
        relay = Relay(engine, lambda: cache, Outbox(), poll=60.0 if engine.dialect.name == "postgresql" else 0.25)
        relay.start()
        assert until(lambda: relay._watermark_at > 0)

        def names() -> list[str]:
            with engine.connect() as connection:
                return list(connection.scalars(sa.select(Member.name).order_by(Member.id)))

        with closing(program(engine)) as other:
            for number in range(1, 4):
                before = cache.get_or_load("names", names, POLICY)
                other.execute(f"INSERT INTO member VALUES ({number}, 'n{number}')")
                now = [*before, f"n{number}"]
                assert until(lambda wanted=now: cache.get_or_load("names", names, POLICY) == wanted, within=SOON)  # type: ignore[misc]
        relay.close()


def test_many_rows_that_another_program_writes_on_sqlite_are_one_row_until_it_is_taken(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'test.db'}")
    Base.metadata.create_all(engine)
    outbox = Outbox()
    outbox.table.metadata.create_all(engine)
    install(engine, Member)
    with closing(program(engine)) as other:
        other.executemany("INSERT INTO member VALUES (?, 'a')", [(number,) for number in range(50)])
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            assert len(outbox.unmarked(connection, 100)) == 1
            # It is being applied: what is written from now on has to be applied after that.
            other.execute("UPDATE member SET name = 'b'")
            assert len(outbox.unmarked(connection, 100)) == 2
    engine.dispose()


def test_triggers_are_listed_made_anew_and_removed(engine: sa.Engine) -> None:
    install(engine, Member, Payment)
    install(engine, Payment.__table__, database="reports")
    with engine.begin() as connection:
        assert installed_triggers(connection) == ["member", "payment"]
    with closing(program(engine)) as other:
        other.execute("INSERT INTO member VALUES (1, 'a')")
        other.execute("INSERT INTO payment VALUES (1, 1)")
        tag = "sql[reports]:payment"
        assert taken(engine) == [MEMBER, [tag, f"{tag}#", *payment(1)[2:]]]
        with engine.begin() as connection:
            assert remove_triggers(connection, [Member]) == ["member"]
            assert installed_triggers(connection) == ["payment"]
            assert remove_triggers(connection) == ["payment"]
            assert remove_triggers(connection) == []
        other.execute("DELETE FROM member")
    assert taken(engine) == []


def test_a_table_in_another_schema_has_its_own_tags(postgres_server: PrivatePostgres) -> None:
    engine = sa.create_engine(postgres_server.make_database())
    with engine.begin() as connection:
        Outbox().table.metadata.create_all(connection)
        connection.exec_driver_sql('CREATE SCHEMA "Audit"')
        connection.exec_driver_sql('CREATE TABLE "Audit"."Entry, of it\'s own" (id integer)')
        connection.exec_driver_sql("CREATE TABLE plain (id integer)")
        install_triggers(connection, ["Audit.Entry, of it's own", "public.plain"])
        assert installed_triggers(connection) == ["Audit.Entry, of it's own", "plain"]
    with closing(program(engine)) as other:
        other.execute('INSERT INTO "Audit"."Entry, of it\'s own" VALUES (1)')
        other.execute("INSERT INTO plain VALUES (1)")
    assert taken(engine) == [
        ["sql:audit.entry, of it's own", "sql:audit.entry, of it's own#"],
        ["sql:plain", "sql:plain#"],
    ]
    with engine.begin() as connection:
        assert len(remove_triggers(connection)) == 2
    engine.dispose()


def test_a_user_who_may_not_touch_the_outbox_leaves_a_row(postgres_server: PrivatePostgres) -> None:
    engine = sa.create_engine(postgres_server.make_database())
    Base.metadata.create_all(engine)
    Outbox().table.metadata.create_all(engine)
    install(engine, Member)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP ROLE IF EXISTS clerk")
        connection.exec_driver_sql("CREATE ROLE clerk")
        connection.exec_driver_sql("GRANT INSERT ON member TO clerk")
    with closing(program(engine)) as other:
        other.execute("SET ROLE clerk")
        # A session that restores data fires no ordinary triggers.
        other.execute("INSERT INTO member VALUES (1, 'a')")
        other.execute("RESET ROLE")
        other.execute("SET session_replication_role = replica")
        other.execute("INSERT INTO member VALUES (2, 'a')")
    assert taken(engine) == [MEMBER, MEMBER]
    engine.dispose()


def test_what_cannot_have_triggers_is_refused_with_what_can(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE VIEW names AS SELECT name FROM member")
        with pytest.raises(PolicyError, match=r"no table 'names'.*There are: frescor_outbox, member, payment"):
            install_triggers(connection, ["names"])
        with pytest.raises(PolicyError, match="no table is named"):
            install_triggers(connection, [])
        with pytest.raises(PolicyError, match="a mapped class, a Table or a name"):
            install_triggers(connection, [7])
        with pytest.raises(PolicyError, match="frescor outbox create"):
            install_triggers(connection, ["member"], outbox="elsewhere")
        assert installed_triggers(connection) == []


@pytest.mark.parametrize("conforming", ["on", "off"])
@pytest.mark.parametrize("name", ["back\\slash", 'quo"te', "apos'trophe", "100%s", "%(x)", "ação", "b\\", "\\'", "a:b"])
def test_a_trigger_names_its_table_whatever_signs_the_name_has(engine: sa.Engine, name: str, conforming: str) -> None:
    odd = sa.Table(name, sa.MetaData(), sa.Column("x", sa.Integer))
    with engine.begin() as connection:
        odd.create(connection)
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SET LOCAL standard_conforming_strings = {conforming}")
        install_triggers(connection, [odd])
    with engine.begin() as connection:
        connection.execute(odd.insert().values(x=1))
        assert [row.tags for row in Outbox().unmarked(connection, 10)] == [(f"sql:{name}", f"sql:{name}#")]


def test_a_migration_on_a_tracked_engine_installs_and_removes_them(engine: sa.Engine) -> None:
    with Cache.from_url("memory://", "test") as cache, closing(track(engine, cache)):
        with engine.begin() as connection:
            assert install_triggers(connection, [Member]) == ["member"]
        with closing(program(engine)) as other:
            other.execute("INSERT INTO member (name) VALUES ('Ana')")
        assert taken(engine) == [MEMBER]
        with engine.begin() as connection:
            assert remove_triggers(connection) == ["member"]
