"""Books and their reviews, with FastAPI, asynchronous SQLAlchemy and Pydantic. Nothing in it invalidates anything."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

import sqlalchemy as sa
from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from frescor import Cache, Policy
from frescor.asgi import cached_view, lifespan
from frescor.sqlalchemy import outbox_table, track

cache = Cache.from_url(os.environ.get("REDIS_URL", "memory://"), namespace="books")
engine = create_async_engine(os.environ.get("DATABASE_URL", "sqlite+aiosqlite:///books.db"))
sessions = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    pass


outbox_table(Base.metadata)  # one table: no invalidation is lost, even if a process dies right after its commit


class Book(Base):
    __tablename__ = "book"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]


class Review(Base):
    __tablename__ = "review"
    id: Mapped[int] = mapped_column(primary_key=True)
    book_id: Mapped[int] = mapped_column(sa.ForeignKey("book.id"))
    stars: Mapped[int]


class BookOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: int
    title: str


class ReviewIn(BaseModel):
    stars: Annotated[int, Field(ge=1, le=5)]


@dataclass
class Rating:
    reviews: int
    stars: float


@asynccontextmanager
async def prepare(_: FastAPI) -> AsyncIterator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    track(engine, cache)  # the one line: from here on commits invalidate what they change
    async with sessions() as session, session.begin():
        if await session.get(Book, 1) is None:
            session.add_all([Book(id=1, title="Grande Sertão"), Book(id=2, title="Macunaíma")])
    yield
    await engine.dispose()


async def opened() -> AsyncIterator[AsyncSession]:
    async with sessions() as session:
        yield session


Session = Annotated[AsyncSession, Depends(opened)]
app = FastAPI(lifespan=lifespan(cache, prepare))


@app.get("/books/{number}")
@cached_view(Policy(name="book", expire=300))
async def book(number: int, session: Session) -> BookOut:
    """The whole response is kept, and has an ETag, until this book changes."""
    found = await session.get(Book, number)
    if found is None:
        raise HTTPException(404)
    return BookOut.model_validate(found)


@app.put("/books/{number}")
async def rename(number: int, title: str, session: Session) -> BookOut:
    found = await session.get_one(Book, number)
    found.title = title
    await session.commit()
    return BookOut.model_validate(found)


@cache.cached(expire=300, key_prefix="rating")
async def rating(book_id: int, session: AsyncSession) -> Rating:
    """Kept until a review of this book is written; reviews of other books leave it alone."""
    query = sa.select(sa.func.count(), sa.func.avg(Review.stars)).where(Review.book_id == book_id)
    reviews, stars = (await session.execute(query)).one()
    return Rating(reviews, float(stars or 0))


@app.get("/books/{number}/rating")
async def show_rating(number: int, session: Session) -> Rating:
    return await rating(number, session)


@app.post("/books/{number}/reviews", status_code=201)
async def review(number: int, given: ReviewIn, session: Session) -> Rating:
    session.add(Review(book_id=number, stars=given.stars))
    await session.commit()
    return await rating(number, session)


@app.get("/loads")
async def loads() -> int:
    """How often `rating` has run its query."""
    return rating.cache_info().misses
