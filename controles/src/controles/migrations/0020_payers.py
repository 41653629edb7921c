"""Who paid, if it was not the militante; and which payments were one movement of money."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("pagamento", sa.Column("pagador_nome", sa.String(length=160), nullable=True))
    op.add_column("pagamento", sa.Column("pagador_cpf", sa.LargeBinary(), nullable=True))
    op.add_column("pagamento", sa.Column("grupo", sa.String(length=64), nullable=True))
    together = sa.text("grupo IS NOT NULL")
    op.create_index("ix_pagamento_grupo", "pagamento", ["grupo"], sqlite_where=together, postgresql_where=together)


def downgrade() -> None:
    op.drop_index("ix_pagamento_grupo", "pagamento")
    for column in ("grupo", "pagador_cpf", "pagador_nome"):
        op.drop_column("pagamento", column)
