"""Bank accounts, their statements, and what each line of a statement was matched to."""

import datetime as dt
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, false, text, true
from sqlalchemy.orm import Mapped, mapped_column

from controles.db import Base, BigId, Centavos, stored_by_value


class TipoConta(StrEnum):
    CORRENTE = "corrente"
    POUPANCA = "poupanca"
    CAIXA = "caixa"


class Finalidade(StrEnum):
    """What the money of an account may be used for; the law requires parties to keep these apart."""

    GERAL = "geral"
    OUTROS_RECURSOS = "outros_recursos"
    FUNDO_PARTIDARIO = "fundo_partidario"
    CAMPANHA = "campanha"


class Destino(StrEnum):
    """What a line was matched to."""

    PAGAMENTO = "pagamento"
    DESPESA = "despesa"
    TRANSFERENCIA = "transferencia"
    OUTRO = "outro"


class Formato(StrEnum):
    OFX = "ofx"
    CSV = "csv"


class ContaBancaria(Base):
    __tablename__ = "conta_bancaria"
    __table_args__ = (UniqueConstraint("nome"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    nome: Mapped[str] = mapped_column(String(80))
    tipo: Mapped[TipoConta] = mapped_column(stored_by_value(TipoConta, "tipo_valido"))
    finalidade: Mapped[Finalidade] = mapped_column(stored_by_value(Finalidade, "finalidade_valida", length=20))
    banco: Mapped[str | None] = mapped_column(String(10))
    agencia: Mapped[str | None] = mapped_column(String(20))
    numero: Mapped[str | None] = mapped_column(String(30))
    # The balance at the beginning of `inicio`. It includes lines of earlier days, which are not imported.
    saldo_inicial: Mapped[int] = mapped_column(Centavos)
    inicio: Mapped[dt.date]
    ativa: Mapped[bool] = mapped_column(default=True, server_default=true())
    versao: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": versao}  # noqa: RUF012


class Extrato(Base):
    """One import of a file for one account."""

    __tablename__ = "extrato"

    id: Mapped[int] = mapped_column(primary_key=True)
    conta_id: Mapped[int] = mapped_column(ForeignKey("conta_bancaria.id"), index=True)
    formato: Mapped[Formato] = mapped_column(stored_by_value(Formato, "formato_valido"))
    arquivo: Mapped[str] = mapped_column(String(120))
    de: Mapped[dt.date]
    ate: Mapped[dt.date]
    novas: Mapped[int]
    repetidas: Mapped[int]
    anteriores: Mapped[int]
    importado_em: Mapped[dt.datetime]
    importado_por_id: Mapped[int | None] = mapped_column(ForeignKey("usuario.id"))


class LinhaExtrato(Base):
    """One line: money in (valor > 0) or out (valor < 0). Open as long as it has no destino."""

    __tablename__ = "linha_extrato"
    __table_args__ = (
        CheckConstraint("valor <> 0", name="valor_nao_zero"),
        UniqueConstraint("conta_id", "chave"),
        Index("ix_linha_extrato_conta_id_data_id", "conta_id", "data", "id"),
        Index(
            "ix_linha_extrato_aberta",
            "conta_id",
            "data",
            "id",
            sqlite_where=text("destino IS NULL"),
            postgresql_where=text("destino IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    conta_id: Mapped[int] = mapped_column(ForeignKey("conta_bancaria.id"))
    extrato_id: Mapped[int] = mapped_column(ForeignKey("extrato.id"), index=True)
    data: Mapped[dt.date]
    valor: Mapped[int] = mapped_column(Centavos)
    # The bank's text, with any CPF in it masked.
    descricao: Mapped[str] = mapped_column(String(255))
    e2eid: Mapped[str | None] = mapped_column(String(32))
    # The militante whose CPF was in the description when the line was imported.
    militante_id: Mapped[int | None] = mapped_column(ForeignKey("militante.id"), index=True)
    chave: Mapped[str] = mapped_column(String(64))
    destino: Mapped[Destino | None] = mapped_column(stored_by_value(Destino, "destino_valido"))


class Conciliacao(Base):
    """What a line, or a part of it, was matched to. Rows of undone matches stay."""

    __tablename__ = "conciliacao"
    __table_args__ = (
        CheckConstraint("centavos <> 0", name="centavos_nao_zero"),
        CheckConstraint("(destino = 'pagamento') = (pagamento_id IS NOT NULL)", name="pagamento_tem_numero"),
        # One payment is one movement of money, so it can be matched to at most one line.
        Index(
            "uq_conciliacao_pagamento_id",
            "pagamento_id",
            unique=True,
            sqlite_where=text("desfeita_em IS NULL AND pagamento_id IS NOT NULL"),
            postgresql_where=text("desfeita_em IS NULL AND pagamento_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    linha_id: Mapped[int] = mapped_column(ForeignKey("linha_extrato.id"), index=True)
    destino: Mapped[Destino] = mapped_column(stored_by_value(Destino, "destino_valido"))
    pagamento_id: Mapped[int | None] = mapped_column(ForeignKey("pagamento.id"))
    # Whether matching registered the payment, which is then reversed if the match is undone.
    registrou: Mapped[bool] = mapped_column(default=False, server_default=false())
    centavos: Mapped[int] = mapped_column(Centavos)
    categoria: Mapped[str | None] = mapped_column(String(80))
    feita_em: Mapped[dt.datetime]
    feita_por_id: Mapped[int | None] = mapped_column(ForeignKey("usuario.id"))
    desfeita_em: Mapped[dt.datetime | None]
    desfeita_por_id: Mapped[int | None] = mapped_column(ForeignKey("usuario.id"))
    # The núcleo that an expense was for; empty: the whole organisation.
    nucleo_id: Mapped[int | None]
