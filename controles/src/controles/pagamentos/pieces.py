"""Cash in pieces, each an entry of its own: months that are over, and the days of the newest one.

A payment of today ends one day; months that are over end when somebody writes into them.
"""

import datetime as dt
from collections.abc import Iterable

from sqlalchemy import func, select

from controles.db import db
from controles.domain.periods import add_months, last_day, month_of
from controles.pagamentos.amounts import net_valor
from controles.pagamentos.models import Alocacao, Metodo, Pagamento
from controles.services import cache_policies
from controles.services.cache_service import cached

# Of one piece, by day and method: how many payments, and their centavos net of estornos.
CashRow = tuple[dt.date, Metodo, int, int]
# An entry depends on the allocations of up to so many payments; of more than 64 it would on all there are.
ASKED_AT_ONCE = 50


def cash_between(first: dt.date, last: dt.date, *, newest: dt.date) -> list[CashRow]:
    """The cash of the whole organisation from `first` to `last`. newest: the day up to which most payments are written;
    the month of it is summed by days."""
    return [row for piece in _cash_of.many(_spans(first, last, month_of(newest))) for row in piece]


def _spans(first: dt.date, last: dt.date, by_days_from: dt.date) -> Iterable[tuple[dt.date, dt.date]]:
    day = first
    while day <= last:
        end = last_day(day)
        if day.day == 1 and end <= last and day < by_days_from:
            yield day, end
            day = add_months(day, 1)
        else:
            yield day, day
            day += dt.timedelta(days=1)


@cached(cache_policies.FIGURES)
def _cash_of(first: dt.date, last: dt.date) -> tuple[CashRow, ...]:
    """Of one day, or of one month whole."""
    span = Pagamento.data_credito == first if first == last else Pagamento.data_credito.between(first, last)
    # By day, which is the order of the index: sorting by method alone would take three times as long.
    rows = db.session.execute(
        select(Pagamento.data_credito, Pagamento.metodo, func.count(), func.sum(net_valor()))
        .where(span)
        .group_by(Pagamento.data_credito, Pagamento.metodo)
    )
    return _by_month(rows.all())


def _by_month(rows: Iterable[tuple[dt.date, Metodo, int, int]]) -> tuple[CashRow, ...]:
    """The rows of one month or day, a row for each method: what a piece is asked for."""
    sums: dict[tuple[dt.date, Metodo], tuple[int, int]] = {}
    for day, metodo, quantidade, valor in rows:
        counted, summed = sums.get((month_of(day), metodo), (0, 0))
        sums[month_of(day), metodo] = (counted + quantidade, summed + int(valor))
    return tuple((month, metodo, *both) for (month, metodo), both in sums.items())


def credit_of(militante_id: int) -> int:
    """What this militante paid and no cota took, in centavos.

    The allocations are asked for by the payments' ids, some at a time: joined to the payments they would be read whole,
    and what is cached of it ended by everybody's payments.
    """
    paid = db.session.execute(
        select(Pagamento.id, net_valor()).where(Pagamento.militante_id == militante_id).order_by(Pagamento.id)
    ).all()
    ids = tuple(pagamento_id for pagamento_id, _ in paid)
    some = ((ids[first : first + ASKED_AT_ONCE],) for first in range(0, len(ids), ASKED_AT_ONCE))
    return int(sum(valor for _, valor in paid)) - sum(_allocated_of.many(some))


@cached(cache_policies.FIGURES)
def _allocated_of(pagamento_ids: tuple[int, ...]) -> int:
    allocated = select(func.coalesce(func.sum(Alocacao.centavos), 0)).where(Alocacao.pagamento_id.in_(pagamento_ids))
    return int(db.session.scalars(allocated).one())
