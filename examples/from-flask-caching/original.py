"""Articles and their comments, with Flask and Flask-Caching."""

import sqlalchemy as sa
from flask import Flask, request
from flask_caching import Cache

engine = sa.create_engine("sqlite:///articles.db")
metadata = sa.MetaData()
comment = sa.Table(
    "comment",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("article", sa.Integer),
    sa.Column("text", sa.String),
)

app = Flask("articles")
app.config["CACHE_TYPE"] = "SimpleCache"
app.config["CACHE_DEFAULT_TIMEOUT"] = 300
cache = Cache(app)
metadata.create_all(engine)


@cache.memoize()
def comments(article: int) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(sa.select(comment.c.text).where(comment.c.article == article)))


@app.get("/articles/<int:article>/comments")
def show_comments(article: int):
    return comments(article)


@app.get("/latest")
@cache.cached()
def latest() -> str:
    with engine.connect() as connection:
        query = sa.select(comment.c.text).order_by(comment.c.id.desc()).limit(1)
        return f"Latest comment: {connection.scalar(query)}\n"


@app.post("/articles/<int:article>/comments")
def add_comment(article: int):
    with engine.begin() as connection:
        connection.execute(comment.insert().values(article=article, text=request.form["text"]))
    cache.delete_memoized(comments, article)
    return "thanks\n", 201
