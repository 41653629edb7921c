"""What a tracked engine's driver is asked directly."""

from typing import Any

import sqlalchemy as sa


def driver_connection(connection: sa.PoolProxiedConnection, dialect: sa.Dialect) -> Any:
    """The driver's own connection, as SQLAlchemy's `driver_connection`, which takes four calls more for it."""
    return connection.driver_connection if dialect.is_async else connection.dbapi_connection
