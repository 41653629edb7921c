"""Receipts of payments, numbered by year."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "recibo",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("ano", sa.Integer(), nullable=False),
        sa.Column("numero", sa.Integer(), nullable=False),
        sa.Column("pagamento_id", BIG_ID, nullable=False),
        sa.Column("valor", sa.BigInteger(), nullable=False),
        sa.Column("codigo", sa.String(length=16), nullable=False),
        sa.Column("conteudo", sa.JSON(), nullable=False),
        sa.Column("cpf_cifrado", sa.LargeBinary(), nullable=True),
        sa.Column("emitido_em", sa.DateTime(timezone=True), nullable=False),
        sa.Column("emitido_por_id", sa.Integer(), nullable=True),
        sa.Column("cancelado_em", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelado_por_id", sa.Integer(), nullable=True),
        sa.Column("motivo", sa.String(length=200), nullable=True),
        sa.CheckConstraint("numero > 0", name=op.f("ck_recibo_numero_positivo")),
        sa.CheckConstraint("(cancelado_em IS NULL) = (motivo IS NULL)", name=op.f("ck_recibo_cancelado_tem_motivo")),
        sa.ForeignKeyConstraint(["pagamento_id"], ["pagamento.id"], name=op.f("fk_recibo_pagamento_id")),
        sa.ForeignKeyConstraint(["emitido_por_id"], ["usuario.id"], name=op.f("fk_recibo_emitido_por_id")),
        sa.ForeignKeyConstraint(["cancelado_por_id"], ["usuario.id"], name=op.f("fk_recibo_cancelado_por_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recibo")),
        sa.UniqueConstraint("ano", "numero", name=op.f("uq_recibo_ano_numero")),
        sa.UniqueConstraint("codigo", name=op.f("uq_recibo_codigo")),
    )
    op.create_index("ix_recibo_pagamento_id", "recibo", ["pagamento_id"])
    standing = sa.text("cancelado_em IS NULL")
    op.create_index(
        "uq_recibo_pagamento_id",
        "recibo",
        ["pagamento_id"],
        unique=True,
        sqlite_where=standing,
        postgresql_where=standing,
    )


def downgrade() -> None:
    op.drop_table("recibo")
