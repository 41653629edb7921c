"""Which slices a commit raises: those that its rows were in before and are in after, or the blind tag."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from frescor.sqlalchemy import Tracking
from frescor.testing.private_postgres import PrivatePostgres

UNKNOWN = None
Kinds = dict[str, set[int | None] | None]


class Base(orm.DeclarativeBase):
    pass


class Member(Base):
    __tablename__ = "member"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)


class Due(Base):
    __tablename__ = "due"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    member_id: orm.Mapped[int | None] = orm.mapped_column(sa.ForeignKey("member.id", ondelete="CASCADE"))
    payer_id: orm.Mapped[int | None] = orm.mapped_column(sa.ForeignKey("member.id"))
    number: orm.Mapped[int] = orm.mapped_column(default=0, info={"slice": "range(10)"})
    cents: orm.Mapped[int] = orm.mapped_column(default=0)
    member: orm.Mapped[Member | None] = orm.relationship(foreign_keys=member_id)


DUES = Base.metadata.tables["due"]


@pytest.fixture
def tracking(database_url: str, tracker: Callable[..., Tracking]) -> Iterator[Tracking]:
    engine = sa.create_engine(database_url)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = ON"))
    tracking = tracker(engine, slices={})
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(sa.insert(Member), [{"id": number} for number in range(1, 6)])
        rows = [{"id": n, "member_id": n % 3 + 1, "payer_id": n, "number": n * 10} for n in range(1, 6)]
        connection.execute(sa.insert(Due), rows)
    yield tracking
    engine.dispose()


def slices(tracking: Tracking, table: str = "sql:due") -> Kinds:
    """The slices that the last commit raised, by column."""
    columns = {column.id: column for column in tracking.slices.columns(DUES)}
    found: Kinds = {}
    raised = tracking.last_write()
    said = [tag.partition("#@!")[2].split(",") for tag in raised if tag.startswith(f"{table}#@!")]
    known = {name for names in said for name in names if name}
    for name, column in columns.items():
        if name not in known or column.blind(table) in raised:
            found[name] = UNKNOWN
            continue
        groups = {column.group(value, tracking.tags.group): value for value in (*range(100), None)}
        tags = {tag.rpartition("=")[2] for tag in raised if tag.startswith(f"{column.blind(table)}=")}
        found[name] = {groups[tag] if column.kind == "value" else int(tag, 16) for tag in tags}
    return found


def of(member: set[int | None] | None, payer: set[int | None] | None, number: set[int | None] | None) -> Kinds:
    return {"member_id": member, "payer_id": payer, "number:range10": number}


def update(**values: Any) -> sa.Update:
    return sa.update(DUES).values(**values)


ONE = DUES.c.id == 1  # of member 2, payer 1, number 10
CASES: dict[str, tuple[Any, Any, Kinds]] = {
    "insert": (sa.insert(DUES), {"id": 9, "member_id": 1, "payer_id": 2, "number": 35}, of({1}, {2}, {3})),
    "insert of NULL": (sa.insert(DUES), {"id": 9, "member_id": None, "payer_id": 2}, of({None}, {2}, {0})),
    "insert with the database's default": (sa.insert(DUES), {"id": 9, "member_id": 1}, of({1}, UNKNOWN, {0})),
    "insert of an expression": (
        sa.insert(DUES).values(id=9, member_id=sa.func.abs(-1), payer_id=2),
        {},
        of(UNKNOWN, {2}, {0}),
    ),
    "inserts": (
        sa.insert(DUES),
        [{"id": 8 + n, "member_id": n, "payer_id": 3, "number": n} for n in (1, 2, 3)],
        of({1, 2, 3}, {3}, {0}),
    ),
    "insert from a select": (
        sa.insert(DUES).from_select(["id", "member_id"], sa.select(sa.literal(9), sa.literal(1))),
        {},
        of(UNKNOWN, UNKNOWN, UNKNOWN),
    ),
    "update of another column": (update(cents=1).where(ONE), {}, of({2}, {1}, {1})),
    "update that moves a row": (update(member_id=5).where(ONE), {}, of(UNKNOWN, {1}, {1})),
    "update that moves a row from a slice it names": (
        update(member_id=5).where(DUES.c.member_id == 2),
        {},
        of({2, 5}, {1, 4}, {1, 4}),
    ),
    "update that sets an expression": (
        update(payer_id=DUES.c.payer_id + 1).where(ONE),
        {},
        of({2}, UNKNOWN, {1}),
    ),
    "update of a slice": (update(cents=1).where(DUES.c.member_id == 2), {}, of({2}, {1, 4}, {1, 4})),
    "update of some": (update(cents=1).where(DUES.c.id.in_([1, 2])), {}, of({2, 3}, {1, 2}, {1, 2})),
    "update of no row": (update(cents=1).where(DUES.c.id == 77), {}, of(set(), set(), set())),
    "update without a condition": (update(cents=1), {}, of(UNKNOWN, UNKNOWN, UNKNOWN)),
    "update by a condition that names no value": (
        update(cents=1).where(DUES.c.member_id > 2),
        {},
        of(UNKNOWN, UNKNOWN, UNKNOWN),
    ),
    "update of either": (
        update(cents=1).where(sa.or_(DUES.c.id == 1, DUES.c.member_id == 1)),
        {},
        of(UNKNOWN, UNKNOWN, UNKNOWN),
    ),
    "updates": (
        update(cents=sa.bindparam("paid")).where(DUES.c.id == sa.bindparam("one")),
        [{"one": 1, "paid": 1}, {"one": 5, "paid": 2}],
        of({2, 3}, {1, 5}, {1, 5}),
    ),
    "update that gives something back": (
        update(cents=1).where(DUES.c.member_id == 2).returning(DUES.c.id),
        {},
        of({2}, UNKNOWN, UNKNOWN),
    ),
    "update with another table": (
        update(cents=1).where(ONE, Member.id == DUES.c.member_id),
        {},
        of(UNKNOWN, UNKNOWN, UNKNOWN),
    ),
    "delete": (sa.delete(DUES).where(ONE), {}, of({2}, {1}, {1})),
    "deletes": (
        sa.delete(DUES).where(DUES.c.id == sa.bindparam("one")),
        [{"one": 1}, {"one": 5}],
        of({2, 3}, {1, 5}, {1, 5}),
    ),
    "delete of a slice": (sa.delete(DUES).where(DUES.c.payer_id == 4), {}, of({2}, {4}, {4})),
    "delete of all": (sa.delete(DUES), {}, of(UNKNOWN, UNKNOWN, UNKNOWN)),
    "text": (sa.text("UPDATE due SET cents = 1 WHERE id = 1"), {}, of({2}, {1}, {1})),
    "text without a condition": (sa.text("UPDATE due SET cents = 1"), {}, of(UNKNOWN, UNKNOWN, UNKNOWN)),
    "text that moves a row from a slice it names": (
        sa.text("UPDATE due SET member_id = :new WHERE member_id = 2 AND id = :id"),
        {"new": 5, "id": 1},
        of({2, 5}, {1}, {1}),
    ),
    "text that sets an expression": (
        sa.text("UPDATE due SET payer_id = payer_id + 1 WHERE id = 1"),
        {},
        of({2}, UNKNOWN, {1}),
    ),
    "text that inserts": (
        sa.text(
            "INSERT INTO due (id, member_id, payer_id, number, cents) VALUES (9, :m, NULL, 35, 0), (8, 2, 1, 5, 0)"
        ),
        {"m": 1},
        of({1, 2}, {None, 1}, {3, 0}),
    ),
    "text that leaves a column to the database": (
        sa.text("INSERT INTO due (id, payer_id, number, cents) VALUES (9, '1', 35, 0)"),
        {},
        of(UNKNOWN, UNKNOWN, {3}),
    ),
    "texts": (
        sa.text("UPDATE due SET cents = :paid WHERE id = :one"),
        [{"one": 1, "paid": 1}, {"one": 5, "paid": 2}],
        of({2, 3}, {1, 5}, {1, 5}),
    ),
    "text that gives something back": (
        sa.text("UPDATE due SET cents = 1 WHERE member_id = 2 RETURNING id"),
        {},
        of({2}, UNKNOWN, UNKNOWN),
    ),
    "text that deletes a slice": (sa.text("DELETE FROM due WHERE payer_id = :p"), {"p": 4}, of({2}, {4}, {4})),
    "text that deletes by a list": (
        sa.text("DELETE FROM due WHERE id IN :ids").bindparams(sa.bindparam("ids", expanding=True)),
        {"ids": [1, 5]},
        of({2, 3}, {1, 5}, {1, 5}),
    ),
    "text with another table": (
        sa.text("UPDATE due SET cents = 1 FROM member WHERE member.id = due.member_id AND due.id = 1"),
        {},
        of(UNKNOWN, UNKNOWN, UNKNOWN),
    ),
    "a cascade": (sa.delete(Member).where(Member.id == 5), {}, of(UNKNOWN, UNKNOWN, UNKNOWN)),
}
# PostgreSQL gives the row as it was, from 18 on.
OF_OLD_ROWS = {
    "update that moves a row": of({2, 5}, {1}, {1}),
    "update that sets an expression": of({2}, {1, 2}, {1}),
    "text that sets an expression": of({2}, {1, 2}, {1}),
}


def gives_old_rows(tracking: Tracking) -> bool:
    dialect = tracking.engine.dialect
    return dialect.name == "postgresql" and (getattr(dialect, "server_version_info", None) or (0,)) >= (18,)


@pytest.mark.parametrize("name", CASES)
def test_a_commit_raises_the_slices_that_its_rows_left_and_came_to(tracking: Tracking, name: str) -> None:
    statement, parameters, expected = CASES[name]
    if gives_old_rows(tracking):
        expected = OF_OLD_ROWS.get(name, expected)
    with tracking.engine.begin() as connection:
        # Nothing but `member_id` is to stand in the way of the cascade.
        connection.execute(update(payer_id=1, member_id=5).where(DUES.c.id == 5))
    with tracking.engine.begin() as connection:
        connection.execute(
            update(payer_id=5, member_id=3).where(DUES.c.id == 5) if name != "a cascade" else sa.select(1)
        )
    with tracking.engine.begin() as connection:
        connection.execute(statement, parameters)
    assert slices(tracking) == expected


def test_before_postgresql_18_a_row_that_moves_leaves_the_blind_tag(
    postgres_server: PrivatePostgres, tracker: Callable[..., Tracking]
) -> None:
    engine = sa.create_engine(postgres_server.make_database())
    tracking = tracker(engine, slices={})
    Base.metadata.create_all(engine)
    engine.dialect.server_version_info = (17, 1)
    with engine.begin() as connection:
        connection.execute(sa.insert(Member), [{"id": number} for number in range(1, 6)])
        connection.execute(sa.insert(DUES), {"id": 1, "member_id": 2, "payer_id": 1, "number": 10})
    for name in OF_OLD_ROWS:
        statement, _, expected = CASES[name]
        with engine.begin() as connection:
            connection.execute(update(member_id=2, payer_id=1).where(ONE))
        with engine.begin() as connection:
            connection.execute(statement)
        assert slices(tracking) == expected
    engine.dispose()


@pytest.mark.parametrize(
    "name", ["update of another column", "update of some", "updates", "delete", "deletes", "text", "texts"]
)
def test_the_application_is_told_how_many_rows_it_were_and_gets_none(tracking: Tracking, name: str) -> None:
    statement, parameters, _ = CASES[name]
    with tracking.engine.connect() as connection:
        result = connection.execute(statement, parameters)
        assert result.rowcount == (1 if name in ("update of another column", "delete", "text") else 2)
        assert not result.returns_rows
        with pytest.raises(sa.exc.ResourceClosedError):
            result.all()


def test_orm_objects_are_saved_moved_and_deleted(tracking: Tracking) -> None:
    with orm.Session(tracking.engine) as session:
        due = Due(id=9, member_id=4, number=95)
        session.add(due)
        session.commit()
        assert slices(tracking) == of({4}, {None}, {9})
        due.cents = 3
        session.commit()
        assert slices(tracking) == of({4}, {None}, {9})
        due.cents, session.get_one(Due, 5).cents = 4, 4
        session.commit()
        assert slices(tracking) == of({4, 3}, {None, 5}, {9, 5})
        due.member_id = 1
        session.commit()
        assert slices(tracking) == of({4, 1} if gives_old_rows(tracking) else UNKNOWN, {None}, {9})
        session.delete(due)
        session.delete(session.get_one(Due, 5))
        session.commit()
        assert slices(tracking) == of({1, 3}, {None, 5}, {9, 5})


def test_a_row_that_another_session_moved_raises_the_slice_that_it_is_in_now(tracking: Tracking) -> None:
    with orm.Session(tracking.engine, expire_on_commit=False) as session:
        held = session.get_one(Due, 1)
        session.commit()
        with tracking.engine.begin() as connection:
            connection.execute(update(member_id=5).where(ONE))
        assert held.member_id == 2
        held.cents = 7
        session.commit()
    assert slices(tracking) == of({5}, {1}, {1})


@pytest.mark.parametrize("as_text", [False, True])
def test_a_key_that_sqlite_makes_in_place_of_null_is_not_known(
    tmp_path: Any, tracker: Callable[..., Tracking], as_text: bool
) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'a.db'}")
    tracking = tracker(engine, slices={"member": {"id": "range(10)"}})
    Base.metadata.create_all(engine)
    insert: Any = sa.text("INSERT INTO member (id) VALUES (:id)") if as_text else sa.insert(Member)
    for given, blind in ((None, True), (15, False)):
        with engine.begin() as connection:
            connection.execute(insert, {"id": given})
        assert ("sql:member#@id:range10" in tracking.last_write()) == blind
    engine.dispose()


def test_a_text_for_the_driver_is_changed_by_what_it_names(tracking: Tracking) -> None:
    sign = "?" if tracking.engine.dialect.name == "sqlite" else "%s"
    with tracking.engine.begin() as connection:
        result = connection.exec_driver_sql(f"DELETE FROM due WHERE member_id = {sign} AND id > {sign}", (2, 1))
        assert (result.rowcount, result.returns_rows) == (1, False)
    assert slices(tracking) == of({2}, {4}, {4})
    many = [(7, 1), (8, 5)]
    with tracking.engine.begin() as connection:
        result = connection.exec_driver_sql(f"UPDATE due SET cents = {sign} WHERE id = {sign}", many)
        assert result.rowcount == 2
    assert slices(tracking) == of({2, 3}, {1, 5}, {1, 5})


def test_many_slices_of_one_column_are_its_blind_tag(tracking: Tracking) -> None:
    rows = [{"id": n, "member_id": 1, "payer_id": 2, "number": n * 10} for n in range(100, 200)]
    with tracking.engine.begin() as connection:
        connection.execute(sa.insert(DUES), rows)
    assert slices(tracking) == of({1}, {2}, UNKNOWN)


def test_what_one_statement_of_a_transaction_knows_and_another_does_not_is_not_known(tracking: Tracking) -> None:
    with tracking.engine.begin() as connection:
        connection.execute(update(cents=1).where(ONE))
        connection.execute(update(member_id=sa.func.abs(-5)).where(DUES.c.id == 2).returning(DUES.c.id))
    assert slices(tracking) == of(UNKNOWN, UNKNOWN, UNKNOWN)
    with tracking.engine.begin() as connection:
        connection.execute(update(cents=1).where(ONE))
        connection.execute(sa.text("UPDATE due SET cents = 2"))
    assert slices(tracking) == of(UNKNOWN, UNKNOWN, UNKNOWN)


def test_slices_of_what_was_rolled_back_to_a_savepoint_are_not_raised(tracking: Tracking) -> None:
    with orm.Session(tracking.engine) as session, session.begin():
        session.execute(update(cents=1).where(ONE))
        savepoint = session.begin_nested()
        session.execute(sa.text("UPDATE due SET cents = 2"))
        savepoint.rollback()
        with session.begin_nested():
            session.execute(update(cents=1).where(DUES.c.id == 2))
    assert slices(tracking) == of({2, 3}, {1, 2}, {1, 2})


def test_a_statement_that_failed_in_a_transaction_that_goes_on_leaves_blind_tags(tracking: Tracking) -> None:
    if tracking.engine.dialect.name == "postgresql":
        pytest.skip("a transaction ends with its first error")
    with tracking.engine.begin() as connection:
        connection.execute(update(cents=1).where(ONE))
        with pytest.raises(sa.exc.IntegrityError):
            connection.execute(update(payer_id=99).where(DUES.c.id == 2))
    assert slices(tracking) == of(UNKNOWN, UNKNOWN, UNKNOWN)


@pytest.mark.parametrize(
    "ddl",
    [
        "CREATE FUNCTION moves() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.member_id := 3; RETURN NEW; END $$;"
        "CREATE TRIGGER moves BEFORE UPDATE OR INSERT ON due FOR EACH ROW EXECUTE FUNCTION moves()",
        "ALTER TABLE due ADD COLUMN twice integer GENERATED ALWAYS AS (payer_id * 2) STORED",
        "CREATE TABLE part (LIKE due); ALTER TABLE part INHERIT due",
    ],
)
def test_a_table_whose_rows_the_database_alters_has_blind_tags_alone(
    postgres_server: PrivatePostgres, tracker: Callable[..., Tracking], ddl: str
) -> None:
    engine = sa.create_engine(postgres_server.make_database())
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(ddl)
        connection.execute(sa.insert(Member), [{"id": number} for number in range(1, 6)])
    tracking = tracker(engine, slices={})
    with engine.begin() as connection:
        connection.execute(sa.insert(DUES), {"id": 1, "member_id": 1, "payer_id": 1})
    assert slices(tracking) == of(UNKNOWN, UNKNOWN, UNKNOWN)
    with engine.begin() as connection:
        connection.execute(update(cents=1).where(ONE))
    assert slices(tracking) == of(UNKNOWN, UNKNOWN, UNKNOWN)
    engine.dispose()


def test_a_trigger_of_sqlite_that_writes_to_the_table_leaves_blind_tags(
    tmp_path: Any, tracker: Callable[..., Tracking]
) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'a.db'}")
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER moves AFTER UPDATE OF cents ON due "
            "BEGIN UPDATE due SET member_id = 3 WHERE id = NEW.id; END"
        )
    tracking = tracker(engine, slices={})
    with engine.begin() as connection:
        connection.execute(update(cents=1).where(ONE))
    assert slices(tracking) == of(UNKNOWN, UNKNOWN, UNKNOWN)
    engine.dispose()


def test_the_log_says_of_each_commit_what_it_raises(tracking: Tracking, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "frescor"), tracking.engine.begin() as connection:
        connection.execute(update(cents=1).where(DUES.c.member_id == 2).returning(DUES.c.id))
    why = (
        "unknown, since the row cannot be returned: the statement has no condition on a value, returns rows itself, "
        "names other tables, or writes to a view"
    )
    assert (
        f"a commit invalidates sql:due (rows unknown; member_id: 1 slice; number:range10: {why}; payer_id: {why})"
        in [record.getMessage() for record in caplog.records]
    )


def test_without_slices_a_commit_raises_those_of_others(database_url: str, tracker: Callable[..., Tracking]) -> None:
    engine = sa.create_engine(database_url)
    tracking = tracker(engine, slices=None)
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(update(cents=1).where(ONE))
    assert "sql:due#@!" in tracking.last_write()
    engine.dispose()


def test_foreign_keys_have_slices_unless_something_else_is_said(
    database_url: str, tracker: Callable[..., Tracking]
) -> None:
    engine = sa.create_engine(database_url)
    tracking = tracker(engine)
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(sa.insert(Member), [{"id": number} for number in range(1, 6)])
        connection.execute(sa.insert(DUES), {"id": 1, "member_id": 1, "payer_id": 2})
    assert slices(tracking) == of({1}, {2}, {0})
    engine.dispose()
