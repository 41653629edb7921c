"""Cotas: what a militante is asked to pay for one competência (month)."""

import datetime as dt

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from controles.db import Base, BigId, Centavos
from controles.militantes.models import Militante

# Open is derived from money, never stored: nothing can forget to update it.
ABERTA = "pago < valor AND dispensada_em IS NULL"


class Cota(Base):
    __tablename__ = "cota"
    __table_args__ = (
        UniqueConstraint("militante_id", "competencia"),
        CheckConstraint("valor > 0", name="valor_positivo"),
        CheckConstraint("pago >= 0 AND pago <= valor", name="pago_ate_valor"),
        CheckConstraint("(dispensada_em IS NULL) = (dispensa_motivo IS NULL)", name="dispensa_tem_motivo"),
        CheckConstraint("dispensada_em IS NULL OR pago < valor", name="dispensada_nao_quitada"),
        # Sums by competência read only this index; arrears read only the few cotas that are open, by militante, so
        # that they need no sorting to be grouped.
        Index("ix_cota_competencia", "competencia", "militante_id", "valor", "pago", "dispensada_em"),
        Index(
            "ix_cota_aberta",
            "militante_id",
            "vencimento",
            "valor",
            "pago",
            # Empty in every row here, but SQLite 3.40 looks into the table for a column that it does not find.
            "dispensada_em",
            sqlite_where=text(ABERTA),
            postgresql_where=text(ABERTA),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    militante_id: Mapped[int] = mapped_column(ForeignKey("militante.id"))
    # Always day 1 of the month.
    competencia: Mapped[dt.date]
    valor: Mapped[int] = mapped_column(Centavos)
    vencimento: Mapped[dt.date]
    # Kept equal to the sum of this cota's allocations by the service that writes them, in one transaction.
    pago: Mapped[int] = mapped_column(Centavos, default=0)
    dispensada_em: Mapped[dt.date | None]
    dispensa_motivo: Mapped[str | None] = mapped_column(String(200))

    militante: Mapped[Militante] = relationship()

    @property
    def em_aberto(self) -> int:
        """Centavos still open; 0 for a waived cota."""
        return 0 if self.dispensada_em is not None else self.valor - self.pago
