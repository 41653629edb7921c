"""What "open" and "overdue" mean in SQL, in one place: the panel and its lists must agree."""

import datetime as dt

from sqlalchemy import ColumnElement, and_, func, select

from controles.cotas.models import Cota
from controles.militantes.models import Militante


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
