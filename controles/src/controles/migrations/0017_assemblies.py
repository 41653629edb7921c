"""Assemblies, and the rolls that were issued for them."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "assembleia",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("nome", sa.String(length=160), nullable=False),
        sa.Column("data", sa.Date(), nullable=False),
        sa.Column("nucleo_id", sa.Integer(), nullable=True),
        sa.Column("regra", sa.String(length=16), nullable=False),
        sa.Column("meses_tolerados", sa.Integer(), nullable=False),
        sa.Column("carencia_dias", sa.Integer(), nullable=False),
        sa.Column("emitida_em", sa.DateTime(timezone=True), nullable=False),
        sa.Column("emitida_por_id", sa.Integer(), nullable=True),
        sa.Column("cancelada_em", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelada_por_id", sa.Integer(), nullable=True),
        sa.Column("motivo", sa.String(length=200), nullable=True),
        sa.CheckConstraint("regra IN ('todos', 'em_dia')", name=op.f("ck_assembleia_regra_valida")),
        sa.CheckConstraint(
            "(cancelada_em IS NULL) = (motivo IS NULL)", name=op.f("ck_assembleia_cancelada_tem_motivo")
        ),
        sa.CheckConstraint("meses_tolerados >= 0", name=op.f("ck_assembleia_meses_tolerados")),
        sa.CheckConstraint("carencia_dias >= 0", name=op.f("ck_assembleia_carencia_dias")),
        sa.ForeignKeyConstraint(["nucleo_id"], ["nucleo.id"], name=op.f("fk_assembleia_nucleo_id")),
        sa.ForeignKeyConstraint(["emitida_por_id"], ["usuario.id"], name=op.f("fk_assembleia_emitida_por_id")),
        sa.ForeignKeyConstraint(["cancelada_por_id"], ["usuario.id"], name=op.f("fk_assembleia_cancelada_por_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assembleia")),
    )
    op.create_index("ix_assembleia_data_id", "assembleia", ["data", "id"])
    bytewise = sa.String(160).with_variant(sa.String(160, collation="C"), "postgresql")
    op.create_table(
        "assembleia_convocado",
        sa.Column("assembleia_id", sa.Integer(), nullable=False),
        sa.Column("militante_id", sa.Integer(), nullable=False),
        sa.Column("nome", sa.String(length=160), nullable=False),
        sa.Column("nome_busca", bytewise, nullable=False),
        sa.Column("matricula", sa.String(length=20), nullable=False),
        sa.Column("nucleo", sa.String(140).with_variant(sa.String(140, collation="C"), "postgresql"), nullable=False),
        sa.Column("impedimento", sa.String(length=16), nullable=True),
        sa.CheckConstraint(
            "impedimento IN ('licenca', 'carencia', 'debito')", name=op.f("ck_assembleia_convocado_impedimento_valido")
        ),
        sa.ForeignKeyConstraint(
            ["assembleia_id"], ["assembleia.id"], name=op.f("fk_assembleia_convocado_assembleia_id")
        ),
        sa.ForeignKeyConstraint(["militante_id"], ["militante.id"], name=op.f("fk_assembleia_convocado_militante_id")),
        sa.PrimaryKeyConstraint("assembleia_id", "militante_id", name=op.f("pk_assembleia_convocado")),
    )
    op.create_index(
        "ix_assembleia_convocado_nome",
        "assembleia_convocado",
        ["assembleia_id", "nucleo", "nome_busca", "militante_id"],
    )


def downgrade() -> None:
    op.drop_table("assembleia_convocado")
    op.drop_table("assembleia")
