"""Pagamentos (payments), their estornos (reversals), how each is allocated to cotas, and what was given back."""

import datetime as dt
import re
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from controles.cotas.models import Cota
from controles.db import Base, BigId, Centavos, stored_by_value
from controles.militantes.models import Militante

# The format of the central bank's end-to-end id of a PIX.
E2EID = re.compile(r"[ED][A-Za-z0-9]{31}")


class Metodo(StrEnum):
    PIX = "pix"
    DINHEIRO = "dinheiro"
    TRANSFERENCIA = "transferencia"
    BOLETO = "boleto"
    CARTAO = "cartao"
    FOLHA = "folha"
    OUTRO = "outro"


MetodoType = stored_by_value(Metodo, "metodo_valido")


class Pagamento(Base):
    """Money that came in; or an estorno of it, a separate row with the same valor that refers to the original."""

    __tablename__ = "pagamento"
    __table_args__ = (
        CheckConstraint("valor > 0", name="valor_positivo"),
        CheckConstraint("(estorna_id IS NULL) = (motivo IS NULL)", name="estorno_tem_motivo"),
        # The list is newest first, and its next page continues at (data_credito, id).
        Index("ix_pagamento_data_credito_id", "data_credito", "id"),
        # Sums of cash by day and method read only this index, in its order.
        Index("ix_pagamento_caixa", "data_credito", "metodo", "valor", "estorna_id", "militante_id"),
        Index("ix_pagamento_militante_id_data_credito_id", "militante_id", "data_credito", "id"),
        # Searching for an amount.
        Index("ix_pagamento_valor_data_credito_id", "valor", "data_credito", "id"),
        Index(
            "uq_pagamento_estorna_id",
            "estorna_id",
            unique=True,
            sqlite_where=text("estorna_id IS NOT NULL"),
            postgresql_where=text("estorna_id IS NOT NULL"),
        ),
        # The payments into a caixa; all others are in a statement, or not yet in one.
        Index(
            "ix_pagamento_conta_id",
            "conta_id",
            "data_credito",
            "valor",
            "estorna_id",
            sqlite_where=text("conta_id IS NOT NULL"),
            postgresql_where=text("conta_id IS NOT NULL"),
        ),
        Index(
            "ix_pagamento_grupo",
            "grupo",
            sqlite_where=text("grupo IS NOT NULL"),
            postgresql_where=text("grupo IS NOT NULL"),
        ),
        # Which groups may be a line of a statement is asked by day.
        Index(
            "ix_pagamento_grupo_dia",
            "data_credito",
            "grupo",
            "valor",
            sqlite_where=text("grupo IS NOT NULL"),
            postgresql_where=text("grupo IS NOT NULL"),
        ),
        # If a PIX was registered for the wrong person, it can be registered again after that was reversed.
        Index(
            "uq_pagamento_e2eid",
            "e2eid",
            unique=True,
            sqlite_where=text("NOT estornado"),
            postgresql_where=text("NOT estornado"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    # Empty if it is unknown whose money it is.
    militante_id: Mapped[int | None] = mapped_column(ForeignKey("militante.id"))
    data_credito: Mapped[dt.date]
    valor: Mapped[int] = mapped_column(Centavos)
    metodo: Mapped[Metodo] = mapped_column(MetodoType)
    # The PIX end-to-end id; and the key that makes a form or an import sent twice count once.
    e2eid: Mapped[str | None] = mapped_column(String(32))
    chave_idempotencia: Mapped[str | None] = mapped_column(String(64), unique=True)
    estorna_id: Mapped[int | None] = mapped_column(ForeignKey("pagamento.id"))
    motivo: Mapped[str | None] = mapped_column(String(200))
    observacao: Mapped[str | None] = mapped_column(String(200))
    registrado_em: Mapped[dt.datetime]
    registrado_por_id: Mapped[int | None] = mapped_column(ForeignKey("usuario.id"))
    # Set by the estorno that refers to this row, in its transaction.
    estornado: Mapped[bool] = mapped_column(default=False, server_default=false())
    # The caixa that cash went into. A payment through a bank is in its statement, and names no account here.
    conta_id: Mapped[int | None]
    # Who paid, if it was not the militante. The CPF is encrypted, as a militante's is.
    pagador_nome: Mapped[str | None] = mapped_column(String(160))
    pagador_cpf: Mapped[bytes | None] = mapped_column(LargeBinary)
    # The same in payments that were one movement of money, for example of a family: one line of a statement.
    grupo: Mapped[str | None] = mapped_column(String(64))

    militante: Mapped[Militante | None] = relationship()
    estorna: Mapped["Pagamento | None"] = relationship(remote_side="Pagamento.id", back_populates="estorno")
    estorno: Mapped["Pagamento | None"] = relationship(back_populates="estorna", uselist=False)
    alocacoes: Mapped[list["Alocacao"]] = relationship(back_populates="pagamento")


class Alocacao(Base):
    """The part of a payment that pays one cota. An estorno adds the same rows with negative centavos."""

    __tablename__ = "alocacao"
    __table_args__ = (
        CheckConstraint("centavos <> 0", name="centavos_nao_zero"),
        Index("ix_alocacao_pagamento_id_cota_id", "pagamento_id", "cota_id", unique=True),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    pagamento_id: Mapped[int] = mapped_column(ForeignKey("pagamento.id"))
    cota_id: Mapped[int] = mapped_column(ForeignKey("cota.id"), index=True)
    centavos: Mapped[int] = mapped_column(Centavos)

    pagamento: Mapped[Pagamento] = relationship(back_populates="alocacoes")
    cota: Mapped[Cota] = relationship()


class Devolucao(Base):
    """The part of a payment that was given back. The estorno of a refund adds the same row with negative centavos."""

    __tablename__ = "devolucao"
    __table_args__ = (
        CheckConstraint("centavos <> 0", name="centavos_nao_zero"),
        CheckConstraint("(lancamento_id IS NULL) <> (linha_id IS NULL)", name="de_um_movimento"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    pagamento_id: Mapped[int] = mapped_column(ForeignKey("pagamento.id"), index=True)
    # Whose credit it was; empty: the payment was unidentified.
    militante_id: Mapped[int | None] = mapped_column(ForeignKey("militante.id"), index=True)
    centavos: Mapped[int] = mapped_column(Centavos)
    # How the money left: by a movement that was entered by hand, or by a line of a statement.
    lancamento_id: Mapped[int | None] = mapped_column(ForeignKey("lancamento.id"), index=True)
    linha_id: Mapped[int | None] = mapped_column(ForeignKey("linha_extrato.id"), index=True)
