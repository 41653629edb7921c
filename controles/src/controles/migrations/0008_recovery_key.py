"""Which key knows a recovery code: nobody can make its digest anew when keys change."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("codigo_recuperacao", sa.Column("chave", sa.LargeBinary(length=4), nullable=True))
