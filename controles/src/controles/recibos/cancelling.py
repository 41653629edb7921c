"""Cancelling: a receipt keeps its number, and says from then on that it is not valid."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.recibos.models import Recibo


def cancel_of_payment(
    session: Session, pagamento_id: int, *, motivo: str, autor_id: int | None, agora: dt.datetime
) -> None:
    """Cancel the receipt, if any, of a payment that is reversed in this transaction."""
    standing = select(Recibo).where(Recibo.pagamento_id == pagamento_id, Recibo.cancelado_em.is_(None))
    recibo = session.scalars(standing.with_for_update()).one_or_none()
    if recibo is not None:
        mark_cancelled(session, recibo, motivo=motivo, autor_id=autor_id, agora=agora)


def mark_cancelled(session: Session, recibo: Recibo, *, motivo: str, autor_id: int | None, agora: dt.datetime) -> None:
    """Write that `recibo`, which the caller has locked, is cancelled, and why."""
    recibo.cancelado_em, recibo.cancelado_por_id, recibo.motivo = agora, autor_id, motivo
    audit.record(
        session,
        acao="recibo.cancelar",
        tabela="recibo",
        registro_id=recibo.id,
        depois={"ano": recibo.ano, "numero": recibo.numero, "motivo": motivo},
        usuario_id=autor_id,
        agora=agora,
    )
