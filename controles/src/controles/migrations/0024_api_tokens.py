"""Tokens of the API, and their use."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "token_api",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("usuario_id", sa.Integer(), nullable=False),
        sa.Column("nome", sa.String(length=60), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("acessos", sa.String(length=120), nullable=False),
        sa.Column("criado_em", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expira_em", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revogado_em", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["usuario_id"], ["usuario.id"], name=op.f("fk_token_api_usuario_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token_api")),
        sa.UniqueConstraint("digest", name=op.f("uq_token_api_digest")),
    )
    op.create_index(op.f("ix_token_api_usuario_id"), "token_api", ["usuario_id"])
    op.create_table(
        "uso_api",
        sa.Column("token_id", sa.Integer(), nullable=False),
        sa.Column("recurso", sa.String(length=32), nullable=False),
        sa.Column("dia", sa.Date(), nullable=False),
        sa.Column("ultimo_em", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["token_id"], ["token_api.id"], name=op.f("fk_uso_api_token_id")),
        sa.PrimaryKeyConstraint("token_id", "recurso", "dia", name=op.f("pk_uso_api")),
    )


def downgrade() -> None:
    op.drop_table("uso_api")
    op.drop_index(op.f("ix_token_api_usuario_id"), table_name="token_api")
    op.drop_table("token_api")
