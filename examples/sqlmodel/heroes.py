"""Heroes and their teams, with SQLModel and FastAPI. Nothing in it invalidates anything."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI
from sqlmodel import Field, Session, SQLModel, col, create_engine, func, select

from frescor import Cache, Policy
from frescor.asgi import cached_view, lifespan
from frescor.sqlalchemy import outbox_table, track

cache = Cache.from_url(os.environ.get("REDIS_URL", "memory://"), namespace="heroes")
engine = create_engine(os.environ.get("DATABASE_URL", "sqlite:///heroes.db"))
outbox_table(SQLModel.metadata)  # one table: no invalidation is lost, even if a process dies right after its commit


class Team(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str


class HeroIn(SQLModel):
    name: str
    team_id: int | None = Field(default=None, foreign_key="team.id")


class Hero(HeroIn, table=True):
    id: int | None = Field(default=None, primary_key=True)


class HeroOut(HeroIn):
    id: int


@asynccontextmanager
async def prepare(_: FastAPI) -> AsyncIterator[None]:
    SQLModel.metadata.create_all(engine)
    track(engine, cache)  # the one line: from here on commits invalidate what they change
    with Session(engine) as session:
        if session.get(Team, 1) is None:
            session.add_all([Team(id=1, name="Preventers"), Team(id=2, name="Z-Force")])
            session.commit()
    yield
    engine.dispose()


def opened() -> Iterator[Session]:
    with Session(engine) as session:
        yield session


Opened = Annotated[Session, Depends(opened)]
app = FastAPI(lifespan=lifespan(cache, prepare))


@app.get("/heroes")
@cached_view(Policy(name="heroes", expire=300))
def heroes(session: Opened, team_id: int | None = None) -> list[HeroOut]:
    """Rows of the table go out through the response model, and the response is kept."""
    query = select(Hero).order_by(col(Hero.id))
    if team_id is not None:
        query = query.where(Hero.team_id == team_id)
    return [HeroOut.model_validate(hero) for hero in session.exec(query)]


@cache.cached(expire=300, key_prefix="size")
def size(team_id: int, session: Session) -> int:
    """Kept until somebody joins or leaves this team."""
    return session.exec(select(func.count()).select_from(Hero).where(Hero.team_id == team_id)).one()


@app.get("/teams/{team_id}/size")
def show_size(team_id: int, session: Opened) -> dict[str, int]:
    return {"heroes": size(team_id, session), "runs": size.cache_info().misses}


@app.post("/heroes", status_code=201)
def join(given: HeroIn, session: Opened) -> HeroOut:
    hero = Hero.model_validate(given)
    session.add(hero)
    session.commit()
    return HeroOut.model_validate(hero)
