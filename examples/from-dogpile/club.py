"""Members of a club and what they owe, with dogpile.cache over Frescor."""

import os

import sqlalchemy as sa

from frescor import Cache
from frescor.dogpile import make_region
from frescor.sqlalchemy import outbox_table, track

engine = sa.create_engine("sqlite:///club.db")
metadata = sa.MetaData()
due = sa.Table(
    "due",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("member", sa.Integer),
    sa.Column("cents", sa.Integer),
)
outbox_table(metadata)

cache = Cache.from_url(os.environ.get("REDIS_URL", "memory://"), namespace="club")
region = make_region().configure("frescor", expiration_time=300, arguments={"cache": cache})


@region.cache_on_arguments()
def owed(member: int) -> int:
    print(f"  (the database is asked for member {member})")
    with engine.connect() as connection:
        return connection.scalar(sa.select(sa.func.coalesce(sa.func.sum(due.c.cents), 0)).where(due.c.member == member))


@region.cache_on_arguments()
def total() -> int:
    print("  (the database is asked for the total)")
    with engine.connect() as connection:
        return connection.scalar(sa.select(sa.func.coalesce(sa.func.sum(due.c.cents), 0)))


def charge(member: int, cents: int) -> None:
    with engine.begin() as connection:
        connection.execute(due.insert().values(member=member, cents=cents))


def main() -> None:
    metadata.drop_all(engine)
    metadata.create_all(engine)
    track(engine, cache)
    charge(1, 500)
    print("member 1 owes", owed(1))
    print("all owe", total())
    charge(1, 250)
    print("member 1 owes", owed(1))
    print("all owe", total())


if __name__ == "__main__":
    main()
