"""Carteiras: membership cards that were issued."""

import datetime as dt

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from controles.db import Base, BigId


class Carteira(Base):
    __tablename__ = "carteira"
    __table_args__ = (
        CheckConstraint("(revogada_em IS NULL) = (motivo IS NULL)", name="revogada_tem_motivo"),
        # A militante has at most one card that is not revoked.
        Index(
            "uq_carteira_militante_id",
            "militante_id",
            unique=True,
            sqlite_where=text("revogada_em IS NULL"),
            postgresql_where=text("revogada_em IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    militante_id: Mapped[int] = mapped_column(ForeignKey("militante.id"))
    # The QR code's address contains it; it says nothing about the person.
    codigo: Mapped[str] = mapped_column(String(24), unique=True)
    valida_ate: Mapped[dt.date]
    emitida_em: Mapped[dt.datetime]
    emitida_por_id: Mapped[int | None] = mapped_column(ForeignKey("usuario.id"))
    revogada_em: Mapped[dt.datetime | None]
    revogada_por_id: Mapped[int | None] = mapped_column(ForeignKey("usuario.id"))
    motivo: Mapped[str | None] = mapped_column(String(200))
