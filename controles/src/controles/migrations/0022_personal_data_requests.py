"""The register of what people ask about their own data, and audit rows whose texts are not shown any more."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "solicitacao_titular",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tipo", sa.String(length=16), nullable=False),
        sa.Column("militante_id", sa.Integer(), nullable=True),
        sa.Column("nome", sa.String(length=160), nullable=False),
        sa.Column("pedido", sa.String(length=500), nullable=True),
        sa.Column("recebida_em", sa.Date(), nullable=False),
        sa.Column("prazo", sa.Date(), nullable=False),
        sa.Column("registrada_em", sa.DateTime(timezone=True), nullable=False),
        sa.Column("registrada_por_id", sa.Integer(), nullable=True),
        sa.Column("concluida_em", sa.DateTime(timezone=True), nullable=True),
        sa.Column("concluida_por_id", sa.Integer(), nullable=True),
        sa.Column("atendida", sa.Boolean(), nullable=True),
        sa.Column("resposta", sa.String(length=500), nullable=True),
        sa.CheckConstraint(
            "tipo IN ('acesso', 'correcao', 'anonimizacao', 'oposicao', 'informacao')",
            name=op.f("ck_solicitacao_titular_tipo_valido"),
        ),
        sa.CheckConstraint(
            "(concluida_em IS NULL) = (resposta IS NULL)", name=op.f("ck_solicitacao_titular_concluida_tem_resposta")
        ),
        sa.CheckConstraint(
            "(concluida_em IS NULL) = (atendida IS NULL)", name=op.f("ck_solicitacao_titular_concluida_tem_resultado")
        ),
        sa.CheckConstraint("prazo >= recebida_em", name=op.f("ck_solicitacao_titular_prazo_depois")),
        sa.ForeignKeyConstraint(["militante_id"], ["militante.id"], name=op.f("fk_solicitacao_titular_militante_id")),
        sa.ForeignKeyConstraint(
            ["registrada_por_id"], ["usuario.id"], name=op.f("fk_solicitacao_titular_registrada_por_id")
        ),
        sa.ForeignKeyConstraint(
            ["concluida_por_id"], ["usuario.id"], name=op.f("fk_solicitacao_titular_concluida_por_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_solicitacao_titular")),
    )
    op.create_index(op.f("ix_solicitacao_titular_militante_id"), "solicitacao_titular", ["militante_id"])
    open_ones = sa.text("concluida_em IS NULL")
    op.create_index(
        "ix_solicitacao_titular_aberta",
        "solicitacao_titular",
        ["prazo", "id"],
        sqlite_where=open_ones,
        postgresql_where=open_ones,
    )

    op.create_table(
        "auditoria_oculta",
        sa.Column("auditoria_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["auditoria_id"], ["auditoria.id"], name=op.f("fk_auditoria_oculta_auditoria_id")),
        sa.PrimaryKeyConstraint("auditoria_id", name=op.f("pk_auditoria_oculta")),
    )


def downgrade() -> None:
    op.drop_table("auditoria_oculta")
    op.drop_table("solicitacao_titular")
