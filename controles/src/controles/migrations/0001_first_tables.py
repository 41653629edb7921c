"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# A copy of the application's types as they were: this revision must stay what it is when they change.
BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def bytewise(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "auditoria_ponta",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ultimo_id", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_auditoria_ponta_uma_linha")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auditoria_ponta")),
    )
    op.create_table(
        "nucleo",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("nome", sa.String(length=120), nullable=False),
        sa.Column("uf", sa.String(length=2), nullable=False),
        sa.Column("municipio", sa.String(length=120), nullable=False),
        sa.Column("pai_id", sa.Integer(), nullable=True),
        sa.Column("ativo", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["pai_id"], ["nucleo.id"], name=op.f("fk_nucleo_pai_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nucleo")),
        sa.UniqueConstraint("nome", name=op.f("uq_nucleo_nome")),
    )
    op.create_index(op.f("ix_nucleo_pai_id"), "nucleo", ["pai_id"], unique=False)
    op.create_index(op.f("ix_nucleo_uf"), "nucleo", ["uf"], unique=False)
    op.create_table(
        "tentativa_entrada",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("identificador", sa.LargeBinary(length=32), nullable=False),
        sa.Column("falhas", sa.Integer(), nullable=False),
        sa.Column("ultima_em", sa.DateTime(timezone=True), nullable=False),
        sa.Column("bloqueado_ate", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tentativa_entrada")),
        sa.UniqueConstraint("identificador", name=op.f("uq_tentativa_entrada_identificador")),
    )
    op.create_index(op.f("ix_tentativa_entrada_ultima_em"), "tentativa_entrada", ["ultima_em"], unique=False)
    op.create_table(
        "militante",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("matricula", sa.String(length=20), nullable=False),
        sa.Column("nome", sa.String(length=160), nullable=False),
        sa.Column("nome_social", sa.String(length=160), nullable=True),
        sa.Column("nome_busca", bytewise(160), nullable=False),
        sa.Column("cpf_cifrado", sa.LargeBinary(), nullable=True),
        sa.Column("cpf_hmac", sa.LargeBinary(length=32), nullable=True),
        sa.Column("nascimento", sa.Date(), nullable=True),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("telefone", sa.String(length=20), nullable=True),
        sa.Column("nucleo_id", sa.Integer(), nullable=True),
        sa.Column(
            "situacao",
            sa.Enum(
                "ativo",
                "licenciado",
                "desligado",
                name="situacao_valida",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("data_filiacao", sa.Date(), nullable=False),
        sa.Column("data_desligamento", sa.Date(), nullable=True),
        sa.Column("dia_vencimento", sa.Integer(), nullable=False),
        sa.Column("isento", sa.Boolean(), nullable=False),
        sa.Column("valor_cota", sa.BigInteger(), nullable=False),
        sa.Column("versao", sa.Integer(), nullable=False),
        sa.Column("anonimizado_em", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(situacao = 'desligado') = (data_desligamento IS NOT NULL)", name=op.f("ck_militante_desligado_tem_data")
        ),
        sa.CheckConstraint(
            "data_desligamento IS NULL OR data_desligamento >= data_filiacao", name=op.f("ck_militante_datas_em_ordem")
        ),
        sa.CheckConstraint("dia_vencimento BETWEEN 1 AND 28", name=op.f("ck_militante_dia_vencimento")),
        sa.CheckConstraint("valor_cota > 0", name=op.f("ck_militante_valor_cota_positivo")),
        sa.ForeignKeyConstraint(["nucleo_id"], ["nucleo.id"], name=op.f("fk_militante_nucleo_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_militante")),
        sa.UniqueConstraint("cpf_hmac", name=op.f("uq_militante_cpf_hmac")),
        sa.UniqueConstraint("matricula", name=op.f("uq_militante_matricula")),
    )
    op.create_index("ix_militante_data_desligamento", "militante", ["data_desligamento"], unique=False)
    op.create_index("ix_militante_data_filiacao_id", "militante", ["data_filiacao", "id"], unique=False)
    op.create_index("ix_militante_nome_busca_id", "militante", ["nome_busca", "id"], unique=False)
    op.create_index(
        "ix_militante_nucleo_id_nome_busca_id", "militante", ["nucleo_id", "nome_busca", "id"], unique=False
    )
    op.create_index("ix_militante_situacao_nome_busca_id", "militante", ["situacao", "nome_busca", "id"], unique=False)
    op.create_table(
        "usuario",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("nome", sa.String(length=160), nullable=False),
        sa.Column("password", sa.String(length=255), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column(
            "papel",
            sa.Enum(
                "admin",
                "tesouraria",
                "secretaria",
                "leitura",
                name="papel_valido",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("nucleo_id", sa.Integer(), nullable=True),
        sa.Column("fs_uniquifier", sa.String(length=64), nullable=False),
        sa.Column("tf_primary_method", sa.String(length=64), nullable=True),
        sa.Column("tf_totp_secret", sa.Text(), nullable=True),
        sa.Column("totp_last_counter", sa.BigInteger(), nullable=True),
        sa.Column("senha_configurada", sa.LargeBinary(length=32), nullable=True),
        sa.Column("otp_configurado", sa.LargeBinary(length=32), nullable=True),
        sa.Column("criado_em", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["nucleo_id"], ["nucleo.id"], name=op.f("fk_usuario_nucleo_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usuario")),
        sa.UniqueConstraint("email", name=op.f("uq_usuario_email")),
        sa.UniqueConstraint("fs_uniquifier", name=op.f("uq_usuario_fs_uniquifier")),
    )
    op.create_table(
        "auditoria",
        sa.Column("id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("quando", sa.DateTime(timezone=True), nullable=False),
        sa.Column("usuario_id", sa.Integer(), nullable=True),
        sa.Column("acao", sa.String(length=60), nullable=False),
        sa.Column("tabela", sa.String(length=60), nullable=True),
        sa.Column("registro_id", sa.BigInteger(), nullable=True),
        sa.Column("antes", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("depois", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("digest_anterior", sa.LargeBinary(length=32), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(["usuario_id"], ["usuario.id"], name=op.f("fk_auditoria_usuario_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_auditoria")),
        sa.UniqueConstraint("digest", name=op.f("uq_auditoria_digest")),
        sa.UniqueConstraint("digest_anterior", name=op.f("uq_auditoria_digest_anterior")),
    )
    op.create_index("ix_auditoria_tabela_registro_id", "auditoria", ["tabela", "registro_id"], unique=False)
    op.create_table(
        "codigo_recuperacao",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("usuario_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("usado_em", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["usuario_id"], ["usuario.id"], name=op.f("fk_codigo_recuperacao_usuario_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_codigo_recuperacao")),
        sa.UniqueConstraint("digest", name=op.f("uq_codigo_recuperacao_digest")),
    )
    op.create_index(op.f("ix_codigo_recuperacao_usuario_id"), "codigo_recuperacao", ["usuario_id"], unique=False)
    op.create_table(
        "cota",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("militante_id", sa.Integer(), nullable=False),
        sa.Column("competencia", sa.Date(), nullable=False),
        sa.Column("valor", sa.BigInteger(), nullable=False),
        sa.Column("vencimento", sa.Date(), nullable=False),
        sa.Column("pago", sa.BigInteger(), nullable=False),
        sa.Column("dispensada_em", sa.Date(), nullable=True),
        sa.Column("dispensa_motivo", sa.String(length=200), nullable=True),
        sa.CheckConstraint(
            "(dispensada_em IS NULL) = (dispensa_motivo IS NULL)", name=op.f("ck_cota_dispensa_tem_motivo")
        ),
        sa.CheckConstraint("dispensada_em IS NULL OR pago < valor", name=op.f("ck_cota_dispensada_nao_quitada")),
        sa.CheckConstraint("pago >= 0 AND pago <= valor", name=op.f("ck_cota_pago_ate_valor")),
        sa.CheckConstraint("valor > 0", name=op.f("ck_cota_valor_positivo")),
        sa.ForeignKeyConstraint(["militante_id"], ["militante.id"], name=op.f("fk_cota_militante_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cota")),
        sa.UniqueConstraint("militante_id", "competencia", name=op.f("uq_cota_militante_id_competencia")),
    )
    op.create_index(
        "ix_cota_aberta",
        "cota",
        ["militante_id", "vencimento", "valor", "pago", "dispensada_em"],
        unique=False,
        sqlite_where=sa.text("pago < valor AND dispensada_em IS NULL"),
        postgresql_where=sa.text("pago < valor AND dispensada_em IS NULL"),
    )
    op.create_index(
        "ix_cota_competencia", "cota", ["competencia", "militante_id", "valor", "pago", "dispensada_em"], unique=False
    )
    op.create_table(
        "pagamento",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("militante_id", sa.Integer(), nullable=True),
        sa.Column("data_credito", sa.Date(), nullable=False),
        sa.Column("valor", sa.BigInteger(), nullable=False),
        sa.Column(
            "metodo",
            sa.Enum(
                "pix",
                "dinheiro",
                "transferencia",
                "boleto",
                "cartao",
                "folha",
                "outro",
                name="metodo_valido",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("e2eid", sa.String(length=32), nullable=True),
        sa.Column("chave_idempotencia", sa.String(length=64), nullable=True),
        sa.Column("estorna_id", BIG_ID, nullable=True),
        sa.Column("motivo", sa.String(length=200), nullable=True),
        sa.Column("observacao", sa.String(length=200), nullable=True),
        sa.Column("registrado_em", sa.DateTime(timezone=True), nullable=False),
        sa.Column("registrado_por_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("(estorna_id IS NULL) = (motivo IS NULL)", name=op.f("ck_pagamento_estorno_tem_motivo")),
        sa.CheckConstraint("valor > 0", name=op.f("ck_pagamento_valor_positivo")),
        sa.ForeignKeyConstraint(["estorna_id"], ["pagamento.id"], name=op.f("fk_pagamento_estorna_id")),
        sa.ForeignKeyConstraint(["militante_id"], ["militante.id"], name=op.f("fk_pagamento_militante_id")),
        sa.ForeignKeyConstraint(["registrado_por_id"], ["usuario.id"], name=op.f("fk_pagamento_registrado_por_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pagamento")),
        sa.UniqueConstraint("chave_idempotencia", name=op.f("uq_pagamento_chave_idempotencia")),
        sa.UniqueConstraint("e2eid", name=op.f("uq_pagamento_e2eid")),
    )
    op.create_index(
        "ix_pagamento_caixa",
        "pagamento",
        ["data_credito", "metodo", "valor", "estorna_id", "militante_id"],
        unique=False,
    )
    op.create_index("ix_pagamento_data_credito_id", "pagamento", ["data_credito", "id"], unique=False)
    op.create_index(
        "ix_pagamento_militante_id_data_credito_id", "pagamento", ["militante_id", "data_credito", "id"], unique=False
    )
    op.create_index(
        "uq_pagamento_estorna_id",
        "pagamento",
        ["estorna_id"],
        unique=True,
        sqlite_where=sa.text("estorna_id IS NOT NULL"),
        postgresql_where=sa.text("estorna_id IS NOT NULL"),
    )
    op.create_table(
        "sessao",
        sa.Column("id", sa.LargeBinary(length=32), nullable=False),
        sa.Column("usuario_id", sa.Integer(), nullable=False),
        sa.Column("criada_em", sa.DateTime(timezone=True), nullable=False),
        sa.Column("encerrada_em", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["usuario_id"], ["usuario.id"], name=op.f("fk_sessao_usuario_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessao")),
    )
    op.create_index(op.f("ix_sessao_criada_em"), "sessao", ["criada_em"], unique=False)
    op.create_index(op.f("ix_sessao_usuario_id"), "sessao", ["usuario_id"], unique=False)
    op.create_table(
        "situacao_historico",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("militante_id", sa.Integer(), nullable=False),
        sa.Column(
            "situacao",
            sa.Enum(
                "ativo",
                "licenciado",
                "desligado",
                name="situacao_valida",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("desde", sa.Date(), nullable=False),
        sa.Column("motivo", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(["militante_id"], ["militante.id"], name=op.f("fk_situacao_historico_militante_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_situacao_historico")),
    )
    op.create_index(
        "ix_situacao_historico_licenca",
        "situacao_historico",
        ["militante_id"],
        unique=False,
        sqlite_where=sa.text("situacao = 'licenciado'"),
        postgresql_where=sa.text("situacao = 'licenciado'"),
    )
    op.create_index(
        "ix_situacao_historico_militante_id_desde", "situacao_historico", ["militante_id", "desde", "id"], unique=False
    )
    op.create_table(
        "alocacao",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("pagamento_id", BIG_ID, nullable=False),
        sa.Column("cota_id", BIG_ID, nullable=False),
        sa.Column("centavos", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("centavos <> 0", name=op.f("ck_alocacao_centavos_nao_zero")),
        sa.ForeignKeyConstraint(["cota_id"], ["cota.id"], name=op.f("fk_alocacao_cota_id")),
        sa.ForeignKeyConstraint(["pagamento_id"], ["pagamento.id"], name=op.f("fk_alocacao_pagamento_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alocacao")),
    )
    op.create_index(op.f("ix_alocacao_cota_id"), "alocacao", ["cota_id"], unique=False)
    op.create_index("ix_alocacao_pagamento_id_cota_id", "alocacao", ["pagamento_id", "cota_id"], unique=True)


def downgrade() -> None:
    op.drop_index("ix_alocacao_pagamento_id_cota_id", table_name="alocacao")
    op.drop_index(op.f("ix_alocacao_cota_id"), table_name="alocacao")
    op.drop_table("alocacao")
    op.drop_index("ix_situacao_historico_militante_id_desde", table_name="situacao_historico")
    op.drop_index(
        "ix_situacao_historico_licenca",
        table_name="situacao_historico",
        sqlite_where=sa.text("situacao = 'licenciado'"),
        postgresql_where=sa.text("situacao = 'licenciado'"),
    )
    op.drop_table("situacao_historico")
    op.drop_index(op.f("ix_sessao_usuario_id"), table_name="sessao")
    op.drop_index(op.f("ix_sessao_criada_em"), table_name="sessao")
    op.drop_table("sessao")
    op.drop_index(
        "uq_pagamento_estorna_id",
        table_name="pagamento",
        sqlite_where=sa.text("estorna_id IS NOT NULL"),
        postgresql_where=sa.text("estorna_id IS NOT NULL"),
    )
    op.drop_index("ix_pagamento_militante_id_data_credito_id", table_name="pagamento")
    op.drop_index("ix_pagamento_data_credito_id", table_name="pagamento")
    op.drop_index("ix_pagamento_caixa", table_name="pagamento")
    op.drop_table("pagamento")
    op.drop_index("ix_cota_competencia", table_name="cota")
    op.drop_index(
        "ix_cota_aberta",
        table_name="cota",
        sqlite_where=sa.text("pago < valor AND dispensada_em IS NULL"),
        postgresql_where=sa.text("pago < valor AND dispensada_em IS NULL"),
    )
    op.drop_table("cota")
    op.drop_index(op.f("ix_codigo_recuperacao_usuario_id"), table_name="codigo_recuperacao")
    op.drop_table("codigo_recuperacao")
    op.drop_index("ix_auditoria_tabela_registro_id", table_name="auditoria")
    op.drop_table("auditoria")
    op.drop_table("usuario")
    op.drop_index("ix_militante_situacao_nome_busca_id", table_name="militante")
    op.drop_index("ix_militante_nucleo_id_nome_busca_id", table_name="militante")
    op.drop_index("ix_militante_nome_busca_id", table_name="militante")
    op.drop_index("ix_militante_data_filiacao_id", table_name="militante")
    op.drop_index("ix_militante_data_desligamento", table_name="militante")
    op.drop_table("militante")
    op.drop_index(op.f("ix_tentativa_entrada_ultima_em"), table_name="tentativa_entrada")
    op.drop_table("tentativa_entrada")
    op.drop_index(op.f("ix_nucleo_uf"), table_name="nucleo")
    op.drop_index(op.f("ix_nucleo_pai_id"), table_name="nucleo")
    op.drop_table("nucleo")
    op.drop_table("auditoria_ponta")
