"""The check for every service that writes something dated: is its month closed?

Check and write are in one transaction, and no month is closed or reopened in between: writers share a lock that closing
takes exclusively. It is taken before any row is locked. Otherwise there could be a deadlock: a writer that holds a row
would wait for a closing, which waits for another writer, which waits for that row.
"""

import datetime as dt

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from controles.db import share
from controles.domain.domain_errors import Invalid
from controles.domain.periods import add_months
from controles.fechamento.models import Fechamento

LOCK = "fechamento"


def hold_months(session: Session) -> dt.date | None:
    """Keep all months closed or open as they are until this transaction ends; returns the last closed competência.

    None if no month is closed. Call it before any row is locked; repeated calls cost one read.
    """
    share(session.connection(), LOCK)
    return last_closed(session)


def hold_months_unread(session: Session) -> None:
    """The same for a caller that asks which months are closed together with other things, after this."""
    share(session.connection(), LOCK)


def last_closed(session: Session) -> dt.date | None:
    """The last closed competência, without locking anything: for pages, whose form is checked again when it is
    saved."""
    return session.scalars(select_last_closed()).one()


def select_last_closed() -> Select[dt.date | None]:
    """The statement of `last_closed`, for a part of a larger one."""
    return select(func.max(Fechamento.competencia)).where(Fechamento.reaberto_em.is_(None))


def is_closed(closed: dt.date | None, day: dt.date) -> bool:
    """Whether `day` is in a closed month; `closed` is the last one, and all before it are closed, too."""
    return closed is not None and day < add_months(closed, 1)


def refuse_closed(closed: dt.date | None, day: dt.date, field: str = "") -> None:
    """Raise Invalid for `field` if `day` is in a closed month."""
    if closed is not None and is_closed(closed, day):
        raise Invalid(field, f"{closed_words(day)} {first_open_words(closed)}")


def closed_words(day: dt.date) -> str:
    return f"O mês {day:%m}/{day.year:04d} está fechado: nada entra nele nem muda."


def first_open_words(closed: dt.date) -> str:
    """What to do instead."""
    first = add_months(closed, 1)
    return f"Use uma data a partir de {first:%d/%m/%Y}, ou peça à administração que reabra o mês."
