"""Sums of cotas in pieces. Each piece is a cache entry, which is invalidated only when its cotas change.

For the panel, which shows some months of everybody, a piece is a range of militantes: a payment invalidates one range.
For the totals of lists, which may cover all months, it is a competência: a payment invalidates the months that it pays.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import QueryableAttribute

from controles.cotas.conditions import is_open
from controles.cotas.models import Cota
from controles.db import db
from controles.domain.periods import months_between
from controles.militantes.models import Militante
from controles.services import cache_policies
from controles.services.cache_service import cached
from controles.services.cache_slices import PEOPLE_IN_A_PIECE


@dataclass(frozen=True, slots=True)
class SumsOfState:
    """The number of cotas, and their centavos."""

    quantidade: int
    valor: int
    pago: int


@dataclass(frozen=True, slots=True)
class SumsOfMonth:
    """The cotas of one competência by state; each cota has one state."""

    aberta: SumsOfState
    quitada: SumsOfState
    dispensada: SumsOfState


@cached(cache_policies.FIGURES)
def highest_militante() -> int:
    """The highest number of a militante; 0 if there is none."""
    return db.session.scalars(select(func.max(Militante.id))).one() or 0


def people_pieces() -> tuple[int, ...]:
    """The first militante's number of each range."""
    return tuple(range(0, highest_militante() + 1, PEOPLE_IN_A_PIECE))


@cached(cache_policies.FIGURES)
def months_of_cotas() -> tuple[dt.date, ...]:
    """From the first competência that has cotas to the last one; empty if there are no cotas."""
    ends: Sequence[dt.date | None] = db.session.execute(
        select(func.min(Cota.competencia), func.max(Cota.competencia))
    ).one()
    first, last = ends
    return () if first is None or last is None else tuple(months_between(first, last))


def in_piece(militante_id: QueryableAttribute[int], first: int) -> ColumnElement[bool]:
    """The rows of the range that begins with this id."""
    return militante_id.between(first, first + PEOPLE_IN_A_PIECE - 1)


@cached(cache_policies.FIGURES)
def sums_of_month(competencia: dt.date) -> SumsOfMonth:
    """The sums of the whole organisation."""
    found = []
    for state in (is_open(), Cota.pago == Cota.valor, Cota.dispensada_em.is_not(None)):
        found += [
            func.count().filter(state),
            func.coalesce(func.sum(Cota.valor).filter(state), 0),
            func.coalesce(func.sum(Cota.pago).filter(state), 0),
        ]
    row = [int(value) for value in db.session.execute(select(*found).where(Cota.competencia == competencia)).one()]
    return SumsOfMonth(SumsOfState(*row[0:3]), SumsOfState(*row[3:6]), SumsOfState(*row[6:9]))
