"""A shop with Flask and Flask-SQLAlchemy. Nothing in it invalidates anything."""

import os
from dataclasses import dataclass

import sqlalchemy as sa
from flask import Flask, Response, jsonify, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from frescor import Policy
from frescor.flask import FlaskCache
from frescor.sqlalchemy import outbox_table, track


class Base(DeclarativeBase):
    pass


db = SQLAlchemy(model_class=Base)
cache = FlaskCache()
outbox_table(Base.metadata)  # one table: no invalidation is lost, even if a process dies right after its commit


class Product(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    cents: Mapped[int]


class Order(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(sa.ForeignKey("product.id"))
    product: Mapped[Product] = relationship()


@dataclass
class Sales:
    orders: int
    cents: int


@cache.cached(expire=300, key_prefix="sales")
def sales() -> Sales:
    """A slow query, in a real shop. It is kept until an order or a price changes."""
    query = sa.select(sa.func.count(Order.id), sa.func.coalesce(sa.func.sum(Product.cents), 0)).join(Order.product)
    return Sales(*db.session.execute(query).one())


def create_app() -> Flask:
    app = Flask("shop")
    app.config["SQLALCHEMY_DATABASE_URI"] = os.environ.get("DATABASE_URL", "sqlite:///shop.db")
    app.config["FRESCOR_URL"] = os.environ.get("FRESCOR_URL", "memory://")
    db.init_app(app)
    cache.init_app(app)
    with app.app_context():
        db.create_all()
        track(db.engine, cache)  # the one line: from here on commits invalidate what they change
        if not db.session.get(Product, 1):
            db.session.add_all([Product(id=1, name="Coffee", cents=1800), Product(id=2, name="Mate", cents=1200)])
            db.session.commit()

    @app.get("/products/<int:number>")
    @cache.view(Policy(name="product", expire=300))
    def product(number: int) -> Response:
        """The whole response is kept, and has an ETag, until this product changes."""
        found = db.get_or_404(Product, number)
        return jsonify(id=found.id, name=found.name, cents=found.cents)

    @app.put("/products/<int:number>")
    def change(number: int) -> Response:
        found = db.get_or_404(Product, number)
        found.cents = int(request.form["cents"])
        db.session.commit()
        return jsonify(id=found.id, cents=found.cents)

    @app.post("/orders")
    def order() -> tuple[Response, int]:
        db.session.add(Order(product_id=int(request.form["product"])))
        db.session.commit()
        return jsonify(ok=True), 201

    @app.get("/sales")
    def show_sales() -> Response:
        now = sales()
        return jsonify(orders=now.orders, cents=now.cents, runs=sales.cache_info().misses)

    return app
