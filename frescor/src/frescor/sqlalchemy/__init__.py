"""Frescor for SQLAlchemy: detects what cached functions read, and invalidates what transactions write."""

from frescor._extras import extra

with extra("sqlalchemy", "frescor.sqlalchemy"):
    from frescor.sqlalchemy._outbox.outbox import outbox_table
    from frescor.sqlalchemy._statements.tags import table_tag
    from frescor.sqlalchemy._tracking.setup import track
    from frescor.sqlalchemy._tracking.tracking import Tracking
    from frescor.sqlalchemy._tracking.triggers import install_triggers, remove_triggers
    from frescor.sqlalchemy.rows import rows_as

__all__ = ["Tracking", "install_triggers", "outbox_table", "remove_triggers", "rows_as", "table_tag", "track"]
