"""Cash in pieces, each a cache entry: whole past months, and single days of the newest month.

A payment of today invalidates one day; a past month is only invalidated by a later write in it.
"""

import datetime as dt
from collections.abc import Iterable

from sqlalchemy import func, select

from controles.db import db
from controles.domain.periods import add_months, last_day, month_of
from controles.pagamentos.amounts import net_valor
from controles.pagamentos.models import Alocacao, Devolucao, Metodo, Pagamento
from controles.services import cache_policies
from controles.services.cache_service import cached

# One row of a piece, by day and method: the number of payments, and their centavos net of estornos.
CashRow = tuple[dt.date, Metodo, int, int]
# An entry with more than 64 slices of a table would depend on all of it, so the allocations are read in parts.
ASKED_AT_ONCE = 50


def cash_between(first: dt.date, last: dt.date, *, newest: dt.date) -> list[CashRow]:
    """The cash of the whole organisation from `first` to `last`. newest: the day up to which most payments are written;
    its month is added up by days."""
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
    """The cash of one day, or of one whole month."""
    span = Pagamento.data_credito == first if first == last else Pagamento.data_credito.between(first, last)
    # Grouped by day, which is the order of the index: sorting by method alone would take three times as long.
    rows = db.session.execute(
        select(Pagamento.data_credito, Pagamento.metodo, func.count(), func.sum(net_valor()))
        .where(span)
        .group_by(Pagamento.data_credito, Pagamento.metodo)
    )
    return _by_month(rows.all())


def _by_month(rows: Iterable[tuple[dt.date, Metodo, int, int]]) -> tuple[CashRow, ...]:
    """The rows of one month or day, with one row for each method."""
    sums: dict[tuple[dt.date, Metodo], tuple[int, int]] = {}
    for day, metodo, quantidade, valor in rows:
        counted, summed = sums.get((month_of(day), metodo), (0, 0))
        sums[month_of(day), metodo] = (counted + quantidade, summed + int(valor))
    return tuple((month, metodo, *both) for (month, metodo), both in sums.items())


def credit_of(militante_id: int) -> int:
    """What this militante paid that was neither allocated to a cota nor given back, in centavos.

    The allocations are read by the payments' ids, some at a time. A join with the payments would read the whole table,
    and every payment of anybody would invalidate the entry.
    """
    paid = db.session.execute(
        select(Pagamento.id, net_valor()).where(Pagamento.militante_id == militante_id).order_by(Pagamento.id)
    ).all()
    ids = tuple(pagamento_id for pagamento_id, _ in paid)
    some = ((ids[first : first + ASKED_AT_ONCE],) for first in range(0, len(ids), ASKED_AT_ONCE))
    returned = db.session.scalars(
        select(func.coalesce(func.sum(Devolucao.centavos), 0)).where(Devolucao.militante_id == militante_id)
    ).one()
    return int(sum(valor for _, valor in paid)) - sum(_allocated_of.many(some)) - int(returned)


@cached(cache_policies.FIGURES)
def _allocated_of(pagamento_ids: tuple[int, ...]) -> int:
    allocated = select(func.coalesce(func.sum(Alocacao.centavos), 0)).where(Alocacao.pagamento_id.in_(pagamento_ids))
    return int(db.session.scalars(allocated).one())
