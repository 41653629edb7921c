"""The patterns of SQLAlchemy's documentation: what a load of each depends on."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.associationproxy import association_proxy
from sqlalchemy.ext.hybrid import hybrid_property

from frescor import Cache, current_load
from frescor._calls.loading import Loading
from frescor.sqlalchemy import track
from frescor.sqlalchemy._statements.tags import Tags
from frescor.testing.private_postgres import PrivatePostgres

TAGS = Tags("", b"a secret")


class Base(orm.DeclarativeBase):
    pass


likes = sa.Table(
    "likes",
    Base.metadata,
    sa.Column("user_id", sa.ForeignKey("user_account.id"), primary_key=True),
    sa.Column("topic_id", sa.ForeignKey("topic.id"), primary_key=True),
)


class User(Base):
    __tablename__ = "user_account"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    name: orm.Mapped[str] = orm.mapped_column(sa.String(30))
    addresses: orm.Mapped[list["Address"]] = orm.relationship(back_populates="user", order_by="Address.id")
    topics: orm.Mapped[list["Topic"]] = orm.relationship(secondary=likes)
    keywords: orm.Mapped[list["UserKeyword"]] = orm.relationship()
    words = association_proxy("keywords", "word")

    @hybrid_property
    def short(self) -> str:
        return self.name[:1]

    @short.inplace.expression
    @classmethod
    def _short(cls) -> sa.ColumnElement[str]:
        return sa.func.substr(cls.name, 1, 1)

    @hybrid_property
    def mails(self) -> int:
        return len(self.addresses)

    @mails.inplace.expression
    @classmethod
    def _mails(cls) -> sa.ColumnElement[int]:
        return (
            sa.select(sa.func.count(Address.id))
            .where(Address.user_id == cls.id)
            .correlate_except(Address)
            .label("mails")
        )


class Address(Base):
    __tablename__ = "address"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    email: orm.Mapped[str]
    user_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("user_account.id"))
    user: orm.Mapped[User] = orm.relationship(back_populates="addresses")


class Topic(Base):
    __tablename__ = "topic"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)


class UserKeyword(Base):
    __tablename__ = "user_keyword"
    user_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("user_account.id"), primary_key=True)
    keyword_id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("keyword.id"), primary_key=True)
    word: orm.Mapped["Keyword"] = orm.relationship()


class Keyword(Base):
    __tablename__ = "keyword"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)


class Counted(Base):
    """With a `column_property` that reads another table."""

    __table__ = sa.Table("counted", Base.metadata, sa.Column("id", sa.Integer, primary_key=True))
    likers = orm.column_property(
        sa.select(sa.func.count(likes.c.user_id))
        .where(likes.c.topic_id == __table__.c.id)
        .correlate_except(likes)
        .scalar_subquery()
    )


class Employee(Base):
    """Joined inheritance."""

    __tablename__ = "employee"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    kind: orm.Mapped[str]
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "employee"}  # noqa: RUF012


class Engineer(Employee):
    __tablename__ = "engineer"
    id: orm.Mapped[int] = orm.mapped_column(sa.ForeignKey("employee.id"), primary_key=True)
    tool: orm.Mapped[str]
    __mapper_args__ = {"polymorphic_identity": "engineer"}  # noqa: RUF012


class Animal(Base):
    """Single table inheritance."""

    __tablename__ = "animal"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    kind: orm.Mapped[str]
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "animal"}  # noqa: RUF012


class Cat(Animal):
    lives: orm.Mapped[int | None]
    __mapper_args__ = {"polymorphic_identity": "cat"}  # noqa: RUF012


class Boat(Base):
    """Concrete inheritance."""

    __tablename__ = "boat"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)


class Ferry(Boat):
    __tablename__ = "ferry"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    __mapper_args__ = {"concrete": True}  # noqa: RUF012


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    """A tracked database with a row in each table, for all tests of a worker: none changes it."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('patterns') / 'patterns.db'}"
    else:
        server: PrivatePostgres = request.getfixturevalue("postgres_server")
        url = server.make_database()
    engine = sa.create_engine(url)
    with Cache.from_url("memory://", "test", key_secret=b"a secret") as cache:
        tracking = track(engine, cache, outbox=False, slices=None)
        _fill(engine)
        yield engine
        tracking.close()
    engine.dispose()


def _fill(engine: sa.Engine) -> None:
    Base.metadata.create_all(engine)
    with orm.Session(engine) as session:
        session.add(User(id=1, name="ana", addresses=[Address(id=1, email="a@x")], topics=[Topic(id=1)]))
        session.add(UserKeyword(user_id=1, word=Keyword(id=1)))
        session.add_all([Engineer(id=1, tool="saw"), Cat(id=1, lives=9), Boat(id=1), Ferry(id=1), Counted(id=1)])
        session.commit()


@pytest.fixture
def session(filled: sa.Engine) -> Iterator[orm.Session]:
    with orm.Session(filled) as session:
        yield session


def whole(*names: str) -> set[str]:
    return {TAGS.table((None, name)) for name in names}


def row(name: str, number: int = 1) -> set[str]:
    return {TAGS.row(TAGS.table((None, name)), (number,)), TAGS.rows((None, name))}


def tags_of(read: Callable[[], object]) -> set[str]:
    """What a load that reads this depends on."""
    with Loading():
        read()
        return set(current_load().tags)


def aliased(session: orm.Session) -> Any:
    other = orm.aliased(User)
    return session.execute(sa.select(User.id, other.id).join(other, other.name == User.name)).all()


def union(session: orm.Session) -> Any:
    return session.execute(sa.union(sa.select(User.id), sa.select(Topic.id))).all()


READS: dict[str, tuple[Callable[[orm.Session], object], set[str]]] = {
    "a primary key": (lambda s: s.get(User, 1), row("user_account")),
    "a row that is not there": (lambda s: s.get(User, 7), row("user_account", 7)),
    "one column by primary key": (lambda s: s.scalar(sa.select(User.name).where(User.id == 1)), row("user_account")),
    "a primary key and more": (
        lambda s: s.scalars(sa.select(User).where(User.id == 1, User.name == "ana")).all(),
        row("user_account"),
    ),
    "some primary keys": (
        lambda s: s.scalars(sa.select(User).where(User.id.in_([1, 2]))).all(),
        row("user_account") | row("user_account", 2),
    ),
    "a primary key or more": (
        lambda s: s.scalars(sa.select(User).where((User.id == 1) | (User.name == "ana"))).all(),
        whole("user_account"),
    ),
    "many primary keys": (
        lambda s: s.scalars(sa.select(User).where(User.id.in_(list(range(65))))).all(),
        whole("user_account"),
    ),
    "all": (lambda s: s.scalars(sa.select(User)).all(), whole("user_account")),
    "a count": (lambda s: s.scalar(sa.select(sa.func.count()).select_from(User)), whole("user_account")),
    "a join": (lambda s: s.scalars(sa.select(User).join(User.addresses)).all(), whole("user_account", "address")),
    "an outer join by primary key": (
        lambda s: s.execute(sa.select(User, Address).outerjoin(User.addresses).where(User.id == 1)).all(),
        row("user_account") | whole("address"),
    ),
    "an outer join that names a key in its condition alone": (
        lambda s: s.execute(sa.select(User.id).outerjoin(Address, User.id == 1)).all(),
        whole("user_account", "address"),
    ),
    "a lazy collection": (lambda s: s.get_one(User, 1).addresses, row("user_account") | whole("address")),
    "a lazy reference": (lambda s: s.get_one(Address, 1).user, row("address") | row("user_account")),
    "selectin": (
        lambda s: s.scalars(sa.select(User).options(orm.selectinload(User.addresses))).all(),
        whole("user_account", "address"),
    ),
    "joined": (
        lambda s: s.scalars(sa.select(Address).options(orm.joinedload(Address.user))).all(),
        whole("user_account", "address"),
    ),
    "subquery": (
        lambda s: s.scalars(sa.select(User).options(orm.subqueryload(User.addresses))).all(),
        whole("user_account", "address"),
    ),
    "many to many": (lambda s: s.get_one(User, 1).topics, row("user_account") | whole("likes", "topic")),
    "an association object": (
        lambda s: s.get_one(User, 1).words[0],
        row("user_account") | whole("user_keyword") | row("keyword"),
    ),
    "a hybrid of its own row": (lambda s: s.scalars(sa.select(User.short)).all(), whole("user_account")),
    "a hybrid over others": (lambda s: s.scalars(sa.select(User.mails)).all(), whole("user_account", "address")),
    "a column_property": (lambda s: s.get(Counted, 1), row("counted") | whole("likes")),
    "a column_property within a subquery": (
        lambda s: s.execute(sa.select(sa.select(Counted).subquery())).all(),
        whole("counted", "likes"),
    ),
    "joined inheritance": (lambda s: s.get(Engineer, 1), row("employee") | row("engineer")),
    "joined inheritance, all": (lambda s: s.scalars(sa.select(Engineer)).all(), whole("employee", "engineer")),
    "joined inheritance by its base": (
        lambda s: s.get_one(Employee, 1).tool,  # type: ignore[attr-defined]
        row("employee") | row("engineer"),
    ),
    "with_polymorphic": (
        lambda s: s.scalars(sa.select(orm.with_polymorphic(Employee, "*"))).all(),
        whole("employee", "engineer"),
    ),
    "single table inheritance": (lambda s: s.get(Cat, 1), row("animal")),
    "concrete inheritance": (lambda s: s.get(Ferry, 1), row("ferry")),
    "exists": (
        lambda s: s.scalars(sa.select(User).where(User.addresses.any(Address.email == "a@x"))).all(),
        whole("user_account", "address"),
    ),
    "an alias": (aliased, whole("user_account")),
    "a union": (union, whole("user_account", "topic")),
    "a CTE": (
        lambda s: s.execute(sa.select(sa.select(User.id).where(User.id == 1).cte().c.id)).all(),
        row("user_account"),
    ),
    "a subquery": (
        lambda s: s.execute(sa.select(sa.select(Topic.id).where(Topic.id == 1).subquery().c.id)).all(),
        row("topic"),
    ),
    "from_statement": (
        lambda s: s.scalars(sa.select(User).from_statement(sa.text("SELECT * FROM user_account"))).all(),
        whole("user_account"),
    ),
    "text within a query": (
        lambda s: s.execute(sa.select(User.id).where(sa.text("id IN (SELECT user_id FROM address)"))).all(),
        whole("user_account", "address"),
    ),
    "a literal column": (
        lambda s: s.execute(sa.select(sa.literal_column("(SELECT max(id) FROM topic)"))).all(),
        whole("topic"),
    ),
    "a table known by name": (
        lambda s: s.execute(sa.select(sa.column("id")).select_from(sa.table("topic"))).all(),
        whole("topic"),
    ),
    "text": (lambda s: s.execute(sa.text("SELECT 1 FROM topic AS t, likes")).all(), whole("topic", "likes")),
    "the driver's text": (
        lambda s: s.connection().exec_driver_sql("SELECT 1 FROM Topic").all(),
        whole("topic"),
    ),
    "declared": (
        lambda s: s.execute(sa.text("SELECT 1 FROM topic"), execution_options={"frescor_reads": ["likes", User]}).all(),
        whole("likes", "user_account"),
    ),
    "nothing": (lambda s: s.execute(sa.select(sa.literal(1))).all(), set()),
}


@pytest.mark.parametrize("pattern", READS)
def test_a_load_depends_on_what_it_reads(pattern: str, session: orm.Session) -> None:
    read, expected = READS[pattern]
    assert tags_of(lambda: read(session)) == expected


def test_what_the_session_holds_counts_as_read(session: orm.Session) -> None:
    user = session.get_one(User, 1)
    topics = list(user.topics)
    assert tags_of(lambda: session.get(User, 1)) == row("user_account") | whole("topic", "likes")
    assert tags_of(lambda: session.get(Topic, 1)) == row("topic")
    address = session.get_one(Address, 1)
    assert tags_of(lambda: address.user) >= row("user_account")
    assert topics


def test_a_computed_attribute_that_the_session_holds_counts_as_read(session: orm.Session) -> None:
    held = session.get_one(Counted, 1)
    assert tags_of(lambda: session.get(Counted, 1)) >= row("counted") | whole("likes")
    assert held.likers == 1


def test_rows_of_a_translated_schema_are_that_schemas(session: orm.Session) -> None:
    if session.connection().dialect.name != "sqlite":
        pytest.skip("SQLite can attach a second schema at once")
    session.execute(sa.text("ATTACH ':memory:' AS tenant"))
    session.connection().exec_driver_sql("CREATE TABLE tenant.topic (id INTEGER PRIMARY KEY)")
    options = {"schema_translate_map": {None: "tenant"}}
    tags = tags_of(lambda: session.execute(sa.select(Topic.id), execution_options=options).all())
    # Without the schema: a name alone might mean the same table.
    assert tags == {TAGS.table((None, "topic"))}
