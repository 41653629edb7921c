"""Reminders, the months that are complete enough for reminders, and who is not to be reminded."""

import datetime as dt
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from controles.db import Base, BigId, Centavos, stored_by_value
from controles.militantes.models import Militante

# The reminders to be sent: few rows, however long the history.
WAITING = "estado = 'a_enviar'"


class Regra(StrEnum):
    """Who gets a month's reminder: everybody who owes it, or those who owe it and at least two more."""

    AVISO = "aviso"
    TRES_MESES = "tres_meses"


class Canal(StrEnum):
    EMAIL = "email"
    WHATSAPP = "whatsapp"


class Estado(StrEnum):
    """The state of a reminder. One that stays ENVIANDO: its process ended during sending, so its fate is unknown."""

    A_ENVIAR = "a_enviar"
    ENVIANDO = "enviando"
    ENVIADO = "enviado"
    FALHOU = "falhou"
    # Paid or waived between recording and sending.
    CANCELADO = "cancelado"


class Lembrete(Base):
    __tablename__ = "lembrete"
    __table_args__ = (
        # Never twice, whatever the channel, and however many people press the button.
        UniqueConstraint("militante_id", "regra", "competencia"),
        CheckConstraint("valor > 0", name="valor_positivo"),
        Index("ix_lembrete_a_enviar", "id", sqlite_where=text(WAITING), postgresql_where=text(WAITING)),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    militante_id: Mapped[int] = mapped_column(ForeignKey("militante.id"))
    regra: Mapped[Regra] = mapped_column(stored_by_value(Regra, "regra_valida"))
    competencia: Mapped[dt.date]
    canal: Mapped[Canal] = mapped_column(stored_by_value(Canal, "canal_valido"))
    estado: Mapped[Estado] = mapped_column(stored_by_value(Estado, "estado_valido"))
    # When it was recorded: the number of overdue cotas, and their centavos.
    meses: Mapped[int]
    valor: Mapped[int] = mapped_column(Centavos)
    criado_em: Mapped[dt.datetime]
    criado_por_id: Mapped[int | None] = mapped_column(ForeignKey("usuario.id"))
    enviado_em: Mapped[dt.datetime | None]
    erro: Mapped[str | None] = mapped_column(String(200))

    militante: Mapped[Militante] = relationship()


class MesCompleto(Base):
    """A competência whose payments were all entered, according to somebody: before that a reminder could be wrong."""

    __tablename__ = "mes_completo"

    competencia: Mapped[dt.date] = mapped_column(primary_key=True)
    completo: Mapped[bool]
    quando: Mapped[dt.datetime]
    por_id: Mapped[int | None] = mapped_column(ForeignKey("usuario.id"))


class SemLembrete(Base):
    """Somebody who is not to be reminded, because they announced that they leave, or asked for it."""

    __tablename__ = "sem_lembrete"

    militante_id: Mapped[int] = mapped_column(ForeignKey("militante.id"), primary_key=True, autoincrement=False)
    ativo: Mapped[bool]
    motivo: Mapped[str] = mapped_column(String(200))
    desde: Mapped[dt.date]
