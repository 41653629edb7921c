"""An explanation says which condition binds no part of a table, why, and what to write instead."""

from typing import Any

import pytest
import sqlalchemy as sa

from frescor import Cache
from frescor.sqlalchemy import track

metadata = sa.MetaData()
MEMBERS = sa.Table("member", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String))
DUES = sa.Table(
    "due",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("member_id", sa.ForeignKey("member.id")),
    sa.Column("paid_on", sa.Date, info={"slice": "month"}),
    sa.Column("cents", sa.Integer),
)
LOGS = sa.Table("log", metadata, sa.Column("text", sa.String))
C = DUES.c
WHOLE = sa.select(C.id)
NOW = sa.func.current_date()


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        (WHOLE, "no condition compares id, member_id, paid_on:month with a value"),
        (WHOLE.where(C.cents == 1), "no condition compares id, member_id, paid_on:month"),
        (
            sa.select(MEMBERS),
            'no condition compares id with a value; to have slices, declare a column with info={"slice"',
        ),
        (sa.select(LOGS), "no condition compares a key, which it does not have, with a value"),
        (
            WHOLE.where(C.member_id > 3),
            "'due.member_id > :member_id_1' is a range, and member_id has no buckets: declare",
        ),
        (
            WHOLE.where(C.paid_on >= NOW),
            "'due.paid_on >= CURRENT_DATE' does not limit the column at both ends by values",
        ),
        (WHOLE.where(sa.literal(1) < C.id), "is a range, and id has no buckets"),
        (
            WHOLE.where(C.member_id != 3),
            "'due.member_id != :member_id_1' selects no rows with a certain value: write =",
        ),
        (WHOLE.where(sa.or_(C.member_id == 3, C.cents == 1)), "'due.member_id = :member_id_1' stands in an OR"),
        (WHOLE.where(C.member_id + 0 == 3), "compares an expression: compare the column itself"),
        (WHOLE.where(sa.func.abs(C.member_id) == 3), "compares an expression: compare the column itself"),
        (WHOLE.where(C.member_id == sa.func.abs(3)), "compares with an expression or a subquery: read that first"),
        (WHOLE.where(C.member_id.in_(sa.select(MEMBERS.c.id))), "compares with an expression or a subquery"),
        (
            WHOLE.join(MEMBERS, MEMBERS.c.id == C.member_id).where(MEMBERS.c.name == "ana"),
            "compares with member.id, which is bound to no value: add a condition on that",
        ),
        (sa.select(DUES.alias("d").c.id), "no condition compares id"),
    ],
)
def test_it_names_the_condition_and_what_to_write_instead(statement: Any, sentence: str) -> None:
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    metadata.create_all(engine)
    with Cache.from_url("memory://", "test") as cache:
        tracking = track(engine, cache, outbox=False)

        def read() -> int:
            with engine.connect() as connection:
                return len(connection.execute(statement).all())

        cache.explain(read)
        assert sentence in str(cache.explain(read))
        tracking.close()
    engine.dispose()
