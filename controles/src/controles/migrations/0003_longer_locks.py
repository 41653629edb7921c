"""How often in a row somebody has been locked out."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tentativa_entrada", sa.Column("bloqueios", sa.Integer(), nullable=False, server_default="0"))
