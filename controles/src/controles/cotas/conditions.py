"""What "open" and "overdue" mean in SQL, in one place: the panel and its lists must mean the same."""

import datetime as dt

from sqlalchemy import ColumnElement, and_

from controles.cotas.models import Cota


def is_open() -> ColumnElement[bool]:
    """Word for word the condition of the partial index, else no database uses it."""
    return and_(Cota.pago < Cota.valor, Cota.dispensada_em.is_(None))


def is_overdue(hoje: dt.date) -> ColumnElement[bool]:
    return and_(is_open(), Cota.vencimento < hoje)
