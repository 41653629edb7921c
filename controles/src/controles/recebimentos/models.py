"""A list of receipts as it came in a file, and its lines: checked first, then accepted or undone as a whole."""

import datetime as dt
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from controles.db import Base, BigId, Centavos, stored_by_value


class Fonte(StrEnum):
    FOLHA = "folha"
    CNAB240 = "cnab240"
    CNAB400 = "cnab400"


class Estado(StrEnum):
    CONFERIR = "conferir"
    ACEITO = "aceito"
    DESFEITO = "desfeito"
    DESCARTADO = "descartado"


class Recebimento(Base):
    """One file. A folha has an employer, a competência and the day on which the money arrived."""

    __tablename__ = "recebimento"
    __table_args__ = (
        CheckConstraint("(fonte = 'folha') = (empregador IS NOT NULL)", name="folha_tem_empregador"),
        CheckConstraint("(fonte = 'folha') = (competencia IS NOT NULL)", name="folha_tem_competencia"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    fonte: Mapped[Fonte] = mapped_column(stored_by_value(Fonte, "fonte_valida"))
    estado: Mapped[Estado] = mapped_column(stored_by_value(Estado, "estado_valido"))
    arquivo: Mapped[str] = mapped_column(String(120))
    empregador: Mapped[str | None] = mapped_column(String(120))
    competencia: Mapped[dt.date | None]
    criado_em: Mapped[dt.datetime]
    criado_por_id: Mapped[int | None] = mapped_column(ForeignKey("usuario.id"))
    # When it was accepted, undone or discarded.
    decidido_em: Mapped[dt.datetime | None]
    decidido_por_id: Mapped[int | None] = mapped_column(ForeignKey("usuario.id"))


class RecebimentoLinha(Base):
    """One line. Without a militante it becomes an unidentified payment, so that the sum is that of the bank."""

    __tablename__ = "recebimento_linha"
    __table_args__ = (
        CheckConstraint("valor > 0", name="valor_positivo"),
        # What was accepted once is not accepted again from another file; after it was undone it may be.
        Index(
            "uq_recebimento_linha_chave",
            "chave",
            unique=True,
            sqlite_where=text("aceita"),
            postgresql_where=text("aceita"),
        ),
        Index("ix_recebimento_linha_recebimento_id_numero", "recebimento_id", "numero"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    recebimento_id: Mapped[int] = mapped_column(ForeignKey("recebimento.id"))
    # As in the file: the row of a spreadsheet, or the record of a bank's file.
    numero: Mapped[int]
    # What the file says about the person, without a CPF; empty once it is known who it is.
    texto: Mapped[str] = mapped_column(String(160))
    militante_id: Mapped[int | None] = mapped_column(ForeignKey("militante.id"), index=True)
    data: Mapped[dt.date]
    valor: Mapped[int] = mapped_column(Centavos)
    # The month that it pays; empty: the oldest cotas.
    competencia: Mapped[dt.date | None]
    # Why it is not known whose it is.
    duvida: Mapped[str | None] = mapped_column(String(300))
    # Distinguishes this receipt from all others.
    chave: Mapped[str] = mapped_column(String(64))
    aceita: Mapped[bool] = mapped_column(default=False, server_default=false())
    pagamento_id: Mapped[int | None] = mapped_column(ForeignKey("pagamento.id"), index=True)
