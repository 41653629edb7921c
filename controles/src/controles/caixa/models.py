"""Lançamentos: movements of an account that are entered by hand, and the files that prove them."""

import datetime as dt
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from controles.db import Base, BigId, Centavos, stored_by_value


class TipoLancamento(StrEnum):
    DESPESA = "despesa"
    RECEITA = "receita"
    # From one account of the organisation to another.
    TRANSFERENCIA = "transferencia"
    # Between levels of the organisation: money passed on, and money received from another level.
    REPASSE_ENVIADO = "repasse_enviado"
    REPASSE_RECEBIDO = "repasse_recebido"


class Lancamento(Base):
    """Money into an account (valor > 0) or out of it (valor < 0). An estorno is a row with the other sign."""

    __tablename__ = "lancamento"
    __table_args__ = (
        CheckConstraint("valor <> 0", name="valor_nao_zero"),
        CheckConstraint("(tipo = 'transferencia') = (outra_conta_id IS NOT NULL)", name="transferencia_tem_conta"),
        CheckConstraint("outra_conta_id IS NULL OR outra_conta_id <> conta_id", name="duas_contas"),
        CheckConstraint("(estorna_id IS NULL) = (motivo IS NULL)", name="estorno_tem_motivo"),
        Index("ix_lancamento_data_id", "data", "id"),
        Index("ix_lancamento_conta_id_data_id", "conta_id", "data", "id"),
        Index(
            "ix_lancamento_outra_conta_id",
            "outra_conta_id",
            "data",
            sqlite_where=text("outra_conta_id IS NOT NULL"),
            postgresql_where=text("outra_conta_id IS NOT NULL"),
        ),
        Index(
            "uq_lancamento_estorna_id",
            "estorna_id",
            unique=True,
            sqlite_where=text("estorna_id IS NOT NULL"),
            postgresql_where=text("estorna_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    tipo: Mapped[TipoLancamento] = mapped_column(stored_by_value(TipoLancamento, "tipo_valido", length=20))
    conta_id: Mapped[int] = mapped_column(ForeignKey("conta_bancaria.id"))
    outra_conta_id: Mapped[int | None] = mapped_column(ForeignKey("conta_bancaria.id"))
    # The line of the other account's statement of which this is the other side: the line counts there.
    linha_id: Mapped[int | None] = mapped_column(ForeignKey("linha_extrato.id"), index=True)
    data: Mapped[dt.date]
    valor: Mapped[int] = mapped_column(Centavos)
    categoria: Mapped[str] = mapped_column(String(80))
    descricao: Mapped[str | None] = mapped_column(String(200))
    # Whom it was for; empty: the whole organisation.
    nucleo_id: Mapped[int | None] = mapped_column(ForeignKey("nucleo.id"), index=True)
    # The key that makes a form sent twice count once.
    chave_idempotencia: Mapped[str | None] = mapped_column(String(64), unique=True)
    estorna_id: Mapped[int | None] = mapped_column(ForeignKey("lancamento.id"))
    motivo: Mapped[str | None] = mapped_column(String(200))
    # Set by the estorno that refers to this row, in its transaction.
    estornado: Mapped[bool] = mapped_column(default=False, server_default=false())
    registrado_em: Mapped[dt.datetime]
    registrado_por_id: Mapped[int | None] = mapped_column(ForeignKey("usuario.id"))


class Comprovante(Base):
    """A file that proves a movement: of a lançamento, or of a line of a statement."""

    __tablename__ = "comprovante"
    __table_args__ = (CheckConstraint("(lancamento_id IS NULL) <> (linha_id IS NULL)", name="de_um_movimento"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    lancamento_id: Mapped[int | None] = mapped_column(ForeignKey("lancamento.id"), index=True)
    linha_id: Mapped[int | None] = mapped_column(ForeignKey("linha_extrato.id"), index=True)
    nome: Mapped[str] = mapped_column(String(120))
    tipo: Mapped[str] = mapped_column(String(40))
    tamanho: Mapped[int]
    # Loaded only when the file itself is requested.
    conteudo: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    enviado_em: Mapped[dt.datetime]
    enviado_por_id: Mapped[int | None] = mapped_column(ForeignKey("usuario.id"))
