"""Assembleias and their rolls: written once, so that a list that was signed can be printed again."""

import datetime as dt
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from controles.db import Base, bytewise, stored_by_value


class Regra(StrEnum):
    """Who may vote, of those who are active on the day."""

    TODOS = "todos"
    EM_DIA = "em_dia"


class Impedimento(StrEnum):
    """Why somebody who is a member may not vote."""

    LICENCA = "licenca"
    CARENCIA = "carencia"
    DEBITO = "debito"


class Assembleia(Base):
    __tablename__ = "assembleia"
    __table_args__ = (
        CheckConstraint("(cancelada_em IS NULL) = (motivo IS NULL)", name="cancelada_tem_motivo"),
        CheckConstraint("meses_tolerados >= 0", name="meses_tolerados"),
        CheckConstraint("carencia_dias >= 0", name="carencia_dias"),
        Index("ix_assembleia_data_id", "data", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    nome: Mapped[str] = mapped_column(String(160))
    data: Mapped[dt.date]
    # None: of the whole organisation.
    nucleo_id: Mapped[int | None] = mapped_column(ForeignKey("nucleo.id"))
    regra: Mapped[Regra] = mapped_column(stored_by_value(Regra, "regra_valida"))
    # With "em dia": how many overdue cotas are tolerated.
    meses_tolerados: Mapped[int] = mapped_column(default=0)
    # How many days before the assembly somebody must have joined.
    carencia_dias: Mapped[int] = mapped_column(default=0)
    emitida_em: Mapped[dt.datetime]
    emitida_por_id: Mapped[int | None] = mapped_column(ForeignKey("usuario.id"))
    cancelada_em: Mapped[dt.datetime | None]
    cancelada_por_id: Mapped[int | None] = mapped_column(ForeignKey("usuario.id"))
    motivo: Mapped[str | None] = mapped_column(String(200))


class Convocado(Base):
    """One line of a roll: a member on that day, and whether they may vote."""

    __tablename__ = "assembleia_convocado"
    __table_args__ = (Index("ix_assembleia_convocado_nome", "assembleia_id", "nucleo", "nome_busca", "militante_id"),)

    assembleia_id: Mapped[int] = mapped_column(ForeignKey("assembleia.id"), primary_key=True)
    militante_id: Mapped[int] = mapped_column(ForeignKey("militante.id"), primary_key=True)
    nome: Mapped[str] = mapped_column(String(160))
    nome_busca: Mapped[str] = mapped_column(bytewise(160))
    matricula: Mapped[str] = mapped_column(String(20))
    nucleo: Mapped[str] = mapped_column(bytewise(140))
    impedimento: Mapped[Impedimento | None] = mapped_column(stored_by_value(Impedimento, "impedimento_valido"))
