"""What transactions invalidate in the cache, kept with them until it has arrived there."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "frescor_outbox",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("origin", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("applied_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_frescor_outbox")),
    )
    unmarked = sa.text("applied_at IS NULL")
    op.create_index(
        op.f("ix_frescor_outbox_unmarked"),
        "frescor_outbox",
        ["created_at"],
        sqlite_where=unmarked,
        postgresql_where=unmarked,
    )
