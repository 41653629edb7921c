"""Payments that were one movement of money, by day: the page of a statement's lines asks which of them fit a line."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    together = sa.text("grupo IS NOT NULL")
    op.create_index(
        "ix_pagamento_grupo_dia",
        "pagamento",
        ["data_credito", "grupo", "valor"],
        sqlite_where=together,
        postgresql_where=together,
    )


def downgrade() -> None:
    op.drop_index("ix_pagamento_grupo_dia", "pagamento")
