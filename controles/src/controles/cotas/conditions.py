"""What "open" and "overdue" mean in SQL, in one place: the panel and its lists must mean the same."""

import datetime as dt

from sqlalchemy import ColumnElement, and_

from controles.cotas.models import Cota
from controles.escopo import Escopo
from controles.militantes.models import Militante, Situacao
from controles.militantes.scope import in_scope
from controles.periods import last_day


def is_open() -> ColumnElement[bool]:
    """Word for word the condition of the partial index, else no database uses it."""
    return and_(Cota.pago < Cota.valor, Cota.dispensada_em.is_(None))


def is_overdue(hoje: dt.date) -> ColumnElement[bool]:
    return and_(is_open(), Cota.vencimento < hoje)


def owes_cota(escopo: Escopo, competencia: dt.date) -> tuple[ColumnElement[bool], ...]:
    """The militantes whom a generation asks for this month's cota: what its preview counts and what it writes."""
    return (
        in_scope(escopo),
        Militante.situacao == Situacao.ATIVO,
        Militante.isento.is_(False),
        Militante.data_filiacao <= last_day(competencia),
    )
