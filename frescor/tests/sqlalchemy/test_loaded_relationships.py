"""A loaded relationship of an object that a session holds ends with the rows that it may lead to, and no others."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from frescor import Cache
from frescor.sqlalchemy import Tracking


class Base(orm.DeclarativeBase):
    pass


LABELLED = sa.Table(
    "labelled",
    Base.metadata,
    sa.Column("member_id", sa.ForeignKey("member.id"), primary_key=True),
    sa.Column("label_id", sa.ForeignKey("label.id"), primary_key=True),
)


class Team(Base):
    __tablename__ = "team"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    code: orm.Mapped[int] = orm.mapped_column(default=0)
    v: orm.Mapped[int] = orm.mapped_column(default=0)
    members: orm.Mapped[list["Member"]] = orm.relationship(back_populates="team", order_by="Member.v")
    rich: orm.Mapped[list["Member"]] = orm.relationship(
        primaryjoin="and_(Team.id == Member.team_id, Member.v > 0)", viewonly=True
    )
    other_rows: orm.Mapped[list["Member"]] = orm.relationship(
        primaryjoin="and_(Team.id == Member.team_id, select(func.count(Label.id)).scalar_subquery() > 0)", viewonly=True
    )
    above: orm.Mapped[list["Member"]] = orm.relationship(primaryjoin="Team.id < foreign(Member.team_id)", viewonly=True)
    by_code: orm.Mapped[list["Member"]] = orm.relationship(
        primaryjoin="Team.code == foreign(Member.code)", viewonly=True
    )


class Label(Base):
    __tablename__ = "label"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    v: orm.Mapped[int] = orm.mapped_column(default=0)


class Member(Base):
    __tablename__ = "member"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    team_id: orm.Mapped[int | None] = orm.mapped_column(sa.ForeignKey("team.id"))
    code: orm.Mapped[int] = orm.mapped_column(default=0, info={"slice": "value"})
    v: orm.Mapped[int] = orm.mapped_column(default=0)
    team: orm.Mapped[Team | None] = orm.relationship(back_populates="members")
    labels: orm.Mapped[list[Label]] = orm.relationship(secondary=LABELLED)
    card: orm.Mapped["Card | None"] = orm.relationship(back_populates="member")


class Card(Base):
    __tablename__ = "card"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    member_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("member.id"))
    member: orm.Mapped[Member] = orm.relationship(back_populates="card")


@pytest.fixture
def engine(database_url: str, tracker: Callable[..., Tracking]) -> Iterator[sa.Engine]:
    engine = sa.create_engine(database_url)
    tracker(engine, slices={})
    Base.metadata.create_all(engine)
    with orm.Session(engine) as session, session.begin():
        session.add_all([Label(id=number) for number in (1, 2)])
        session.add_all([Team(id=number, code=number) for number in (1, 2)])
        session.flush()
        session.add_all([Member(id=number, team_id=1, code=1, v=number) for number in (1, 2)])
        session.add_all([Member(id=3, team_id=2, code=2), Member(id=4)])
        session.flush()
        session.get_one(Member, 1).labels = [session.get_one(Label, 1)]
        session.add(Card(id=1, member_id=1))
    yield engine
    engine.dispose()


# What is read of the object of this class and key.
READS: dict[str, tuple[Any, int, str]] = {
    "members": (Team, 1, "members"),
    "no members": (Team, 2, "rich"),
    "rich": (Team, 1, "rich"),
    "other rows": (Team, 1, "other_rows"),
    "above": (Team, 1, "above"),
    "by code": (Team, 1, "by_code"),
    "team": (Member, 1, "team"),
    "no team": (Member, 4, "team"),
    "labels": (Member, 1, "labels"),
    "no labels": (Member, 2, "labels"),
    "card": (Member, 1, "card"),
    "no card": (Member, 2, "card"),
}
MEMBERS = {"members", "rich", "other rows", "by code"}
WRITES: dict[str, tuple[Any, set[str]]] = {
    "a member of the team": (sa.update(Member).values(v=9).where(Member.id == 1), MEMBERS | {"team", "labels", "card"}),
    "another member of the team": (
        sa.update(Member).values(v=9).where(Member.id == 2),
        MEMBERS | {"no labels", "no card"},
    ),
    "a member of another team": (sa.update(Member).values(v=9).where(Member.id == 3), {"no members"}),
    "a member of no team": (sa.update(Member).values(v=9).where(Member.id == 4), {"no team"}),
    "a new member of the team": (sa.insert(Member).values(id=9, team_id=1, code=7, v=1), MEMBERS - {"by code"}),
    "a new member of another team": (sa.insert(Member).values(id=9, team_id=2, code=7, v=1), {"no members"}),
    "a team": (sa.update(Team).values(v=9).where(Team.id == 1), MEMBERS | {"team"}),
    "another team": (sa.update(Team).values(v=9).where(Team.id == 2), {"no members"}),
    "a label that is given": (sa.insert(LABELLED).values(member_id=2, label_id=2), {"no labels"}),
    "a card": (sa.insert(Card).values(id=2, member_id=2), {"no card"}),
    "a card of another": (sa.insert(Card).values(id=2, member_id=3), set()),
}
# A condition that binds nothing: it depends on the whole table.
ALWAYS = {"above"}


@pytest.mark.parametrize("write", WRITES)
def test_a_relationship_that_a_session_has_loaded_ends_with_its_rows(
    engine: sa.Engine, tracked_cache: Cache, write: str
) -> None:
    statement, expected = WRITES[write]
    ran: list[str] = []
    sessions = {name: orm.Session(engine, expire_on_commit=False) for name in READS}

    @tracked_cache.cached(expire=300, key_prefix="held", early=False)
    def read(name: str) -> str:
        ran.append(name)
        kind, key, relationship = READS[name]
        found = getattr(sessions[name].get_one(kind, key), relationship)
        return str([one.id for one in found] if isinstance(found, list) else found and found.id)

    for name, (kind, key, relationship) in READS.items():
        # The first load registers the slices, before sessions are filled that may depend on them.
        getattr(sessions[name].get_one(kind, key), relationship)
        read(name)
        read.invalidate(name)
        sessions[name].expire_all()
        sessions[name].commit()
    with engine.begin() as connection:
        # The store's clock is read.
        connection.execute(sa.insert(Label), {"id": 3})
    ran.clear()
    held = []
    for name, (kind, key, relationship) in READS.items():
        held += [one := sessions[name].get_one(kind, key), getattr(one, relationship)]
        sessions[name].commit()
        read(name)
        read(name)
        assert ran.count(name) == 1, name
    ran.clear()
    with engine.begin() as connection:
        connection.execute(statement)
    for name in READS:
        read(name)
    ended = set(ran)
    if "member" in write:
        expected = expected | ALWAYS | {"other rows"}
    if write == "a team":
        expected = expected | ALWAYS
    assert ended == expected, sorted(ended ^ expected)
    for session in sessions.values():
        session.close()
    assert held


def test_a_reference_to_a_row_that_is_missing_ends_when_it_comes(
    tmp_path: Any, tracker: Callable[..., Tracking], tracked_cache: Cache
) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'a.db'}")
    tracker(engine, slices={})
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(sa.insert(Member), {"id": 1, "team_id": 77})
        connection.execute(sa.insert(LABELLED), {"member_id": 1, "label_id": 77})
    with orm.Session(engine) as session:
        member = session.get_one(Member, 1)
        assert (member.team, member.labels) == (None, [])

        @tracked_cache.cached(expire=300, key_prefix="missing", early=False)
        def missing() -> tuple[bool, int]:
            one = session.get_one(Member, 1)
            return one.team is None, len(one.labels)

        for _ in range(3):
            assert missing() == (True, 0)
        with engine.begin() as connection:
            connection.execute(sa.insert(Label), {"id": 77})
        session.expire_all()
        assert missing() == (True, 1)
        session.commit()
        with engine.begin() as connection:
            connection.execute(sa.insert(Team), {"id": 77})
        session.expire_all()
        assert missing() == (False, 1)
    engine.dispose()


def test_an_object_of_a_view_ends_with_the_tables_behind_it(engine: sa.Engine, tracked_cache: Cache) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE VIEW shown AS SELECT id, v FROM member")
    metadata = sa.MetaData()
    view = sa.Table("shown", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("v", sa.Integer))
    shown: Any = type("Shown", (), {})
    orm.registry().map_imperatively(shown, view)
    with orm.Session(engine, expire_on_commit=False) as session:
        held = session.get_one(shown, 1)

        @tracked_cache.cached(expire=300, key_prefix="view", early=False)
        def value() -> int:
            return int(session.get_one(shown, 1).v)

        for _ in range(3):
            assert value() == held.v
        with engine.begin() as connection:
            connection.execute(sa.update(Member).values(v=50).where(Member.id == 1))
        session.expire_all()
        assert value() == 50


# The statements of eager loads.
EAGER: dict[str, tuple[Any, set[str]]] = {
    "lazy": (orm.lazyload, {"sql:team#", "sql:member#@team_id"}),
    "selectin": (orm.selectinload, {"sql:team#", "sql:member#@team_id"}),
    "joined": (orm.joinedload, {"sql:team#", "sql:member#@team_id"}),
    "subquery": (orm.subqueryload, {"sql:team#", "sql:member#@team_id"}),
    "immediate": (orm.immediateload, {"sql:team#", "sql:member#@team_id"}),
}


@pytest.mark.parametrize("way", EAGER)
@pytest.mark.parametrize("limited", [False, True])
def test_every_way_to_load_a_collection_reads_its_slice(
    engine: sa.Engine, tracked_cache: Cache, way: str, limited: bool
) -> None:
    load, expected = EAGER[way]
    query = sa.select(Team).where(Team.id == 1).options(load(Team.members))
    if limited:
        query = query.order_by(Team.v).limit(1)

    def members() -> int:
        with orm.Session(engine) as session:
            return sum(len(team.members) for team in session.scalars(query).unique())

    tracked_cache.explain(members)
    tags = {tag.removeprefix("=") for tag in tracked_cache.explain(members).tags}
    assert tags >= expected
    assert not tags & {"sql:team", "sql:member"}


@pytest.mark.unwatched  # the oracle reads the catalogue
def test_an_object_is_kept_private_until_the_catalogue_is_known_and_read_in_its_own_transaction(
    postgres_server: Any, tracker: Callable[..., Tracking], tracked_cache: Cache
) -> None:
    url = postgres_server.make_database()
    plain = sa.create_engine(url)
    Base.metadata.create_all(plain)
    with plain.begin() as connection:
        connection.execute(sa.insert(Team), {"id": 1})
    engine = sa.create_engine(url)
    tracking = tracker(engine)
    runs: list[int] = []
    with orm.Session(engine, expire_on_commit=False) as session:
        # Nothing has been asked before this setting of the transaction.
        session.execute(sa.text("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"))
        held = session.get_one(Team, 1)
        session.commit()

        @tracked_cache.cached(expire=300, key_prefix="held", early=False)
        def value() -> int:
            runs.append(1)
            return int(session.get_one(Team, 1).v)

        assert [value(), value()] == [0, 0]
        assert (len(runs), tracking.catalog.at_hand) == (2, None)
        session.execute(sa.select(1))
        assert value() == 0
        assert (len(runs), tracking.catalog.at_hand is None) == (3, False)
        assert held.v == 0
    plain.dispose()
    engine.dispose()
