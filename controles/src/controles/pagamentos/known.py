"""What has to be known before a payment is written, read in one statement."""

import datetime as dt
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import false, literal, select
from sqlalchemy.orm import Session

from controles.fechamento.closed_months import select_last_closed
from controles.pagamentos.alike import select_alike
from controles.pagamentos.models import Metodo, Pagamento

Content = tuple[int | None, dt.date, int, Metodo]


@dataclass(frozen=True, slots=True)
class WrittenByKey:
    """The payment that was written with a form's key; its content is militante, day, amount and method."""

    pagamento_id: int
    estornado: bool
    content: Content


@dataclass(frozen=True, slots=True)
class Known:
    """The last closed month, the payment that the form's key has written, and a similar payment."""

    closed: dt.date | None
    by_key: WrittenByKey | None
    alike: int | None


class Asked(Protocol):
    """A payment that somebody wants to register."""

    @property
    def militante_id(self) -> int | None: ...
    @property
    def data_credito(self) -> dt.date: ...
    @property
    def valor(self) -> int: ...
    @property
    def e2eid(self) -> str | None: ...
    @property
    def chave_idempotencia(self) -> str | None: ...


def look_up(session: Session, novo: Asked) -> Known:
    """Read all of it in one snapshot."""
    alike = select_alike(novo.militante_id, novo.data_credito, novo.valor, novo.e2eid)
    # Without a key there is nothing to find: many rows have NULL.
    by_key = false() if novo.chave_idempotencia is None else Pagamento.chave_idempotencia == novo.chave_idempotencia
    # One row, whether the key has written anything or not.
    always = select(literal(1).label("one")).subquery()
    row = session.execute(
        select(select_last_closed().scalar_subquery(), alike.scalar_subquery(), *_WRITTEN)
        .select_from(always)
        .outerjoin(Pagamento, by_key)
    ).one()
    closed, like, *written = row
    return Known(closed, None if written[0] is None else _written(*written), like)


def written_by_key(session: Session, chave: str | None) -> WrittenByKey | None:
    """Only the payment that was written with this key."""
    if chave is None:
        return None
    row = session.execute(select(*_WRITTEN).where(Pagamento.chave_idempotencia == chave)).one_or_none()
    return None if row is None else _written(*row)


_WRITTEN = (
    Pagamento.id,
    Pagamento.estornado,
    Pagamento.militante_id,
    Pagamento.data_credito,
    Pagamento.valor,
    Pagamento.metodo,
)


def _written(
    pagamento_id: int, estornado: bool, militante_id: int | None, data_credito: dt.date, valor: int, metodo: Metodo
) -> WrittenByKey:
    return WrittenByKey(pagamento_id, estornado, (militante_id, data_credito, valor, metodo))
