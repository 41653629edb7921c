"""Waivers to be undone, former amounts, the organisation itself, kept forms, estornos that free their PIX."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NOT_REVERSED = sa.text("NOT estornado")


def upgrade() -> None:
    _waivers()
    _standing_and_amounts()
    _payments()
    _organisation()
    _kept_forms()


def _waivers() -> None:
    op.create_table(
        "dispensa",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("tipo", sa.String(length=16), nullable=False),
        sa.Column("motivo", sa.String(length=200), nullable=False),
        sa.Column("militante_id", sa.Integer(), nullable=True),
        sa.Column("competencia", sa.Date(), nullable=True),
        sa.Column("quantidade", sa.Integer(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("criada_em", sa.DateTime(timezone=True), nullable=False),
        sa.Column("criada_por_id", sa.Integer(), nullable=True),
        sa.Column("desfeita_em", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "tipo IN ('avulsa', 'lote', 'cancelamento', 'desligamento', 'licenca')",
            name=op.f("ck_dispensa_tipo_valido"),
        ),
        sa.ForeignKeyConstraint(["militante_id"], ["militante.id"], name=op.f("fk_dispensa_militante_id")),
        sa.ForeignKeyConstraint(["criada_por_id"], ["usuario.id"], name=op.f("fk_dispensa_criada_por_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispensa")),
    )
    op.create_index("ix_dispensa_militante_id", "dispensa", ["militante_id"])
    op.create_index("ix_dispensa_competencia", "dispensa", ["competencia"])
    # No foreign key: SQLite would have to write the whole table anew to add one.
    op.add_column("cota", sa.Column("dispensa_id", BIG_ID, nullable=True))
    used = sa.text("dispensa_id IS NOT NULL")
    op.create_index("ix_cota_dispensa_id", "cota", ["dispensa_id"], sqlite_where=used, postgresql_where=used)


def _standing_and_amounts() -> None:
    op.add_column("situacao_historico", sa.Column("prevista_ate", sa.Date(), nullable=True))
    op.add_column("situacao_historico", sa.Column("volta", sa.Boolean(), nullable=False, server_default=sa.false()))
    came_back = sa.text("volta")
    op.create_index(
        "ix_situacao_historico_volta",
        "situacao_historico",
        ["militante_id"],
        sqlite_where=came_back,
        postgresql_where=came_back,
    )
    op.create_table(
        "valor_cota",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("militante_id", sa.Integer(), nullable=False),
        sa.Column("ate", sa.Date(), nullable=False),
        sa.Column("valor", sa.BigInteger(), nullable=False),
        sa.Column("isento", sa.Boolean(), nullable=False),
        sa.CheckConstraint("valor > 0", name=op.f("ck_valor_cota_valor_positivo")),
        sa.ForeignKeyConstraint(["militante_id"], ["militante.id"], name=op.f("fk_valor_cota_militante_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_valor_cota")),
        sa.UniqueConstraint("militante_id", "ate", name=op.f("uq_valor_cota_militante_id_ate")),
    )


def _payments() -> None:
    op.add_column("pagamento", sa.Column("estornado", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute(
        "UPDATE pagamento SET estornado = true "
        "WHERE id IN (SELECT estorna_id FROM pagamento WHERE estorna_id IS NOT NULL)"
    )
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table("pagamento") as table:
            table.drop_constraint("uq_pagamento_e2eid", type_="unique")
    else:
        op.drop_constraint("uq_pagamento_e2eid", "pagamento", type_="unique")
    op.create_index(
        "uq_pagamento_e2eid",
        "pagamento",
        ["e2eid"],
        unique=True,
        sqlite_where=NOT_REVERSED,
        postgresql_where=NOT_REVERSED,
    )


def _organisation() -> None:
    op.create_table(
        "organizacao",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("nome", sa.String(length=160), nullable=False),
        sa.Column("tipo", sa.String(length=16), nullable=False),
        sa.Column("cnpj", sa.String(length=14), nullable=True),
        sa.Column("endereco", sa.String(length=200), nullable=True),
        sa.Column("municipio", sa.String(length=120), nullable=True),
        sa.Column("uf", sa.String(length=2), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("telefone", sa.String(length=20), nullable=True),
        sa.Column("pix_chave", sa.String(length=77), nullable=True),
        sa.Column("cota_no_mes_da_filiacao", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("versao", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_organizacao_uma_linha")),
        sa.CheckConstraint("tipo IN ('associacao', 'sindicato', 'partido')", name=op.f("ck_organizacao_tipo_valido")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organizacao")),
    )


def _kept_forms() -> None:
    op.create_table(
        "formulario_guardado",
        sa.Column("id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("usuario_id", sa.Integer(), nullable=False),
        sa.Column("conteudo", sa.LargeBinary(), nullable=False),
        sa.Column("guardado_em", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["usuario_id"], ["usuario.id"], name=op.f("fk_formulario_guardado_usuario_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_formulario_guardado")),
    )
    op.create_index("ix_formulario_guardado_guardado_em", "formulario_guardado", ["guardado_em"])
