"""What every service that writes something dated asks first: is its month closed?

The question and the write are of one transaction, and no month is closed or opened in between: writers share a lock
that closing takes alone. It is taken before any row is locked. A writer that held a row and waited for a closing,
which waits for another writer, which waits for that row, would wait for itself.
"""

import datetime as dt

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from controles.db import share
from controles.domain.domain_errors import Invalid
from controles.domain.periods import add_months
from controles.fechamento.models import Fechamento

LOCK = "fechamento"


def hold_months(session: Session) -> dt.date | None:
    """Keep months closed or open as they are until this transaction ends; the last closed competência comes back.

    None while no month is closed. Call it before any row is locked; again it costs one look.
    """
    share(session.connection(), LOCK)
    return last_closed(session)


def last_closed(session: Session) -> dt.date | None:
    """The same without keeping anything: for a page, which is asked again when it is saved."""
    return session.scalars(select(func.max(Fechamento.competencia)).where(Fechamento.reaberto_em.is_(None))).one()


def is_closed(closed: dt.date | None, day: dt.date) -> bool:
    """Whether `day` lies in a closed month, when `closed` is the last one. What lies before it is closed too."""
    return closed is not None and day < add_months(closed, 1)


def refuse_closed(closed: dt.date | None, day: dt.date, field: str = "") -> None:
    """Invalid, at `field`, if `day` lies in a closed month."""
    if closed is not None and is_closed(closed, day):
        raise Invalid(field, f"{closed_words(day)} {first_open_words(closed)}")


def closed_words(day: dt.date) -> str:
    return f"O mês {day:%m}/{day.year:04d} está fechado: nada entra nele nem muda."


def first_open_words(closed: dt.date) -> str:
    """What to do instead."""
    first = add_months(closed, 1)
    return f"Use uma data a partir de {first:%d/%m/%Y}, ou peça à administração que reabra o mês."
