"""Whether a database belongs to an installation with people's data."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "instalacao",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ambiente", sa.String(length=20), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_instalacao_uma_linha")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instalacao")),
    )
