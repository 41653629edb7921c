"""Closed months."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "fechamento",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("competencia", sa.Date(), nullable=False),
        sa.Column("fechado_em", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fechado_por_id", sa.Integer(), nullable=True),
        sa.Column("reaberto_em", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reaberto_por_id", sa.Integer(), nullable=True),
        sa.Column("motivo", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "(reaberto_em IS NULL) = (motivo IS NULL)", name=op.f("ck_fechamento_reabertura_tem_motivo")
        ),
        sa.ForeignKeyConstraint(["fechado_por_id"], ["usuario.id"], name=op.f("fk_fechamento_fechado_por_id")),
        sa.ForeignKeyConstraint(["reaberto_por_id"], ["usuario.id"], name=op.f("fk_fechamento_reaberto_por_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fechamento")),
    )
    stands = sa.text("reaberto_em IS NULL")
    op.create_index(
        "uq_fechamento_competencia",
        "fechamento",
        ["competencia"],
        unique=True,
        sqlite_where=stands,
        postgresql_where=stands,
    )
