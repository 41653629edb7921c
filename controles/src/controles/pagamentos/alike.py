"""Whether there is a similar payment already: somebody may have typed the same payment twice."""

import datetime as dt

from sqlalchemy import Select, select

from controles.pagamentos.models import Pagamento


def select_alike(militante_id: int | None, data_credito: dt.date, valor: int, e2eid: str | None) -> Select[int]:
    """The last payment with the same militante, day and amount that was not reversed. PIX ids distinguish payments."""
    alike = select(Pagamento.id).where(
        Pagamento.militante_id == militante_id,
        Pagamento.data_credito == data_credito,
        Pagamento.valor == valor,
        Pagamento.estorna_id.is_(None),
        Pagamento.estornado.is_(False),
    )
    if e2eid is not None:
        alike = alike.where(Pagamento.e2eid.is_(None))
    return alike.order_by(Pagamento.id.desc()).limit(1)
