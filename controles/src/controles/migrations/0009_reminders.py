"""Reminders of contribuições em aberto, the months that are complete, and who is not to be reminded."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WAITING = sa.text("estado = 'a_enviar'")


def upgrade() -> None:
    op.create_table(
        "lembrete",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("militante_id", sa.Integer(), nullable=False),
        sa.Column("regra", sa.String(length=16), nullable=False),
        sa.Column("competencia", sa.Date(), nullable=False),
        sa.Column("canal", sa.String(length=16), nullable=False),
        sa.Column("estado", sa.String(length=16), nullable=False),
        sa.Column("meses", sa.Integer(), nullable=False),
        sa.Column("valor", sa.BigInteger(), nullable=False),
        sa.Column("criado_em", sa.DateTime(timezone=True), nullable=False),
        sa.Column("criado_por_id", sa.Integer(), nullable=True),
        sa.Column("enviado_em", sa.DateTime(timezone=True), nullable=True),
        sa.Column("erro", sa.String(length=200), nullable=True),
        sa.CheckConstraint("regra IN ('aviso', 'tres_meses')", name=op.f("ck_lembrete_regra_valida")),
        sa.CheckConstraint("canal IN ('email', 'whatsapp')", name=op.f("ck_lembrete_canal_valido")),
        sa.CheckConstraint(
            "estado IN ('a_enviar', 'enviando', 'enviado', 'falhou', 'cancelado')",
            name=op.f("ck_lembrete_estado_valido"),
        ),
        sa.CheckConstraint("valor > 0", name=op.f("ck_lembrete_valor_positivo")),
        sa.ForeignKeyConstraint(["militante_id"], ["militante.id"], name=op.f("fk_lembrete_militante_id")),
        sa.ForeignKeyConstraint(["criado_por_id"], ["usuario.id"], name=op.f("fk_lembrete_criado_por_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lembrete")),
        sa.UniqueConstraint(
            "militante_id", "regra", "competencia", name=op.f("uq_lembrete_militante_id_regra_competencia")
        ),
    )
    op.create_index("ix_lembrete_a_enviar", "lembrete", ["id"], sqlite_where=WAITING, postgresql_where=WAITING)
    op.create_table(
        "mes_completo",
        sa.Column("competencia", sa.Date(), nullable=False),
        sa.Column("completo", sa.Boolean(), nullable=False),
        sa.Column("quando", sa.DateTime(timezone=True), nullable=False),
        sa.Column("por_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["por_id"], ["usuario.id"], name=op.f("fk_mes_completo_por_id")),
        sa.PrimaryKeyConstraint("competencia", name=op.f("pk_mes_completo")),
    )
    op.create_table(
        "sem_lembrete",
        sa.Column("militante_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ativo", sa.Boolean(), nullable=False),
        sa.Column("motivo", sa.String(length=200), nullable=False),
        sa.Column("desde", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["militante_id"], ["militante.id"], name=op.f("fk_sem_lembrete_militante_id")),
        sa.PrimaryKeyConstraint("militante_id", name=op.f("pk_sem_lembrete")),
    )
