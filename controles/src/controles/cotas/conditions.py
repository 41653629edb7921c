"""What "open" and "overdue" mean in SQL, in one place: the panel and its lists must mean the same."""

import datetime as dt

from sqlalchemy import ColumnElement, and_, func, select

from controles.cotas.models import Cota
from controles.militantes.models import Militante


def is_open() -> ColumnElement[bool]:
    """Word for word the condition of the partial index, else no database uses it."""
    return and_(Cota.pago < Cota.valor, Cota.dispensada_em.is_(None))


def is_overdue(hoje: dt.date) -> ColumnElement[bool]:
    return and_(is_open(), Cota.vencimento < hoje)


def owes_months(hoje: dt.date, fewest: int, most: int | None, *, whole: bool) -> tuple[ColumnElement[bool], ...]:
    """The militantes who have between `fewest` and `most` overdue cotas; `whole` if all are read, not one page."""
    if fewest <= 0 and most is None:
        return ()
    if fewest <= 1 and most is None:
        return (Militante.id.in_(select(Cota.militante_id).where(is_overdue(hoje))),)
    if not whole:
        # A page meets its fifty rows soon, counting each militante's cotas on the way. PostgreSQL, which takes far more
        # cotas to be open than there are, would compare each militante with each group of all: seconds.
        months = select(func.count()).select_from(Cota).where(Cota.militante_id == Militante.id, is_overdue(hoje))
        return (_within(months.correlate(Militante).scalar_subquery(), fewest, most),)
    grouped = select(Cota.militante_id).where(is_overdue(hoje)).group_by(Cota.militante_id)
    if fewest <= 0 and most is not None:
        # Those with too many are left out; who owes nothing has no row to count.
        return (Militante.id.not_in(grouped.having(func.count() > most)),)
    return (Militante.id.in_(grouped.having(_within(func.count(), fewest, most))),)


def _within(months: ColumnElement[int], fewest: int, most: int | None) -> ColumnElement[bool]:
    return months >= fewest if most is None else months.between(fewest, most)
