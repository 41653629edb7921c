"""What should be done before a month is closed."""

import datetime as dt

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from controles.banco.models import LinhaExtrato
from controles.domain.periods import last_day
from controles.fechamento.records import Pendencias
from controles.pagamentos.models import Pagamento


def pending(session: Session, closed: dt.date | None, competencia: dt.date) -> Pendencias:
    """Unmatched lines and unidentified payments, after the last closed month and up to this one."""
    last = last_day(competencia)
    lines = select(func.count()).where(LinhaExtrato.destino.is_(None), LinhaExtrato.data <= last)
    unknown = select(func.count()).where(
        Pagamento.militante_id.is_(None),
        Pagamento.estorna_id.is_(None),
        Pagamento.estornado.is_(False),
        Pagamento.data_credito <= last,
    )
    if closed is not None:
        lines = lines.where(LinhaExtrato.data > last_day(closed))
        unknown = unknown.where(Pagamento.data_credito > last_day(closed))
    return Pendencias(session.scalars(lines).one(), session.scalars(unknown).one())
