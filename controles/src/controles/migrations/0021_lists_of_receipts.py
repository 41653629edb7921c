"""Payroll lists and banks' return files, and their lines."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "recebimento",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("fonte", sa.String(length=16), nullable=False),
        sa.Column("estado", sa.String(length=16), nullable=False),
        sa.Column("arquivo", sa.String(length=120), nullable=False),
        sa.Column("empregador", sa.String(length=120), nullable=True),
        sa.Column("competencia", sa.Date(), nullable=True),
        sa.Column("criado_em", sa.DateTime(timezone=True), nullable=False),
        sa.Column("criado_por_id", sa.Integer(), nullable=True),
        sa.Column("decidido_em", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decidido_por_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("fonte IN ('folha', 'cnab240', 'cnab400')", name=op.f("ck_recebimento_fonte_valida")),
        sa.CheckConstraint(
            "estado IN ('conferir', 'aceito', 'desfeito', 'descartado')", name=op.f("ck_recebimento_estado_valido")
        ),
        sa.CheckConstraint(
            "(fonte = 'folha') = (empregador IS NOT NULL)", name=op.f("ck_recebimento_folha_tem_empregador")
        ),
        sa.CheckConstraint(
            "(fonte = 'folha') = (competencia IS NOT NULL)", name=op.f("ck_recebimento_folha_tem_competencia")
        ),
        sa.ForeignKeyConstraint(["criado_por_id"], ["usuario.id"], name=op.f("fk_recebimento_criado_por_id")),
        sa.ForeignKeyConstraint(["decidido_por_id"], ["usuario.id"], name=op.f("fk_recebimento_decidido_por_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recebimento")),
    )
    op.create_table(
        "recebimento_linha",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("recebimento_id", sa.Integer(), nullable=False),
        sa.Column("numero", sa.Integer(), nullable=False),
        sa.Column("texto", sa.String(length=160), nullable=False),
        sa.Column("militante_id", sa.Integer(), nullable=True),
        sa.Column("data", sa.Date(), nullable=False),
        sa.Column("valor", sa.BigInteger(), nullable=False),
        sa.Column("competencia", sa.Date(), nullable=True),
        sa.Column("duvida", sa.String(length=300), nullable=True),
        sa.Column("chave", sa.String(length=64), nullable=False),
        sa.Column("aceita", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("pagamento_id", BIG_ID, nullable=True),
        sa.CheckConstraint("valor > 0", name=op.f("ck_recebimento_linha_valor_positivo")),
        sa.ForeignKeyConstraint(
            ["recebimento_id"], ["recebimento.id"], name=op.f("fk_recebimento_linha_recebimento_id")
        ),
        sa.ForeignKeyConstraint(["militante_id"], ["militante.id"], name=op.f("fk_recebimento_linha_militante_id")),
        sa.ForeignKeyConstraint(["pagamento_id"], ["pagamento.id"], name=op.f("fk_recebimento_linha_pagamento_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recebimento_linha")),
    )
    accepted = sa.text("aceita")
    op.create_index(
        "uq_recebimento_linha_chave",
        "recebimento_linha",
        ["chave"],
        unique=True,
        sqlite_where=accepted,
        postgresql_where=accepted,
    )
    op.create_index("ix_recebimento_linha_recebimento_id_numero", "recebimento_linha", ["recebimento_id", "numero"])
    op.create_index("ix_recebimento_linha_militante_id", "recebimento_linha", ["militante_id"])
    op.create_index("ix_recebimento_linha_pagamento_id", "recebimento_linha", ["pagamento_id"])


def downgrade() -> None:
    op.drop_table("recebimento_linha")
    op.drop_table("recebimento")
