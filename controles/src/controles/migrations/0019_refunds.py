"""What was given back of a payment."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INDEXED = ("pagamento_id", "militante_id", "lancamento_id", "linha_id")


def upgrade() -> None:
    op.create_table(
        "devolucao",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("pagamento_id", BIG_ID, nullable=False),
        sa.Column("militante_id", sa.Integer(), nullable=True),
        sa.Column("centavos", sa.BigInteger(), nullable=False),
        sa.Column("lancamento_id", BIG_ID, nullable=True),
        sa.Column("linha_id", BIG_ID, nullable=True),
        sa.CheckConstraint("centavos <> 0", name=op.f("ck_devolucao_centavos_nao_zero")),
        sa.CheckConstraint("(lancamento_id IS NULL) <> (linha_id IS NULL)", name=op.f("ck_devolucao_de_um_movimento")),
        sa.ForeignKeyConstraint(["pagamento_id"], ["pagamento.id"], name=op.f("fk_devolucao_pagamento_id")),
        sa.ForeignKeyConstraint(["militante_id"], ["militante.id"], name=op.f("fk_devolucao_militante_id")),
        sa.ForeignKeyConstraint(["lancamento_id"], ["lancamento.id"], name=op.f("fk_devolucao_lancamento_id")),
        sa.ForeignKeyConstraint(["linha_id"], ["linha_extrato.id"], name=op.f("fk_devolucao_linha_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devolucao")),
    )
    for column in _INDEXED:
        op.create_index(f"ix_devolucao_{column}", "devolucao", [column])


def downgrade() -> None:
    op.drop_table("devolucao")
