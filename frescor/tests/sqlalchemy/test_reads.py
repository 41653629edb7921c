"""Every row of a small database is changed in turn: what was read and has changed is read anew, wherever in a statement
the row's table stands."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm

from frescor import Cache
from frescor._calls.loading import Loading, current_load
from frescor.sqlalchemy import track

ROWS = (1, 2, 3)


class Base(orm.DeclarativeBase):
    pass


class Member(Base):
    __tablename__ = "member"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    parent_id: orm.Mapped[int | None] = orm.mapped_column(sa.ForeignKey("member.id"))
    size: orm.Mapped[int]
    dues: orm.Mapped[list["Due"]] = orm.relationship(back_populates="member")


class Due(Base):
    __tablename__ = "due"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    member_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("member.id"))
    size: orm.Mapped[int]
    member: orm.Mapped[Member] = orm.relationship(back_populates="dues")


Other = orm.aliased(Member)
member, due = Member.__table__, Due.__table__
assert isinstance(member, sa.Table)
first = sa.select(Member.id, Member.size).where(Member.id == 1)
tree = sa.select(Member.id, Member.size).where(Member.id == 1).cte("tree", recursive=True)
chosen = first.cte("chosen")
everybody = sa.select(Member.id, Member.size).subquery()
shared = sa.select(sa.func.sum(Member.size)).where(Member.id == 1).scalar_subquery()

# What is read whole, and of which tables rows alone.
STATEMENTS: dict[str, tuple[Callable[[], Any], set[str], set[str]]] = {
    "a subquery of one row": (lambda: sa.select(first.subquery()), set(), {"member"}),
    "a subquery of the rows of a list": (
        lambda: sa.select(sa.func.sum(sa.select(Member.size).where(Member.id.in_([1, 2])).subquery().c.size)),
        set(),
        {"member"},
    ),
    "EXISTS of one row": (lambda: sa.select(Due.id).where(sa.exists().where(Other.id == 1)), {"due"}, {"member"}),
    "NOT EXISTS of one row that is of some size": (
        lambda: sa.select(Due.id).where(~sa.exists().where(Other.id == 1, Other.size > 1)),
        {"due"},
        {"member"},
    ),
    "a row in the list of columns": (lambda: sa.select(Due.id, shared), {"due"}, {"member"}),
    "a row in the order": (
        lambda: sa.select(Due.id).order_by(sa.case((shared > 1, Due.id), else_=-Due.id)),
        {"due"},
        {"member"},
    ),
    "a subquery that stands there twice": (
        lambda: sa.select(Due.id, shared).where(shared > 0),
        {"due"},
        {"member"},
    ),
    "both arms of a union by key": (
        lambda: sa.union_all(first, sa.select(Due.id, Due.size).where(Due.id == 2)),
        set(),
        {"member", "due"},
    ),
    "one arm of a union by key": (
        lambda: sa.union_all(first, sa.select(Member.id, Member.size).where(Member.size > 1)),
        {"member"},
        {"member"},
    ),
    "a recursive CTE that begins at one row": (
        lambda: sa.select(
            tree.union_all(sa.select(Other.id, Other.size).join(tree, Other.parent_id == tree.c.id))
        ).order_by("id"),
        {"member"},
        {"member"},
    ),
    "a CTE whose rows are joined": (
        lambda: sa.select(Due.id).join(chosen, chosen.c.id == Due.member_id),
        {"due"},
        {"member"},
    ),
    "a subquery that names a key of the SELECT around it": (
        lambda: sa.select(Member.id).where(sa.exists().where(Due.member_id == Member.id, Member.id == 1)),
        {"member", "due"},
        set(),
    ),
    "such a one that reads another row of that table too": (
        lambda: sa.select(Member.id).where(
            sa.exists().where(Other.parent_id == Member.id, Member.id == 1, Other.id != 1)
        ),
        {"member"},
        set(),
    ),
    "a subquery that is told not to mean the SELECT around it": (
        lambda: sa.select(Member.id, sa.select(Member.size).where(Member.id == 1).correlate(None).scalar_subquery()),
        {"member"},
        {"member"},
    ),
    "a key in the SELECT around a subquery": (
        lambda: sa.select(
            Member.id,
            sa.select(sa.func.count()).select_from(Other).where(Other.size == Member.size).scalar_subquery(),
        ).where(Member.id == 1),
        {"member"},
        {"member"},
    ),
    "a key or something else, within": (
        lambda: sa.select(sa.select(Member.id).where((Member.id == 1) | (Member.size > 1)).subquery()),
        {"member"},
        set(),
    ),
    "another key than one, within": (
        lambda: sa.select(sa.select(Member.id, Member.size).where(~(Member.id == 1)).subquery()),
        {"member"},
        set(),
    ),
    "a key as a case of a condition, within": (
        lambda: sa.select(
            sa.select(Member.id, Member.size)
            .where(sa.case((Member.size > 1, Member.id == 1), else_=sa.true()))
            .subquery()
        ),
        {"member"},
        set(),
    ),
    "an outer join that names the outer side's key, within": (
        lambda: sa.select(
            sa.select(Member.id, Member.size, Due.id.label("due"))
            .outerjoin(Due, sa.and_(Due.member_id == Member.id, Member.id == 1))
            .subquery()
        ),
        {"member", "due"},
        set(),
    ),
    "an outer join that names the inner side's key, within": (
        lambda: sa.select(
            sa.select(Member.id, Member.size, Due.size.label("due")).outerjoin(Due, Due.id == 2).subquery()
        ),
        {"member"},
        {"due"},
    ),
    "a key by way of another, within": (
        lambda: sa.select(
            sa.select(Member.size, Due.size.label("due")).join(Due, Due.id == Member.id).where(Due.id == 2).subquery()
        ),
        set(),
        {"member", "due"},
    ),
    "a key of a subquery's column": (
        lambda: sa.select(everybody).where(everybody.c.id == 1),
        {"member"},
        set(),
    ),
    "rows behind a limit with their collections": (
        lambda: sa.select(Member).where(Member.id == 1).limit(1).options(orm.joinedload(Member.dues)),
        {"due"},
        {"member"},
    ),
    "a criterion that loaders are given": (
        lambda: sa.select(sa.select(Due.id, Due.size).subquery()).options(
            orm.with_loader_criteria(Due, Due.id == 1, include_aliases=True)
        ),
        {"due"},
        set(),
    ),
    "a lookup beside the whole table": (
        lambda: sa.select(Other.id, first.subquery().c.size),
        {"member"},
        {"member"},
    ),
}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[sa.Engine, Cache]]:
    engine = sa.create_engine(f"sqlite:///{tmp_path_factory.mktemp('reads') / 'reads.db'}")
    # A thousand commits, of a database that nobody needs after a crash.
    sa.event.listen(engine, "connect", lambda driver, _: driver.execute("PRAGMA synchronous = OFF"))
    with Cache.from_url("memory://", "test", key_secret=b"a secret") as cache:
        tracking = track(engine, cache, outbox=False)
        Base.metadata.create_all(engine)
        yield engine, cache
        tracking.close()
    engine.dispose()


def writes() -> Iterator[tuple[str, Any]]:
    """Each is one write of one row; all of them together leave the database as it was."""
    for table in (member, due):
        assert isinstance(table, sa.Table)
        for key in ROWS:
            for size in (9, key):
                yield f"{table.name} {key} is {size}", table.update().where(table.c.id == key).values(size=size)
        more = {"member_id": 1} if table is due else {"parent_id": 1}
        yield f"{table.name} 4 comes", table.insert().values(id=4, size=4, **more)
        yield f"{table.name} 4 goes", table.delete().where(table.c.id == 4)
    for key in ROWS:
        for parent in (1, None):
            yield f"{parent} is the parent of {key}", member.update().where(member.c.id == key).values(parent_id=parent)
        other = key % 3 + 1
        yield f"due {key} of {other}", sa.update(due).where(due.c.id == key).values(member_id=other)
        yield f"due {key} goes", sa.delete(due).where(due.c.id == key)
        yield f"due {key} comes", sa.insert(due).values(id=key, member_id=key, size=key)


def fill(engine: sa.Engine) -> None:
    with orm.Session(engine) as session:
        session.execute(sa.delete(Due))
        session.execute(sa.delete(Member))
        session.add_all([Member(id=key, parent_id=1 if key == 3 else None, size=key) for key in ROWS])
        session.flush()
        session.add_all([Due(id=key, member_id=key, size=key) for key in ROWS])
        session.commit()


def answer(engine: sa.Engine, statement: Any) -> list[list[Any]]:
    with orm.Session(engine) as session:
        rows = session.execute(statement).unique().all()
        return sorted([_plain(value) for value in row] for row in rows)


def _plain(value: Any) -> Any:
    if isinstance(value, Member):
        return f"{value.id}, {value.parent_id}, {value.size}, {[(due.id, due.size) for due in value.dues]}"
    return "none" if value is None else str(value)


def test_what_a_changed_row_changes_is_read_anew(database: tuple[sa.Engine, Cache]) -> None:
    engine, cache = database
    fill(engine)
    statements = {name: make() for name, (make, _, _) in STATEMENTS.items()}

    @cache.cached(expire=300, key_prefix="reads", early=False)
    def read(name: str) -> list[list[str]]:
        return answer(engine, statements[name])

    found = {name: read(name) for name in statements}
    changed = set()
    for what, write in writes():
        with engine.begin() as connection:
            connection.execute(write)
        for name, statement in statements.items():
            now = answer(engine, statement)
            if now != found[name]:
                changed.add(name)
            assert read(name) == now, f"{what}: {name}"
            found[name] = now
    assert changed == set(statements)


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_place_that_binds_a_key_depends_on_rows_alone(name: str, database: tuple[sa.Engine, Cache]) -> None:
    engine, _ = database
    make, whole, rows = STATEMENTS[name]
    with Loading():
        answer(engine, make())
        tags = set(current_load().tags)
    assert {tag.removeprefix("sql:") for tag in tags if "#" not in tag} == whole
    assert {tag[len("sql:") : -1] for tag in tags if tag.endswith("#")} == rows
