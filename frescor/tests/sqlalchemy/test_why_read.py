"""What an explanation says that a statement reads, and why."""

import pytest
import sqlalchemy as sa

from frescor import Cache
from frescor.sqlalchemy import track

metadata = sa.MetaData()
MEMBERS = sa.Table("member", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("size", sa.Integer))
DUES = sa.Table(
    "due",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("member_id", sa.ForeignKey("member.id")),
    sa.Column("number", sa.Integer, info={"slice": "range(10)"}),
    sa.Column("seen", sa.Integer, info={"quiet": True}),
    sa.Column("visits", sa.Integer, info={"quiet": True}),
)


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        (sa.select(MEMBERS).where(MEMBERS.c.id == 1), "sql:member: 1 row by primary key"),
        (sa.select(DUES.c.id).where(DUES.c.id.in_([1, 2])), "due: 2 rows by primary key (but for its quiet columns)"),
        (sa.select(DUES.c.id).where(DUES.c.member_id == 1), "bound by = or IN (but for its quiet columns)"),
        (sa.select(DUES.c.seen).where(DUES.c.member_id == 1), "bound by = or IN (of its quiet columns only seen)"),
        (sa.select(DUES.c.id), "number:range10 with a value (but for its quiet columns)"),
        (sa.select(DUES).where(DUES.c.member_id == 1), "sql:due: 1 slice of member_id, bound by = or IN"),
        (sa.select(DUES).where(DUES.c.member_id.in_([1, 2])), "sql:due: 2 slices of member_id, bound by = or IN"),
        (sa.select(DUES).where(DUES.c.number.between(0, 9)), "1 slice of number:range10, bound by a closed range"),
        (
            sa.select(DUES).where(DUES.c.number.between(0, 9999)),
            "the values of its slice column are",
        ),
        (
            sa.select(DUES).where(DUES.c.number > 1),
            "'due.number > :number_1' does not limit the column at both ends by values",
        ),
        (sa.text("SELECT * FROM due WHERE abs(member_id) = 1"), "sql:due: the whole table, since it is named in text"),
    ],
)
def test_it_says_what_of_a_table_is_read_and_why(statement: sa.Executable, sentence: str) -> None:
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    metadata.create_all(engine)
    with Cache.from_url("memory://", "test") as cache:
        tracking = track(engine, cache, outbox=False, slices={})

        @cache.cached(expire=300, key_prefix="explained")
        def found(unused: int) -> int:
            with engine.connect() as connection:
                return len(connection.execute(statement).all())

        cache.explain(found, 1)
        explained = cache.explain(found, unused=1)
        assert len(explained.reads) == 1
        assert sentence in str(explained)
        assert "due" in explained.reads[0].partition(": ")[2] or "member" in explained.reads[0]
        assert not explained.is_private
        assert explained.tags
        # Nothing was stored, and a call of another one within tells of itself.
        assert cache.explain(lambda: found(1)).reads == explained.reads
        tracking.close()
    engine.dispose()
