"""Movements of accounts that are entered by hand, the files that prove them, and the account of a payment in cash."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "lancamento",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("tipo", sa.String(length=20), nullable=False),
        sa.Column("conta_id", sa.Integer(), nullable=False),
        sa.Column("outra_conta_id", sa.Integer(), nullable=True),
        sa.Column("linha_id", BIG_ID, nullable=True),
        sa.Column("data", sa.Date(), nullable=False),
        sa.Column("valor", sa.BigInteger(), nullable=False),
        sa.Column("categoria", sa.String(length=80), nullable=False),
        sa.Column("descricao", sa.String(length=200), nullable=True),
        sa.Column("nucleo_id", sa.Integer(), nullable=True),
        sa.Column("chave_idempotencia", sa.String(length=64), nullable=True),
        sa.Column("estorna_id", BIG_ID, nullable=True),
        sa.Column("motivo", sa.String(length=200), nullable=True),
        sa.Column("estornado", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("registrado_em", sa.DateTime(timezone=True), nullable=False),
        sa.Column("registrado_por_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "tipo IN ('despesa', 'receita', 'transferencia', 'repasse_enviado', 'repasse_recebido')",
            name=op.f("ck_lancamento_tipo_valido"),
        ),
        sa.CheckConstraint("valor <> 0", name=op.f("ck_lancamento_valor_nao_zero")),
        sa.CheckConstraint(
            "(tipo = 'transferencia') = (outra_conta_id IS NOT NULL)",
            name=op.f("ck_lancamento_transferencia_tem_conta"),
        ),
        sa.CheckConstraint(
            "outra_conta_id IS NULL OR outra_conta_id <> conta_id", name=op.f("ck_lancamento_duas_contas")
        ),
        sa.CheckConstraint("(estorna_id IS NULL) = (motivo IS NULL)", name=op.f("ck_lancamento_estorno_tem_motivo")),
        sa.ForeignKeyConstraint(["conta_id"], ["conta_bancaria.id"], name=op.f("fk_lancamento_conta_id")),
        sa.ForeignKeyConstraint(["outra_conta_id"], ["conta_bancaria.id"], name=op.f("fk_lancamento_outra_conta_id")),
        sa.ForeignKeyConstraint(["linha_id"], ["linha_extrato.id"], name=op.f("fk_lancamento_linha_id")),
        sa.ForeignKeyConstraint(["nucleo_id"], ["nucleo.id"], name=op.f("fk_lancamento_nucleo_id")),
        sa.ForeignKeyConstraint(["estorna_id"], ["lancamento.id"], name=op.f("fk_lancamento_estorna_id")),
        sa.ForeignKeyConstraint(["registrado_por_id"], ["usuario.id"], name=op.f("fk_lancamento_registrado_por_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lancamento")),
        sa.UniqueConstraint("chave_idempotencia", name=op.f("uq_lancamento_chave_idempotencia")),
    )
    op.create_index("ix_lancamento_data_id", "lancamento", ["data", "id"])
    op.create_index("ix_lancamento_conta_id_data_id", "lancamento", ["conta_id", "data", "id"])
    op.create_index("ix_lancamento_linha_id", "lancamento", ["linha_id"])
    op.create_index("ix_lancamento_nucleo_id", "lancamento", ["nucleo_id"])
    transfers = sa.text("outra_conta_id IS NOT NULL")
    op.create_index(
        "ix_lancamento_outra_conta_id",
        "lancamento",
        ["outra_conta_id", "data"],
        sqlite_where=transfers,
        postgresql_where=transfers,
    )
    estornos = sa.text("estorna_id IS NOT NULL")
    op.create_index(
        "uq_lancamento_estorna_id",
        "lancamento",
        ["estorna_id"],
        unique=True,
        sqlite_where=estornos,
        postgresql_where=estornos,
    )
    _files()
    _accounts_of_payments()


def _files() -> None:
    op.create_table(
        "comprovante",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("lancamento_id", BIG_ID, nullable=True),
        sa.Column("linha_id", BIG_ID, nullable=True),
        sa.Column("nome", sa.String(length=120), nullable=False),
        sa.Column("tipo", sa.String(length=40), nullable=False),
        sa.Column("tamanho", sa.Integer(), nullable=False),
        sa.Column("conteudo", sa.LargeBinary(), nullable=False),
        sa.Column("enviado_em", sa.DateTime(timezone=True), nullable=False),
        sa.Column("enviado_por_id", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "(lancamento_id IS NULL) <> (linha_id IS NULL)", name=op.f("ck_comprovante_de_um_movimento")
        ),
        sa.ForeignKeyConstraint(["lancamento_id"], ["lancamento.id"], name=op.f("fk_comprovante_lancamento_id")),
        sa.ForeignKeyConstraint(["linha_id"], ["linha_extrato.id"], name=op.f("fk_comprovante_linha_id")),
        sa.ForeignKeyConstraint(["enviado_por_id"], ["usuario.id"], name=op.f("fk_comprovante_enviado_por_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comprovante")),
    )
    op.create_index("ix_comprovante_lancamento_id", "comprovante", ["lancamento_id"])
    op.create_index("ix_comprovante_linha_id", "comprovante", ["linha_id"])


def _accounts_of_payments() -> None:
    """Columns without a foreign key: SQLite adds none to a table that is there without copying it whole."""
    op.add_column("pagamento", sa.Column("conta_id", sa.Integer(), nullable=True))
    in_cash = sa.text("conta_id IS NOT NULL")
    op.create_index(
        "ix_pagamento_conta_id",
        "pagamento",
        ["conta_id", "data_credito", "valor", "estorna_id"],
        sqlite_where=in_cash,
        postgresql_where=in_cash,
    )
    op.add_column("conciliacao", sa.Column("nucleo_id", sa.Integer(), nullable=True))
