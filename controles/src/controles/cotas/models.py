"""Cotas: what a militante is asked to pay for one competência (month)."""

import datetime as dt
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from controles.db import Base, BigId, Centavos, stored_by_value
from controles.militantes.models import Militante

# Whether a cota is open is derived from the money and never stored, so it cannot be out of date.
ABERTA = "pago < valor AND dispensada_em IS NULL"


class TipoDispensa(StrEnum):
    """Why cotas were waived. Only cancelled ones are asked for again by the next generation."""

    AVULSA = "avulsa"
    LOTE = "lote"
    CANCELAMENTO = "cancelamento"
    DESLIGAMENTO = "desligamento"
    LICENCA = "licenca"


class Dispensa(Base):
    """One decision that waived one or more cotas; undoing it opens all of them again."""

    __tablename__ = "dispensa"
    __table_args__ = (
        Index("ix_dispensa_militante_id", "militante_id"),
        Index("ix_dispensa_competencia", "competencia"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    tipo: Mapped[TipoDispensa] = mapped_column(stored_by_value(TipoDispensa, "tipo_valido"))
    motivo: Mapped[str] = mapped_column(String(200))
    # The militante or the competência, if all its cotas have the same one.
    militante_id: Mapped[int | None] = mapped_column(ForeignKey("militante.id"))
    competencia: Mapped[dt.date | None]
    quantidade: Mapped[int]
    total: Mapped[int] = mapped_column(Centavos)
    criada_em: Mapped[dt.datetime]
    criada_por_id: Mapped[int | None] = mapped_column(ForeignKey("usuario.id"))
    desfeita_em: Mapped[dt.datetime | None]


class Cota(Base):
    __tablename__ = "cota"
    __table_args__ = (
        UniqueConstraint("militante_id", "competencia"),
        CheckConstraint("valor > 0", name="valor_positivo"),
        CheckConstraint("pago >= 0 AND pago <= valor", name="pago_ate_valor"),
        CheckConstraint("(dispensada_em IS NULL) = (dispensa_motivo IS NULL)", name="dispensa_tem_motivo"),
        CheckConstraint("dispensada_em IS NULL OR pago < valor", name="dispensada_nao_quitada"),
        # Sums by competência read only this index. Arrears read only the few open cotas, by militante, so grouping
        # needs no sorting.
        Index("ix_cota_competencia", "competencia", "militante_id", "valor", "pago", "dispensada_em"),
        Index(
            "ix_cota_aberta",
            "militante_id",
            "vencimento",
            "valor",
            "pago",
            # Empty in every row of this index, but SQLite 3.40 reads the table for a column that the index does not
            # have.
            "dispensada_em",
            sqlite_where=text(ABERTA),
            postgresql_where=text(ABERTA),
        ),
        Index(
            "ix_cota_dispensa_id",
            "dispensa_id",
            sqlite_where=text("dispensa_id IS NOT NULL"),
            postgresql_where=text("dispensa_id IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    militante_id: Mapped[int] = mapped_column(ForeignKey("militante.id"))
    # Always the first day of the month.
    competencia: Mapped[dt.date]
    valor: Mapped[int] = mapped_column(Centavos)
    vencimento: Mapped[dt.date]
    # Always equal to the sum of this cota's allocations: the service writes both in one transaction.
    pago: Mapped[int] = mapped_column(Centavos, default=0)
    dispensada_em: Mapped[dt.date | None]
    dispensa_motivo: Mapped[str | None] = mapped_column(String(200))
    # The waiver that closed the cota; undoing it opens the cota again.
    dispensa_id: Mapped[int | None] = mapped_column(BigId)

    militante: Mapped[Militante] = relationship()

    @property
    def em_aberto(self) -> int:
        """The open centavos; 0 for a waived cota."""
        return 0 if self.dispensada_em is not None else self.valor - self.pago
