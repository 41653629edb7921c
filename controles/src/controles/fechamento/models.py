"""Which months were closed and reopened, and by whom: every closing has its own row."""

import datetime as dt

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from controles.db import Base

STANDS = "reaberto_em IS NULL"


class Fechamento(Base):
    """One closing. It is valid until the month is reopened; a month has at most one valid closing."""

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
    # Always the first day of the month. All earlier months are closed with it, because its initial balance includes
    # them.
    competencia: Mapped[dt.date]
    fechado_em: Mapped[dt.datetime]
    fechado_por_id: Mapped[int | None] = mapped_column(ForeignKey("usuario.id"))
    reaberto_em: Mapped[dt.datetime | None]
    reaberto_por_id: Mapped[int | None] = mapped_column(ForeignKey("usuario.id"))
    motivo: Mapped[str | None] = mapped_column(String(200))
