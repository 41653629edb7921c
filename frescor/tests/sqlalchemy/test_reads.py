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
member, due = (Base.metadata.tables[name] for name in ("member", "due"))


class WithMethods(sa.Select[Any]):
    """A subclass as applications and SQLModel have: it says only how a statement is put together."""

    inherit_cache = True

    def of(self, number: int) -> "WithMethods":
        return self.where(Member.id == number)


class WithRules(WithMethods):
    inherit_cache = True

    def _compiler_dispatch(self, visitor: Any, **options: Any) -> str:
        return f"{visitor.visit_select(self, **options)} OR 1"


first = sa.select(Member.id, Member.size).where(Member.id == 1)
tree = sa.select(Member.id, Member.size).where(Member.id == 1).cte("tree", recursive=True)
chosen = first.cte("chosen")
everybody = sa.select(Member.id, Member.size).subquery()
shared = sa.select(sa.func.sum(Member.size)).where(Member.id == 1).scalar_subquery()

# What is read whole, and of which tables rows alone.
STATEMENTS: dict[str, tuple[Callable[[], Any], set[str], set[str]]] = {
    "a subquery of one row": (lambda: sa.select(first.subquery()), set(), {"member"}),
    "one row, by a subclass of SELECT that has methods alone": (
        lambda: WithMethods(Member.id, Member.size).of(1),
        set(),
        {"member"},
    ),
    "such a subclass in a subquery": (
        lambda: sa.select(WithMethods(Member.size).of(1).subquery()),
        set(),
        {"member"},
    ),
    "one row, by a subclass of SELECT that writes its text itself": (
        lambda: WithRules(Member.id, Member.size).of(1),
        {"member"},
        set(),
    ),
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
    "the same, turned round": (
        lambda: sa.select(Member.id).where(~sa.exists().where(Due.member_id == Member.id, Member.id == 1)),
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
        set(),
        {"due"},
    ),
    "a lookup beside the whole table": (
        lambda: sa.select(Other.id, first.subquery().c.size),
        {"member"},
        {"member"},
    ),
}


# What is read in slices of a foreign key; what is read whole.
SLICES: dict[str, tuple[Callable[[], Any], set[str], set[str]]] = {
    "one member's dues": (lambda: sa.select(Due.id, Due.size).where(Due.member_id == 1), {"due:member_id"}, set()),
    "some members' dues": (lambda: sa.select(Due.id).where(Due.member_id.in_([1, 2])), {"due:member_id"}, set()),
    "how many dues one has": (
        lambda: sa.select(sa.func.count()).select_from(Due).where(Due.member_id == 2, Due.size > 1),
        {"due:member_id"},
        set(),
    ),
    "dues through a member's key": (
        lambda: sa.select(Due.size).join(Due.member).where(Member.id == 1),
        {"due:member_id"},
        set(),
    ),
    "a member and his dues, if any": (
        lambda: sa.select(Member.size, Due.size).outerjoin(Member.dues).where(Member.id == 2),
        {"due:member_id"},
        set(),
    ),
    "a sum in the list of columns": (
        lambda: sa.select(sa.select(sa.func.sum(Due.size)).where(Due.member_id == 3).scalar_subquery()),
        {"due:member_id"},
        set(),
    ),
    "whether one has no dues": (
        lambda: sa.select(sa.literal(1)).where(~sa.exists().where(Due.member_id == 1)),
        {"due:member_id"},
        set(),
    ),
    "children and dues together": (
        lambda: sa.union_all(
            sa.select(Member.id, Member.size).where(Member.parent_id == 1),
            sa.select(Due.id, Due.size).where(Due.member_id == 1),
        ),
        {"member:parent_id", "due:member_id"},
        set(),
    ),
    "dues of one and others by size": (
        lambda: sa.union_all(sa.select(Due.id).where(Due.member_id == 1), sa.select(Due.id).where(Due.size > 2)),
        set(),
        {"due"},
    ),
    "dues of one or of some size": (
        lambda: sa.select(Due.id).where((Due.member_id == 1) | (Due.size > 2)),
        set(),
        {"due"},
    ),
    "dues of others than one": (lambda: sa.select(Due.id).where(~(Due.member_id == 1)), set(), {"due"}),
    "an outer join that names the outer side's slice": (
        lambda: sa.select(Due.id, Member.size).outerjoin(Member, sa.and_(Member.parent_id == 1, Due.member_id == 1)),
        {"member:parent_id"},
        {"due"},
    ),
    "a subquery that names a slice of the SELECT around it": (
        lambda: sa.select(Due.id).where(sa.exists().where(Other.id == Due.size, Due.member_id == 1)),
        set(),
        {"due", "member"},
    ),
    "the same, turned round, and a slice": (
        lambda: sa.select(Due.id).where(~sa.exists().where(Other.id == Due.size, Due.member_id == 1)),
        set(),
        {"due", "member"},
    ),
    "a correlated subquery": (
        lambda: sa.select(
            Member.id, sa.select(sa.func.count()).where(Due.member_id == Member.id).scalar_subquery()
        ).where(Member.id == 1),
        {"due:member_id"},
        set(),
    ),
    "a member without dues": (
        lambda: sa.select(Member.id).where(Member.id.in_([1, 2]), ~sa.exists().where(Due.member_id == Member.id)),
        {"due:member_id"},
        set(),
    ),
    "a correlated subquery within another": (
        lambda: sa.select(Member.id).where(
            Member.id == 1,
            sa.exists().where(
                Other.parent_id == Member.id,
                ~sa.exists().where(Due.member_id == Other.parent_id, Due.size > 3).correlate(Other),
            ),
        ),
        {"due:member_id", "member:parent_id"},
        set(),
    ),
    "a subquery that is correlated to the outer side, of which the join says nothing": (
        lambda: sa.select(
            Member.id, sa.select(sa.func.count()).where(Due.member_id == Member.id).scalar_subquery()
        ).outerjoin(Other, sa.and_(Other.parent_id == Member.id, Member.id == 1)),
        set(),
        {"due", "member"},
    ),
    "a subquery of the same table that is correlated to nothing": (
        lambda: sa.select(Due.id, sa.select(sa.func.sum(due.c.size)).correlate(None).scalar_subquery()).where(
            Due.member_id == 1
        ),
        set(),
        {"due"},
    ),
    "such a one within a correlated one": (
        lambda: sa.select(Member.id, Member.size).where(
            Member.id == 1,
            sa.exists().where(
                Due.member_id == Member.id,
                Due.size < sa.select(sa.func.sum(member.c.size)).correlate(None).scalar_subquery(),
            ),
        ),
        {"due:member_id"},
        {"member"},
    ),
    "one's collection behind a limit": (
        lambda: sa.select(Member).where(Member.id == 1).options(orm.selectinload(Member.dues)),
        {"due:member_id"},
        set(),
    ),
}


@pytest.fixture(scope="module", params=[None, {}], ids=["without slices", "with slices"])
def database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[sa.Engine, Cache]]:
    engine = sa.create_engine(f"sqlite:///{tmp_path_factory.mktemp('reads') / 'reads.db'}")
    # It is a database that nobody needs after a crash.
    sa.event.listen(engine, "connect", lambda driver, _: driver.execute("PRAGMA synchronous = OFF"))
    with Cache.from_url("memory://", "test", key_secret=b"a secret") as cache:
        tracking = track(engine, cache, outbox=False, slices=request.param)
        Base.metadata.create_all(engine)
        fill(engine)
        yield engine, cache
        tracking.close()
    engine.dispose()


def writes() -> Iterator[tuple[str, Any]]:
    """Each is a write of a row, or of a slice."""
    for table in (member, due):
        for key in ROWS:
            yield f"{table.name} {key} is 9", table.update().where(table.c.id == key).values(size=9)
        more = {"member_id": 1} if table is due else {"parent_id": 1}
        yield f"{table.name} 4 comes", table.insert().values(id=4, size=4, **more)
        yield f"{table.name} 4 goes", table.delete().where(table.c.id == 4)
    yield "1 is the parent of 2", member.update().where(member.c.id == 2).values(parent_id=1)
    yield "nobody is the parent of 2", member.update().where(member.c.id == 2).values(parent_id=None)
    yield "nobody is the parent of 3", member.update().where(member.c.id == 3).values(parent_id=None)
    for key in ROWS:
        yield f"due {key} is another's", sa.update(due).where(due.c.id == key).values(member_id=key % 3 + 1)
    yield "due 3 is 1's, by its slice", sa.update(due).where(due.c.member_id == 1).values(member_id=2)
    yield "due 2 goes", sa.delete(due).where(due.c.id == 2)
    yield "the dues of 2 go", sa.delete(due).where(due.c.member_id == 2)


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
    statements = {name: make() for name, (make, _, _) in (STATEMENTS | SLICES).items()}

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


@pytest.mark.parametrize("database", [None], indirect=True)
@pytest.mark.parametrize("name", STATEMENTS)
def test_a_place_that_binds_a_key_depends_on_rows_alone(name: str, database: tuple[sa.Engine, Cache]) -> None:
    make, whole, rows = STATEMENTS[name]
    tags = tags_of(database, make)
    assert {tag for tag in tags if "#" not in tag} == whole
    assert {tag[:-1] for tag in tags if tag.endswith("#")} == rows


@pytest.mark.parametrize("database", [{}], indirect=True)
@pytest.mark.parametrize("name", SLICES)
def test_a_place_that_binds_a_foreign_key_depends_on_slices_alone(name: str, database: tuple[sa.Engine, Cache]) -> None:
    make, slices, whole = SLICES[name]
    # At first they are registered.
    tags_of(database, make)
    tags = tags_of(database, make)
    assert {tag for tag in tags if "#" not in tag} == whole
    blind = {tag for tag in tags if "#@" in tag and "=" not in tag} - {"#@"}
    assert {tag.replace("#@", ":") for tag in blind} == slices
    assert all(any(tag.startswith(f"{one}=") for tag in tags) for one in blind)
    assert ("#@" in tags) == bool(slices)


def tags_of(database: tuple[sa.Engine, Cache], make: Callable[[], Any]) -> set[str]:
    """What a load of this statement depends on."""
    with Loading():
        answer(database[0], make())
        return {tag.removeprefix("sql:") for tag in current_load().tags}
