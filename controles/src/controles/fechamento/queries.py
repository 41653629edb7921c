"""Reads about closings."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import aliased

from controles.contas.models import Usuario
from controles.db import db
from controles.domain.periods import add_months, month_of
from controles.fechamento.closed_months import is_closed, last_closed
from controles.fechamento.models import Fechamento
from controles.fechamento.pending import pending
from controles.fechamento.records import MesFechamento, Pendencias, Registro
from controles.services import cache_policies
from controles.services.cache_service import cached

_Reopener = aliased(Usuario)


@cached(cache_policies.FECHAMENTO_MESES)
def list_months(ano: int, *, hoje: dt.date) -> tuple[MesFechamento, ...]:
    """The past and current months of a year, newest first; none of a future year."""
    first = dt.date(ano, 1, 1)
    closed = last_closed(db.session)
    rows = db.session.execute(
        select(Fechamento.competencia, Fechamento.fechado_em, Usuario.nome)
        .outerjoin(Usuario, Usuario.id == Fechamento.fechado_por_id)
        .where(Fechamento.reaberto_em.is_(None), Fechamento.competencia.between(first, add_months(first, 11)))
    )
    by_month = {competencia: (em, por) for competencia, em, por in rows}
    months = [add_months(first, number) for number in range(12)]
    return tuple(
        MesFechamento(month, is_closed(closed, month), *by_month.get(month, (None, None)))
        for month in reversed(months)
        if month <= month_of(hoje)
    )


@cached(cache_policies.FECHAMENTO_MESES)
def list_closings(competencia: dt.date) -> tuple[Registro, ...]:
    """All closings of this month, the last one first."""
    rows = db.session.execute(
        select(Fechamento.fechado_em, Usuario.nome, Fechamento.reaberto_em, _Reopener.nome, Fechamento.motivo)
        .outerjoin(Usuario, Usuario.id == Fechamento.fechado_por_id)
        .outerjoin(_Reopener, _Reopener.id == Fechamento.reaberto_por_id)
        .where(Fechamento.competencia == competencia)
        .order_by(Fechamento.id.desc())
    )
    return tuple(Registro(*row) for row in rows)


@cached(cache_policies.FECHAMENTO_MESES)
def get_last_closed() -> dt.date | None:
    """The last closed competência; None if there is none."""
    return last_closed(db.session)


@cached(cache_policies.FECHAMENTO_PENDENCIAS)
def get_pending(competencia: dt.date) -> Pendencias:
    """What is still to be done up to this month."""
    return pending(db.session, last_closed(db.session), competencia)
