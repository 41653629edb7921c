"""What a payment counts for in sums: an estorno takes away what its original brought."""

from sqlalchemy import ColumnElement, ScalarSelect, case, func, select

from controles.pagamentos.models import Alocacao, Pagamento


def net_valor() -> ColumnElement[int]:
    """Centavos, negative for an estorno."""
    return case((Pagamento.estorna_id.is_(None), Pagamento.valor), else_=-Pagamento.valor)


def credit_of(militante_id: int) -> ColumnElement[int]:
    """What this militante paid and no cota took, in centavos."""
    paid: ScalarSelect[int] = (
        select(func.coalesce(func.sum(net_valor()), 0)).where(Pagamento.militante_id == militante_id).scalar_subquery()
    )
    allocated: ScalarSelect[int] = (
        select(func.coalesce(func.sum(Alocacao.centavos), 0))
        .join(Pagamento, Pagamento.id == Alocacao.pagamento_id)
        .where(Pagamento.militante_id == militante_id)
        .scalar_subquery()
    )
    return paid - allocated
