"""Taking the audit's triggers away for a restore, and putting them back, within the transaction."""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

_TABLES = ("auditoria", "auditoria_ponta")


@contextmanager
def audit_open_for_owner(connection: sa.Connection) -> Iterator[None]:
    """Rows of the audit can be removed within this block. If it fails, the transaction has to be rolled back."""
    if connection.dialect.name == "postgresql":
        # Also keeps others from writing the audit until the end of the transaction.
        for table in _TABLES:
            connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield
        for table in _TABLES:
            connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        return
    found = connection.exec_driver_sql(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN ('auditoria', 'auditoria_ponta')"
    ).all()
    for name, _ in found:
        connection.exec_driver_sql(f"DROP TRIGGER {name}")
    yield
    for _, source in found:
        connection.exec_driver_sql(source)
