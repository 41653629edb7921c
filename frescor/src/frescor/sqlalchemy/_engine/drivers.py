"""Direct access to the driver of a tracked engine."""

from typing import Any

import sqlalchemy as sa


def driver_connection(connection: sa.PoolProxiedConnection, dialect: sa.Dialect) -> Any:
    """The driver's own connection. SQLAlchemy's `driver_connection` gives the same, with four more function calls."""
    return connection.driver_connection if dialect.is_async else connection.dbapi_connection


def is_autocommit_of_mysql(raw: Any) -> bool:
    """Whether the session of a MySQL driver's connection commits each statement by itself. Its `autocommit` is a method
    that sets it; the server tells it with each answer."""
    ask = getattr(raw, "get_autocommit", None)
    return ask is not None and bool(ask())
