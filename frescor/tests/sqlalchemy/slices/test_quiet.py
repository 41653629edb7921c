"""An UPDATE of quiet columns alone ends those entries that name one of them, in their rows and slices."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from frescor import Cache
from frescor.errors import PolicyError
from frescor.sqlalchemy import Tracking, track
from frescor.sqlalchemy._slices.quiet import Quiet, Variants
from frescor.testing.private_postgres import PrivatePostgres


class Base(orm.DeclarativeBase):
    pass


class Member(Base):
    __tablename__ = "member"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(default="")


class Due(Base):
    __tablename__ = "due"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    member_id: orm.Mapped[int | None] = orm.mapped_column(sa.ForeignKey("member.id", ondelete="SET NULL"))
    cents: orm.Mapped[int] = orm.mapped_column(default=0)
    paid: orm.Mapped[int] = orm.mapped_column(default=0, info={"quiet": True})
    seen: orm.Mapped[int] = orm.mapped_column("Seen_At", default=0)
    member: orm.Mapped[Member | None] = orm.relationship()


DUES, MEMBERS = Base.metadata.tables["due"], Base.metadata.tables["member"]
QUIET = {"Due": ["SEEN_AT"]}


def set_up(engine: sa.Engine) -> None:
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(sa.insert(MEMBERS), [{"id": number} for number in range(1, 4)])
        connection.execute(sa.insert(DUES), [{"id": n, "member_id": n % 3 + 1, "cents": n} for n in range(1, 7)])


@pytest.fixture
def engine(database_url: str, tracker: Callable[..., Tracking]) -> Iterator[sa.Engine]:
    engine = sa.create_engine(database_url)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = ON"))
    tracker(engine, slices={}, quiet=QUIET)
    set_up(engine)
    yield engine
    engine.dispose()


class Reader:
    """Cached readings of one engine."""

    def __init__(self, engine: sa.Engine, cache: Cache, statements: dict[str, Any]) -> None:
        self.statements = statements
        self.ran: list[str] = []

        @cache.cached(expire=300, key_prefix="read", early=False)
        def read(name: str) -> list[tuple[Any, ...]]:
            self.ran.append(name)
            with engine.connect() as connection:
                return sorted((tuple(row) for row in connection.execute(statements[name])), key=repr)

        self.read = read
        # The first load of a column's slices registers them.
        for name in (*statements, *statements):
            read.invalidate(name)
            read(name)

    def ended(self) -> set[str]:
        """What has to be read anew; that what is kept is right is checked as well."""
        self.ran.clear()
        for name in self.statements:
            assert self.read(name) == self.read.uncached(name), name
        return {name for name in self.statements if self.ran.count(name) > 1}


C = DUES.c
PAID, SEEN = C.paid, C["Seen_At"]
OTHER = DUES.alias("other")
LIGHT = sa.table("due", sa.column("id"), sa.column("paid")).alias("light")
READS: dict[str, Any] = {
    "table": sa.select(C.id, C.cents),
    "table, paid": sa.select(C.id, PAID),
    "table, seen": sa.select(C.id, C.cents).order_by(SEEN),
    "table, all": sa.select(DUES),
    "slice 2": sa.select(C.id).where(C.member_id == 2),
    "slice 2, paid": sa.select(C.id).where(C.member_id == 2, PAID >= 0),
    "slice 3, paid": sa.select(PAID).where(C.member_id.in_([3])),
    "row 1": sa.select(C.cents).where(C.id == 1),
    "row 1, paid": sa.select(C.cents, PAID).where(C.id == 1),
    "row 4, seen": sa.select(SEEN).where(C.id == 4),
    "count": sa.select(sa.func.count()).select_from(DUES).where(C.member_id == 2),
    "exists": sa.select(MEMBERS.c.id).where(sa.exists().where(C.member_id == MEMBERS.c.id)),
    "exists, paid": sa.select(MEMBERS.c.id).where(
        MEMBERS.c.id == 2, sa.exists().where(C.member_id == MEMBERS.c.id, PAID > 0)
    ),
    "joined": sa.select(Member.id, Due.cents).join(Due.member).where(Member.id == 2),
    "alias": sa.select(OTHER.c.cents),
    "alias, paid": sa.select(sa.func.sum(OTHER.c.paid)),
    "cte, paid": sa.select(sa.select(PAID.label("x")).where(C.member_id == 2).cte().c.x),
    "window, paid": sa.select(C.id, sa.func.rank().over(order_by=PAID)),
    "case, paid": sa.select(sa.case((C.cents > 0, PAID), else_=0)).where(C.id == 1),
    "text": sa.text("SELECT id FROM due"),
    "a star": sa.select(sa.literal_column("*")).select_from(DUES),
    "a piece of text": sa.select(C.id).where(sa.text("paid >= 0")),
    "a name alone": sa.select(sa.column("paid")).select_from(DUES),
    "a light table": sa.select(C.cents, LIGHT.c.paid).where(C.id == 1, LIGHT.c.id == C.id),
}
BY_PAID = {name for name in READS if "paid" in name} | {"table, all", "text", "a star", "a piece of text"}
BY_PAID |= {"a name alone", "a light table"}
BY_SEEN = {"table, seen", "table, all", "row 4, seen", "text", "a star", "a piece of text", "a name alone"}
BY_SEEN |= set()
SLICED_PAID = {"slice 2, paid", "exists, paid", "cte, paid"}


def update(**values: Any) -> sa.Update:
    return sa.update(DUES).values(**values)


# Row 1 is of member 2, row 2 of member 3, row 4 of member 2.
ALL_PAID = BY_PAID - {"slice 3, paid"}
WRITES: dict[str, tuple[Any, set[str]]] = {
    "paid of row 1": (update(paid=1).where(C.id == 1), ALL_PAID),
    "paid of row 2": (
        update(paid=2).where(C.id == 2),
        BY_PAID - SLICED_PAID - {"row 1, paid", "case, paid"},
    ),
    "paid of slice 3": (
        update(paid=C.paid + 1).where(C.member_id == 3),
        BY_PAID - SLICED_PAID,
    ),
    "seen of row 4": (sa.update(DUES).values({SEEN: 5}).where(C.id == 4), BY_SEEN),
    "paid of all": (update(paid=7), BY_PAID),
}


@pytest.mark.parametrize("write", WRITES)
def test_an_update_of_quiet_columns_alone_ends_what_names_them(
    engine: sa.Engine, tracked_cache: Cache, write: str
) -> None:
    reader = Reader(engine, tracked_cache, READS)
    statement, expected = WRITES[write]
    with engine.begin() as connection:
        connection.execute(statement)
    assert reader.ended() == expected


LOUD: dict[str, Callable[[sa.Connection], Any]] = {
    "another column as well": lambda c: c.execute(update(paid=3, cents=9).where(C.id == 1)),
    "two statements": lambda c: (
        c.execute(update(paid=3).where(C.id == 1)),
        c.execute(update(cents=7).where(C.id == 4)),
    ),
    "an insert": lambda c: c.execute(sa.insert(DUES), {"id": 9, "member_id": 2, "cents": 3, "paid": 1}),
    "a delete": lambda c: c.execute(sa.delete(DUES).where(C.member_id == 2)),
    "a cascade": lambda c: c.execute(sa.delete(MEMBERS).where(MEMBERS.c.id == 2)),
    "text": lambda c: c.execute(sa.text("UPDATE due SET cents = 70 WHERE id + 0 = 1")),
}


@pytest.mark.parametrize("write", LOUD)
def test_any_other_write_ends_what_it_always_ended(engine: sa.Engine, tracked_cache: Cache, write: str) -> None:
    reader = Reader(engine, tracked_cache, READS)
    with engine.begin() as connection:
        LOUD[write](connection)
    ended = reader.ended()
    assert {"table", "table, paid", "slice 2", "count", "alias", "joined"} <= ended
    known = write in ("another column as well", "two statements")
    assert ("slice 3, paid" in ended) is (write in ("a cascade", "text"))
    assert not known or "row 1" in ended


def test_of_two_quiet_columns_each_ends_its_own(engine: sa.Engine, tracked_cache: Cache) -> None:
    reader = Reader(engine, tracked_cache, READS)
    with engine.begin() as connection:
        connection.execute(sa.update(DUES).values({SEEN: 1, PAID: 1}).where(C.id == 4))
    # Row 4 is of member 2.
    assert reader.ended() == (BY_PAID | BY_SEEN) - {"slice 3, paid", "row 1, paid", "case, paid"}


def test_orm_objects_change_quietly(engine: sa.Engine, tracked_cache: Cache) -> None:
    reader = Reader(engine, tracked_cache, READS)
    with orm.Session(engine) as session:
        session.get_one(Due, 1).paid = 4
        session.get_one(Due, 4).seen = 4
        session.commit()
        assert reader.ended() == (BY_PAID | BY_SEEN) - {"slice 3, paid"}
        session.add(Due(id=70, member_id=2, paid=1))
        session.commit()
        assert {"table", "slice 2", "row 1"} - {"row 1"} <= reader.ended()


def test_a_row_that_is_inserted_under_a_key_of_the_databases_ends_who_looked_for_it(
    engine: sa.Engine, tracked_cache: Cache
) -> None:
    missing = {f"row {n}": sa.select(C.cents).where(C.id == n) for n in (7, 50)}
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            connection.exec_driver_sql("SELECT setval('due_id_seq', 6)")
    reader = Reader(engine, tracked_cache, missing)
    with orm.Session(engine) as session, session.begin():
        session.add(Due(member_id=1))
    assert reader.ended() == {"row 7"}


def test_the_same_transaction_reads_its_own_quiet_change(engine: sa.Engine, tracked_cache: Cache) -> None:
    with orm.Session(engine) as session:

        @tracked_cache.cached(expire=300, key_prefix="own", early=False)
        def paid() -> int:
            return int(session.scalar(sa.select(sa.func.sum(PAID)).where(C.member_id == 2)) or 0)

        @tracked_cache.cached(expire=300, key_prefix="own2", early=False)
        def cents() -> int:
            return int(session.scalar(sa.select(sa.func.sum(C.cents)).where(C.member_id == 2)) or 0)

        for _ in range(2):
            assert (paid(), cents()) == (0, 5)
            session.commit()
        session.execute(update(paid=8).where(C.id == 1))
        assert (paid(), cents()) == (8, 5)
        session.rollback()
        assert (paid(), cents()) == (0, 5)


def test_releases_that_take_other_columns_for_quiet_end_each_others_entries(
    database_url: str, tracker: Callable[..., Tracking], tracked_cache: Cache
) -> None:
    engines = [sa.create_engine(database_url) for _ in range(3)]
    set_up(engines[0])
    trackings = [tracker(engines[0], slices={}, quiet=QUIET), tracker(engines[1], slices={})]
    readers = [
        Reader(engine, tracked_cache, {f"{n}{name}": one for name, one in READS.items()})
        for n, engine in enumerate(engines[:2])
    ]
    writes = (
        update(paid=1).where(C.id == 1),
        sa.update(DUES).values({SEEN: 5}).where(C.id == 4),
        update(cents=11).where(C.id == 1),
        sa.text("UPDATE due SET paid = 12"),
    )
    for writer in trackings:
        for write in writes:
            with writer.engine.begin() as connection:
                connection.execute(write)
            for reader in readers:
                # It compares what is kept with what is there.
                assert reader.ended()
    for engine in engines:
        engine.dispose()


@pytest.mark.parametrize(
    "ddl",
    [
        "CREATE FUNCTION adds() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.cents := 77; RETURN NEW; END $$;"
        "CREATE TRIGGER adds BEFORE UPDATE ON due FOR EACH ROW EXECUTE FUNCTION adds()",
        "ALTER TABLE due ADD COLUMN twice integer GENERATED ALWAYS AS (paid * 2) STORED",
        "CREATE FUNCTION copies() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN UPDATE due SET cents = 78 "
        "WHERE id = NEW.id AND cents <> 78; RETURN NULL; END $$;"
        "CREATE TRIGGER copies AFTER UPDATE OF paid ON due FOR EACH ROW EXECUTE FUNCTION copies()",
        "ALTER TABLE due ENABLE ROW LEVEL SECURITY; ALTER TABLE due FORCE ROW LEVEL SECURITY;"
        "CREATE POLICY shown ON due USING (paid < 100)",
        "CREATE TABLE part (LIKE due); ALTER TABLE part INHERIT due",
    ],
)
def test_where_the_database_looks_at_quiet_columns_itself_no_write_is_quiet(
    postgres_server: PrivatePostgres, tracker: Callable[..., Tracking], tracked_cache: Cache, ddl: str
) -> None:
    engine = sa.create_engine(postgres_server.make_database())
    set_up(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(ddl)
    tracker(engine, slices={}, quiet=QUIET)
    reader = Reader(engine, tracked_cache, READS)
    with engine.begin() as connection:
        connection.execute(update(paid=100).where(C.id == 1))
    assert {"table", "slice 2", "row 1"} <= reader.ended()
    engine.dispose()


def test_what_reads_a_row_as_a_whole_or_what_the_database_keeps_of_it_names_every_column(
    postgres_server: PrivatePostgres, tracker: Callable[..., Tracking], tracked_cache: Cache
) -> None:
    engine = sa.create_engine(postgres_server.make_database())
    set_up(engine)
    tracker(engine, slices={}, quiet={"due": ["paid"]})
    kept = sa.MetaData()
    due = sa.Table(
        "due",
        kept,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("xmin", sa.String, system=True),
        sa.Column("paid", sa.Integer, info={"quiet": True}),
    )
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE VIEW seen AS SELECT id, paid FROM due")
    reader = Reader(
        engine,
        tracked_cache,
        {
            "row": sa.select(sa.func.row_to_json(DUES.table_valued())),
            "version": sa.select(sa.cast(due.c.xmin, sa.String)).where(due.c.id == 1),
            "view": sa.select(sa.table("seen", sa.column("id"), sa.column("paid")).c.paid),
            "not at all": sa.select(due.c.id),
        },
    )
    for engine_paid in (1, 2):
        with engine.begin() as connection:
            connection.execute(update(paid=engine_paid).where(C.id == 1))
        assert reader.ended() >= {"row", "version", "view"}
    engine.dispose()


def test_quiet_columns_need_no_slices(
    database_url: str, tracker: Callable[..., Tracking], tracked_cache: Cache
) -> None:
    engine = sa.create_engine(database_url)
    tracker(engine, slices=None, quiet=QUIET)
    set_up(engine)
    reader = Reader(engine, tracked_cache, {name: READS[name] for name in ("table", "row 1", "row 1, paid", "slice 2")})
    with engine.begin() as connection:
        connection.execute(update(paid=3).where(C.id == 1))
    assert reader.ended() == {"row 1, paid"}
    engine.dispose()


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        (sa.Column("x", sa.Integer, primary_key=True, info={"quiet": True}), "is part of the primary key"),
        (sa.Column("x", sa.Integer, info={"quiet": True, "slice": "value"}), "has slices"),
        (sa.Column("x", sa.Integer, sa.Computed("1"), info={"quiet": True}), "is computed"),
        (sa.Column("x y", sa.Integer, info={"quiet": True}), "not an identifier"),
        (sa.Column("x", sa.Integer, info={"quiet": "yes"}), "got 'yes'"),
    ],
)
def test_a_column_that_cannot_be_quiet_is_refused(column: Any, sentence: str) -> None:
    table = sa.Table("odd", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), column)
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    with Cache.from_url("memory://", "test") as cache:
        tracking = track(engine, cache, outbox=False)
        with pytest.raises(PolicyError, match=sentence), engine.begin() as connection:
            connection.execute(sa.insert(table), {"id": 1})
        tracking.close()


def test_a_quiet_foreign_key_has_no_slices_unless_they_are_declared() -> None:
    table = sa.Table(
        "t", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("m", sa.ForeignKey(MEMBERS.c.id))
    )
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    with Cache.from_url("memory://", "test") as cache:
        tracking = track(engine, cache, outbox=False, slices={}, quiet={"t": {"M"}})
        assert tracking.slices.columns(table) == ()
        tracking.close()
        both: Any = {"t": {"m": "value"}}
        tracking = track(engine, cache, outbox=False, slices=both, quiet={"t": ("m",)})
        with pytest.raises(PolicyError, match="cannot be quiet: it has slices"):
            tracking.slices.columns(table)
        tracking.close()


def test_a_statement_depends_on_the_writes_that_may_concern_what_it_names() -> None:
    quiet = Quiet({"a", "b"})
    others, of_a, of_b = quiet.written(None).raised[0], *quiet.written({"c"}).spared
    assert quiet.written({"A"}) == Variants((of_a,), (others, of_b))
    assert quiet.written({"a", "b"}) == Variants((of_a, of_b), (others,))
    assert quiet.written({"a", "c"}) == quiet.written(None) == quiet.written(()) == Variants((others,), (of_a, of_b))
    assert quiet.read({"a"}) == (others, of_a)
    assert quiet.read(()) == (others,)
    assert quiet.read({"a", "b"}) == ()
    assert Quiet({"a"}).read(()) != (others,)
