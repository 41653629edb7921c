"""What an organisation says on its first day, and imports of payments and of opening balances."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

BEFORE = "tipo IN ('militantes')"
NOW = "tipo IN ('militantes', 'pagamentos', 'saldos')"


def upgrade() -> None:
    op.create_table(
        "organizacao_logo",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tipo", sa.String(length=40), nullable=False),
        sa.Column("conteudo", sa.LargeBinary(), nullable=False),
        sa.Column("enviado_em", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_organizacao_logo_uma_linha")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organizacao_logo")),
    )
    with op.batch_alter_table("organizacao") as batch:
        batch.add_column(sa.Column("inicio", sa.Date(), nullable=True))
        batch.add_column(sa.Column("valor_cota", sa.BigInteger(), server_default="2000", nullable=False))
        batch.add_column(sa.Column("dia_vencimento", sa.Integer(), server_default="10", nullable=False))
        batch.add_column(
            sa.Column("passos_pulados", sa.String(length=200), server_default=sa.text("''"), nullable=False)
        )
        batch.create_check_constraint(op.f("ck_organizacao_valor_cota_positivo"), "valor_cota > 0")
        batch.create_check_constraint(op.f("ck_organizacao_dia_vencimento"), "dia_vencimento BETWEEN 1 AND 28")
    op.add_column("importacao_linha", sa.Column("opcoes", sa.JSON(), nullable=True))
    _kinds(NOW)


def downgrade() -> None:
    for table in ("importacao", "coluna_lembrada"):
        op.execute(sa.text(f"DELETE FROM {table} WHERE NOT ({BEFORE})"))  # noqa: S608 - constants
    _kinds(BEFORE)
    with op.batch_alter_table("importacao_linha") as batch:
        batch.drop_column("opcoes")
    with op.batch_alter_table("organizacao") as batch:
        batch.drop_constraint(op.f("ck_organizacao_valor_cota_positivo"), type_="check")
        batch.drop_constraint(op.f("ck_organizacao_dia_vencimento"), type_="check")
        for name in ("inicio", "valor_cota", "dia_vencimento", "passos_pulados"):
            batch.drop_column(name)
    op.drop_table("organizacao_logo")


def _kinds(condition: str) -> None:
    for table in ("importacao", "coluna_lembrada"):
        name = op.f(f"ck_{table}_tipo_valido")
        with op.batch_alter_table(table) as batch:
            batch.drop_constraint(name, type_="check")
            batch.create_check_constraint(name, condition)
