"""What "open" and "overdue" mean in SQL, in one place: the panel and its lists must agree."""

import datetime as dt

from sqlalchemy import ColumnElement, and_, false, func, select

from controles.cotas.models import Cota
from controles.cotas.records import FiltroCotas, FiltroEstado
from controles.db import MAX_ID
from controles.domain.escopo import Escopo
from controles.militantes.models import Militante
from controles.militantes.scope import in_scope, narrowed


def is_open() -> ColumnElement[bool]:
    """The exact condition of the partial index, without which no database uses the index."""
    return and_(Cota.pago < Cota.valor, Cota.dispensada_em.is_(None))


def is_overdue(hoje: dt.date) -> ColumnElement[bool]:
    return and_(is_open(), Cota.vencimento < hoje)


def owes_months(hoje: dt.date, fewest: int, most: int | None, *, whole: bool) -> tuple[ColumnElement[bool], ...]:
    """The militantes with `fewest` to `most` overdue cotas; `whole` if all are read, instead of one page."""
    if fewest <= 0 and most is None:
        return ()
    if fewest <= 1 and most is None:
        return (Militante.id.in_(select(Cota.militante_id).where(is_overdue(hoje))),)
    if not whole:
        # A page soon has its fifty rows if each militante's cotas are counted on the way. PostgreSQL, which
        # overestimates the number of open cotas, would otherwise compare each militante with all groups, which takes
        # seconds.
        months = select(func.count()).select_from(Cota).where(Cota.militante_id == Militante.id, is_overdue(hoje))
        return (_within(months.correlate(Militante).scalar_subquery(), fewest, most),)
    grouped = select(Cota.militante_id).where(is_overdue(hoje)).group_by(Cota.militante_id)
    if fewest <= 0 and most is not None:
        # Militantes with too many are excluded: those who owe nothing have no row to count.
        return (Militante.id.not_in(grouped.having(func.count() > most)),)
    return (Militante.id.in_(grouped.having(_within(func.count(), fewest, most))),)


def _within(months: ColumnElement[int], fewest: int, most: int | None) -> ColumnElement[bool]:
    return months >= fewest if most is None else months.between(fewest, most)


def shown_by(escopo: Escopo, filtro: FiltroCotas) -> tuple[ColumnElement[bool], ...]:
    """The rows of a list, of cotas joined to their militantes."""
    within = narrowed(escopo, filtro.nucleo_id)
    if within is None:
        return (false(),)
    wanted = [in_scope(within)]
    if filtro.competencia is not None:
        wanted.append(Cota.competencia == filtro.competencia)
    if filtro.militante_id is not None:
        wanted.append(Cota.militante_id == filtro.militante_id if 0 < filtro.militante_id <= MAX_ID else false())
    match filtro.estado:
        case FiltroEstado.QUITADA:
            wanted.append(and_(Cota.pago == Cota.valor, Cota.dispensada_em.is_(None)))
        case FiltroEstado.ABERTA:
            wanted.append(is_open())
        case FiltroEstado.DISPENSADA:
            wanted.append(Cota.dispensada_em.is_not(None))
        case None:
            pass
    return tuple(wanted)
