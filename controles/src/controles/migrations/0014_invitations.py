"""Invitations to an account."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

PAPEIS = "papel IN ('admin', 'tesouraria', 'secretaria', 'leitura')"


def upgrade() -> None:
    op.create_table(
        "convite",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("nome", sa.String(length=160), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("papel", sa.String(length=16), nullable=False),
        sa.Column("nucleo_id", sa.Integer(), nullable=True),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("criado_em", sa.DateTime(timezone=True), nullable=False),
        sa.Column("criado_por_id", sa.Integer(), nullable=True),
        sa.Column("expira_em", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cancelado_em", sa.DateTime(timezone=True), nullable=True),
        sa.Column("aceito_em", sa.DateTime(timezone=True), nullable=True),
        sa.Column("usuario_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(PAPEIS, name=op.f("ck_convite_papel_valido")),
        sa.ForeignKeyConstraint(["criado_por_id"], ["usuario.id"], name=op.f("fk_convite_criado_por_id")),
        sa.ForeignKeyConstraint(["nucleo_id"], ["nucleo.id"], name=op.f("fk_convite_nucleo_id")),
        sa.ForeignKeyConstraint(["usuario_id"], ["usuario.id"], name=op.f("fk_convite_usuario_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_convite")),
        sa.UniqueConstraint("digest", name=op.f("uq_convite_digest")),
    )
    op.create_index(op.f("ix_convite_email"), "convite", ["email"])


def downgrade() -> None:
    op.drop_table("convite")
