"""How payments count in sums: an estorno subtracts its original."""

from sqlalchemy import ColumnElement, case

from controles.pagamentos.models import Pagamento


def net_valor() -> ColumnElement[int]:
    """Centavos, negative for an estorno."""
    return case((Pagamento.estorna_id.is_(None), Pagamento.valor), else_=-Pagamento.valor)
