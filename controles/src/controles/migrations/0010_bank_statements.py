"""Accounts, the lines of their statements, and what each line was matched to."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
DESTINOS = "destino IN ('pagamento', 'despesa', 'transferencia', 'outro')"


def upgrade() -> None:
    _accounts()
    _lines()
    _matches()


def _accounts() -> None:
    op.create_table(
        "conta_bancaria",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("nome", sa.String(length=80), nullable=False),
        sa.Column("tipo", sa.String(length=16), nullable=False),
        sa.Column("finalidade", sa.String(length=20), nullable=False),
        sa.Column("banco", sa.String(length=10), nullable=True),
        sa.Column("agencia", sa.String(length=20), nullable=True),
        sa.Column("numero", sa.String(length=30), nullable=True),
        sa.Column("saldo_inicial", sa.BigInteger(), nullable=False),
        sa.Column("inicio", sa.Date(), nullable=False),
        sa.Column("ativa", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("versao", sa.Integer(), nullable=False),
        sa.CheckConstraint("tipo IN ('corrente', 'poupanca', 'caixa')", name=op.f("ck_conta_bancaria_tipo_valido")),
        sa.CheckConstraint(
            "finalidade IN ('geral', 'outros_recursos', 'fundo_partidario', 'campanha')",
            name=op.f("ck_conta_bancaria_finalidade_valida"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conta_bancaria")),
        sa.UniqueConstraint("nome", name=op.f("uq_conta_bancaria_nome")),
    )
    op.create_table(
        "extrato",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("conta_id", sa.Integer(), nullable=False),
        sa.Column("formato", sa.String(length=16), nullable=False),
        sa.Column("arquivo", sa.String(length=120), nullable=False),
        sa.Column("de", sa.Date(), nullable=False),
        sa.Column("ate", sa.Date(), nullable=False),
        sa.Column("novas", sa.Integer(), nullable=False),
        sa.Column("repetidas", sa.Integer(), nullable=False),
        sa.Column("anteriores", sa.Integer(), nullable=False),
        sa.Column("importado_em", sa.DateTime(timezone=True), nullable=False),
        sa.Column("importado_por_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("formato IN ('ofx', 'csv')", name=op.f("ck_extrato_formato_valido")),
        sa.ForeignKeyConstraint(["conta_id"], ["conta_bancaria.id"], name=op.f("fk_extrato_conta_id")),
        sa.ForeignKeyConstraint(["importado_por_id"], ["usuario.id"], name=op.f("fk_extrato_importado_por_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_extrato")),
    )
    op.create_index("ix_extrato_conta_id", "extrato", ["conta_id"])


def _lines() -> None:
    op.create_table(
        "linha_extrato",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("conta_id", sa.Integer(), nullable=False),
        sa.Column("extrato_id", sa.Integer(), nullable=False),
        sa.Column("data", sa.Date(), nullable=False),
        sa.Column("valor", sa.BigInteger(), nullable=False),
        sa.Column("descricao", sa.String(length=255), nullable=False),
        sa.Column("e2eid", sa.String(length=32), nullable=True),
        sa.Column("militante_id", sa.Integer(), nullable=True),
        sa.Column("chave", sa.String(length=64), nullable=False),
        sa.Column("destino", sa.String(length=16), nullable=True),
        sa.CheckConstraint("valor <> 0", name=op.f("ck_linha_extrato_valor_nao_zero")),
        sa.CheckConstraint(DESTINOS, name=op.f("ck_linha_extrato_destino_valido")),
        sa.ForeignKeyConstraint(["conta_id"], ["conta_bancaria.id"], name=op.f("fk_linha_extrato_conta_id")),
        sa.ForeignKeyConstraint(["extrato_id"], ["extrato.id"], name=op.f("fk_linha_extrato_extrato_id")),
        sa.ForeignKeyConstraint(["militante_id"], ["militante.id"], name=op.f("fk_linha_extrato_militante_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_linha_extrato")),
        sa.UniqueConstraint("conta_id", "chave", name=op.f("uq_linha_extrato_conta_id_chave")),
    )
    op.create_index("ix_linha_extrato_extrato_id", "linha_extrato", ["extrato_id"])
    op.create_index("ix_linha_extrato_militante_id", "linha_extrato", ["militante_id"])
    op.create_index("ix_linha_extrato_conta_id_data_id", "linha_extrato", ["conta_id", "data", "id"])
    still_open = sa.text("destino IS NULL")
    op.create_index(
        "ix_linha_extrato_aberta",
        "linha_extrato",
        ["conta_id", "data", "id"],
        sqlite_where=still_open,
        postgresql_where=still_open,
    )


def _matches() -> None:
    op.create_table(
        "conciliacao",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("linha_id", BIG_ID, nullable=False),
        sa.Column("destino", sa.String(length=16), nullable=False),
        sa.Column("pagamento_id", BIG_ID, nullable=True),
        sa.Column("registrou", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("centavos", sa.BigInteger(), nullable=False),
        sa.Column("categoria", sa.String(length=80), nullable=True),
        sa.Column("feita_em", sa.DateTime(timezone=True), nullable=False),
        sa.Column("feita_por_id", sa.Integer(), nullable=True),
        sa.Column("desfeita_em", sa.DateTime(timezone=True), nullable=True),
        sa.Column("desfeita_por_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("centavos <> 0", name=op.f("ck_conciliacao_centavos_nao_zero")),
        sa.CheckConstraint(
            "(destino = 'pagamento') = (pagamento_id IS NOT NULL)", name=op.f("ck_conciliacao_pagamento_tem_numero")
        ),
        sa.CheckConstraint(DESTINOS, name=op.f("ck_conciliacao_destino_valido")),
        sa.ForeignKeyConstraint(["linha_id"], ["linha_extrato.id"], name=op.f("fk_conciliacao_linha_id")),
        sa.ForeignKeyConstraint(["pagamento_id"], ["pagamento.id"], name=op.f("fk_conciliacao_pagamento_id")),
        sa.ForeignKeyConstraint(["feita_por_id"], ["usuario.id"], name=op.f("fk_conciliacao_feita_por_id")),
        sa.ForeignKeyConstraint(["desfeita_por_id"], ["usuario.id"], name=op.f("fk_conciliacao_desfeita_por_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conciliacao")),
    )
    op.create_index("ix_conciliacao_linha_id", "conciliacao", ["linha_id"])
    active = sa.text("desfeita_em IS NULL AND pagamento_id IS NOT NULL")
    op.create_index(
        "uq_conciliacao_pagamento_id",
        "conciliacao",
        ["pagamento_id"],
        unique=True,
        sqlite_where=active,
        postgresql_where=active,
    )
