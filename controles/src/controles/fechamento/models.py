"""Which months were closed and opened again, by whom: a row is never changed back."""

import datetime as dt

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from controles.db import Base

STANDS = "reaberto_em IS NULL"


class Fechamento(Base):
    """One closing. It stands until the month is opened again; a month is closed by at most one that stands."""

    __tablename__ = "fechamento"
    __table_args__ = (
        CheckConstraint("(reaberto_em IS NULL) = (motivo IS NULL)", name="reabertura_tem_motivo"),
        Index(
            "uq_fechamento_competencia",
            "competencia",
            unique=True,
            sqlite_where=text(STANDS),
            postgresql_where=text(STANDS),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    # A day 1. Everything before it is closed with it: it is what this month began with.
    competencia: Mapped[dt.date]
    fechado_em: Mapped[dt.datetime]
    fechado_por_id: Mapped[int | None] = mapped_column(ForeignKey("usuario.id"))
    reaberto_em: Mapped[dt.datetime | None]
    reaberto_por_id: Mapped[int | None] = mapped_column(ForeignKey("usuario.id"))
    motivo: Mapped[str | None] = mapped_column(String(200))
