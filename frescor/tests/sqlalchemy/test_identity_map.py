"""Every way to an object that a session holds counts as a read of its row, as old as the session read it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.associationproxy import AssociationProxy, association_proxy

from frescor import Cache
from frescor.sqlalchemy import track


class Base(orm.DeclarativeBase):
    pass


class Team(Base):
    __tablename__ = "team"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    v: orm.Mapped[int]
    members: orm.Mapped[list["Member"]] = orm.relationship(back_populates="team")
    later: orm.WriteOnlyMapped["Member"] = orm.relationship(viewonly=True)
    values: AssociationProxy[list[int]] = association_proxy("members", "v")


class Member(Base):
    __tablename__ = "member"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    team_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("team.id"))
    v: orm.Mapped[int]
    deferred: orm.Mapped[int] = orm.mapped_column(default=0, deferred=True)
    team: orm.Mapped[Team] = orm.relationship(back_populates="members")


KEY: Any = orm.util.identity_key(Member, 1)


@pytest.fixture
def cache() -> Iterator[Cache]:
    with Cache.from_url("memory://", "test") as cache:
        yield cache


@pytest.fixture
def engine(cache: Cache, tmp_path: Path) -> Iterator[sa.Engine]:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'held.db'}")
    Base.metadata.create_all(engine)
    tracking = track(engine, cache, outbox=False)
    with orm.Session(engine) as session, session.begin():
        session.add(Team(id=1, v=1, members=[Member(id=1, v=1), Member(id=2, v=2)]))
    yield engine
    tracking.close()
    engine.dispose()


def states(session: orm.Session) -> list[Any]:
    return [state.obj() for state in session.identity_map.all_states()]


def of_kind(found: Any, kind: Any) -> list[int]:
    return sorted(one.v for one in found if isinstance(one, kind))


WAYS: dict[str, Callable[[Any], Any]] = {
    "get": lambda s: s.get_one(Member, 1).v,
    "a query": lambda s: s.scalars(sa.select(Member).where(Member.id == 1)).one().v,
    "a query of all": lambda s: of_kind(s.scalars(sa.select(Member)), Member),
    "the old query": lambda s: s.query(Member).filter_by(id=1).one().v,
    "merge": lambda s: s.merge(Member(id=1)).v,
    "iteration": lambda s: of_kind(s, Member),
    "a list of the session": lambda s: of_kind(list(s), Member),
    "the map's item": lambda s: s.identity_map[KEY].v,
    "the map's get": lambda s: s.identity_map.get(KEY).v,
    "the map's values": lambda s: of_kind(s.identity_map.values(), Member),
    "the map's items": lambda s: of_kind((one for _, one in s.identity_map.items()), Member),
    "the map's keys": lambda s: [s.identity_map[key].v for key in s.identity_map.keys() if key[0] is Member],  # noqa: SIM118
    "the map's states": lambda s: of_kind(states(s), Member),
    "a state by key": lambda s: s.identity_map.fast_get_state(KEY).obj().v,
    "a relationship": lambda s: of_kind(s.get_one(Team, 1).members, Member),
    "a reference": lambda s: s.get_one(Member, 1).team.v,
    "an association proxy": lambda s: sorted(s.get_one(Team, 1).values),
    "a write-only relationship": lambda s: of_kind(s.scalars(s.get_one(Team, 1).later.select()), Member),
    "with_parent": lambda s: of_kind(
        s.scalars(sa.select(Member).where(orm.with_parent(s.get_one(Team, 1), Team.members))), Member
    ),
    "refresh": lambda s: (s.refresh(s.get_one(Member, 1)), s.get_one(Member, 1).v)[1],
    "a refresh of another attribute": lambda s: (s.refresh(s.get_one(Member, 1), ["team_id"]), s.get_one(Member, 1).v)[
        1
    ],
    "a deferred attribute": lambda s: (s.get_one(Member, 1).deferred, s.get_one(Member, 1).v)[1],
    "an expired attribute": lambda s: (s.expire(s.get_one(Member, 1), ["team_id"]), s.get_one(Member, 1).v)[1],
    "populate_existing": lambda s: (
        s.scalars(sa.select(Member).where(Member.id == 1), execution_options={"populate_existing": True}).one().v
    ),
    "a part of each row": lambda s: of_kind(
        s.scalars(sa.select(Member).options(orm.load_only(Member.team_id))), Member
    ),
    "a scoped session": lambda s: of_kind(orm.scoped_session(cast(Any, lambda: s)), Member),
    "an alias": lambda s: of_kind(s.scalars(sa.select(orm.aliased(Member))), Member),
    "a joined load": lambda s: of_kind(
        s.scalars(sa.select(Team).options(orm.joinedload(Team.members))).unique().one().members, Member
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_value_of_an_object_that_a_session_holds_ends_with_its_row(way: str, engine: sa.Engine, cache: Cache) -> None:
    read = WAYS[way]
    with orm.Session(engine, expire_on_commit=False) as session:
        held = [*session.scalars(sa.select(Member)), session.get_one(Team, 1)]
        assert len(session.get_one(Team, 1).members) == 2
        session.commit()

        @cache.cached(expire=300, key_prefix="held")
        def value() -> Any:
            return read(session)

        # What others write before the load is not in the session, and after it neither.
        for _ in range(2):
            with orm.Session(engine) as other, other.begin():
                other.get_one(Member, 1).v += 10
                other.get_one(Team, 1).v += 10
            value()
        session.expire_all()
        session.commit()
        now = read(session)
        session.commit()
        assert value() == now
        assert held


@pytest.mark.parametrize("way", WAYS)
def test_a_change_that_is_not_flushed_is_read_by_its_session_alone(way: str, engine: sa.Engine, cache: Cache) -> None:
    read = WAYS[way]
    with orm.Session(engine, expire_on_commit=False, autoflush=False) as session:
        held = [*session.scalars(sa.select(Member)), session.get_one(Team, 1)]
        assert len(session.get_one(Team, 1).members) == 2
        reading: list[orm.Session] = [session]

        @cache.cached(expire=300, key_prefix="held")
        def value() -> Any:
            return read(reading[0])

        held[0].v, held[2].v = 70, 70
        value()
        session.rollback()
        session.expunge_all()
    with orm.Session(engine) as fresh:
        held = [*fresh.scalars(sa.select(Member)), fresh.get_one(Team, 1)]
        reading[0] = fresh
        assert value() == value.uncached()
        assert held


def test_what_a_session_has_not_flushed_is_read_by_its_own_collections_alone(engine: sa.Engine, cache: Cache) -> None:
    with orm.Session(engine) as session:

        @cache.cached(expire=300, key_prefix="new")
        def new() -> list[int]:
            return sorted(one.v for one in (*session.new, *session.dirty))

        session.get_one(Member, 1).v = 8
        session.add(Member(id=9, team_id=1, v=9))
        assert new() == [8, 9]
        session.rollback()
    assert new() == []


def test_what_sqlalchemy_does_with_all_objects_reads_none(engine: sa.Engine, cache: Cache) -> None:
    loads: list[int] = []
    with orm.Session(engine) as session:
        held = session.get_one(Member, 1)

        @cache.cached(expire=300, key_prefix="apart", early=False)
        def apart() -> int:
            loads.append(1)
            session.expire_all()
            session.commit()
            return 1

        assert [apart(), held.v, apart()] == [1, 1, 1]
        session.commit()
        with orm.Session(engine) as other, other.begin():
            other.get_one(Member, 1).v = 5
        assert apart() == 1
    assert len(loads) == 1
