"""Sums of cotas in pieces, each an entry of its own that ends with the cotas it has summed.

By ranges of militantes for the panel, which shows some months of everybody: a payment ends one range. By competência
for the totals of lists, which may be of all months: a payment ends the months that it pays.
"""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import QueryableAttribute

from controles.cotas.conditions import is_open
from controles.cotas.models import Cota
from controles.db import db
from controles.militantes.models import Militante
from controles.services import cache_policies
from controles.services.cache_service import cached
from controles.services.cache_slices import PEOPLE_IN_A_PIECE


@dataclass(frozen=True, slots=True)
class SumsOfState:
    """How many cotas, and their centavos."""

    quantidade: int
    valor: int
    pago: int


@dataclass(frozen=True, slots=True)
class SumsOfMonth:
    """The cotas of one competência by state; each cota is in one."""

    aberta: SumsOfState
    quitada: SumsOfState
    dispensada: SumsOfState


@cached(cache_policies.FIGURES)
def people_pieces() -> tuple[int, ...]:
    """The first militante's number of each range."""
    last = db.session.scalars(select(func.max(Militante.id))).one() or 0
    return tuple(range(0, last + 1, PEOPLE_IN_A_PIECE))


def in_piece(militante_id: QueryableAttribute[int], first: int) -> ColumnElement[bool]:
    """The rows of the range that begins with this number."""
    return militante_id.between(first, first + PEOPLE_IN_A_PIECE - 1)


@cached(cache_policies.FIGURES)
def sums_of_month(competencia: dt.date) -> SumsOfMonth:
    """Of the whole organisation."""
    found = []
    for state in (is_open(), Cota.pago == Cota.valor, Cota.dispensada_em.is_not(None)):
        found += [
            func.count().filter(state),
            func.coalesce(func.sum(Cota.valor).filter(state), 0),
            func.coalesce(func.sum(Cota.pago).filter(state), 0),
        ]
    row = [int(value) for value in db.session.execute(select(*found).where(Cota.competencia == competencia)).one()]
    return SumsOfMonth(SumsOfState(*row[0:3]), SumsOfState(*row[3:6]), SumsOfState(*row[6:9]))
