"""Files to import: batches, their rows, and what somebody said that their titles mean."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIPOS = "tipo IN ('militantes')"
ESTADOS = (
    "estado IN ('colunas', 'a_conferir', 'conferida', 'a_gravar', 'gravada', 'a_desfazer', 'desfeita', 'recusada', "
    "'descartada')"
)


def upgrade() -> None:
    op.create_table(
        "importacao",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tipo", sa.String(length=16), nullable=False),
        sa.Column("estado", sa.String(length=16), nullable=False),
        sa.Column("arquivo", sa.String(length=120), nullable=False),
        sa.Column("criada_em", sa.DateTime(timezone=True), nullable=False),
        sa.Column("criada_por_id", sa.Integer(), nullable=True),
        sa.Column("cabecalho", sa.JSON(), nullable=False),
        sa.Column("avisos", sa.JSON(), nullable=False),
        sa.Column("decisoes", sa.JSON(), nullable=False),
        sa.Column("so_validas", sa.Boolean(), nullable=False),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("novos", "atualizados", "iguais", "erros", "conflitos", "mantidos")
        ),
        sa.Column("mensagem", sa.String(length=500), nullable=True),
        sa.Column("gravada_em", sa.DateTime(timezone=True), nullable=True),
        sa.Column("desfeita_em", sa.DateTime(timezone=True), nullable=True),
        sa.Column("desfeita_por_id", sa.Integer(), nullable=True),
        sa.Column("motivo", sa.String(length=200), nullable=True),
        sa.Column("trabalho", sa.String(length=64), nullable=True),
        sa.Column("tentativas", sa.Integer(), nullable=False),
        sa.CheckConstraint(TIPOS, name=op.f("ck_importacao_tipo_valido")),
        sa.CheckConstraint(ESTADOS, name=op.f("ck_importacao_estado_valido")),
        sa.ForeignKeyConstraint(["criada_por_id"], ["usuario.id"], name=op.f("fk_importacao_criada_por_id")),
        sa.ForeignKeyConstraint(["desfeita_por_id"], ["usuario.id"], name=op.f("fk_importacao_desfeita_por_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_importacao")),
    )
    op.create_index(op.f("ix_importacao_estado"), "importacao", ["estado"])
    op.create_table(
        "importacao_arquivo",
        sa.Column("importacao_id", sa.Integer(), nullable=False),
        sa.Column("conteudo", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["importacao_id"], ["importacao.id"], name=op.f("fk_importacao_arquivo_importacao_id")),
        sa.PrimaryKeyConstraint("importacao_id", name=op.f("pk_importacao_arquivo")),
    )
    op.create_table(
        "importacao_linha",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("importacao_id", sa.Integer(), nullable=False),
        sa.Column("numero", sa.Integer(), nullable=False),
        sa.Column("acao", sa.String(length=16), nullable=False),
        sa.Column("de", sa.String(length=200), nullable=True),
        sa.Column("falhas", sa.JSON(), nullable=True),
        sa.Column("alteracoes", sa.JSON(), nullable=True),
        sa.Column("registro_id", BIG_ID, nullable=True),
        sa.Column("antes", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["importacao_id"], ["importacao.id"], name=op.f("fk_importacao_linha_importacao_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_importacao_linha")),
        sa.UniqueConstraint("importacao_id", "numero", name=op.f("uq_importacao_linha_importacao_id_numero")),
    )
    op.create_index("ix_importacao_linha_acao", "importacao_linha", ["importacao_id", "acao", "numero"])
    op.create_table(
        "coluna_lembrada",
        sa.Column("tipo", sa.String(length=16), nullable=False),
        sa.Column("titulo", sa.String(length=200), nullable=False),
        sa.Column("campo", sa.String(length=40), nullable=False),
        sa.CheckConstraint(TIPOS, name=op.f("ck_coluna_lembrada_tipo_valido")),
        sa.PrimaryKeyConstraint("tipo", "titulo", name=op.f("pk_coluna_lembrada")),
    )


def downgrade() -> None:
    for name in ("coluna_lembrada", "importacao_linha", "importacao_arquivo", "importacao"):
        op.drop_table(name)
