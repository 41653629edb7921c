"""Frescor for SQLAlchemy: what cached functions read is seen, and what transactions write invalidates it."""

from frescor.extras import extra

with extra("sqlalchemy", "frescor.sqlalchemy"):
    from frescor.sqlalchemy.outbox import outbox_table
    from frescor.sqlalchemy.setup import track
    from frescor.sqlalchemy.tags import table_tag
    from frescor.sqlalchemy.tracking import Tracking
    from frescor.sqlalchemy.triggers import install_triggers, remove_triggers

__all__ = ["Tracking", "install_triggers", "outbox_table", "remove_triggers", "table_tag", "track"]
