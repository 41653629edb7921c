"""Membership cards."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "carteira",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("militante_id", sa.Integer(), nullable=False),
        sa.Column("codigo", sa.String(length=24), nullable=False),
        sa.Column("valida_ate", sa.Date(), nullable=False),
        sa.Column("emitida_em", sa.DateTime(timezone=True), nullable=False),
        sa.Column("emitida_por_id", sa.Integer(), nullable=True),
        sa.Column("revogada_em", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revogada_por_id", sa.Integer(), nullable=True),
        sa.Column("motivo", sa.String(length=200), nullable=True),
        sa.CheckConstraint("(revogada_em IS NULL) = (motivo IS NULL)", name=op.f("ck_carteira_revogada_tem_motivo")),
        sa.ForeignKeyConstraint(["militante_id"], ["militante.id"], name=op.f("fk_carteira_militante_id")),
        sa.ForeignKeyConstraint(["emitida_por_id"], ["usuario.id"], name=op.f("fk_carteira_emitida_por_id")),
        sa.ForeignKeyConstraint(["revogada_por_id"], ["usuario.id"], name=op.f("fk_carteira_revogada_por_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_carteira")),
        sa.UniqueConstraint("codigo", name=op.f("uq_carteira_codigo")),
    )
    standing = sa.text("revogada_em IS NULL")
    op.create_index(
        "uq_carteira_militante_id",
        "carteira",
        ["militante_id"],
        unique=True,
        sqlite_where=standing,
        postgresql_where=standing,
    )


def downgrade() -> None:
    op.drop_table("carteira")
