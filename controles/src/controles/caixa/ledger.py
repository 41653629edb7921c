"""Every movement of every account, each once, as one SELECT: the basis of balances and reports.

The movements of a bank account are the lines of its statements. Those of a caixa are entered by hand, or are payments
in cash. A payment that is in a statement counts only there, so it names no account.
"""

import datetime as dt
from typing import Any

from sqlalchemy import Select, SQLColumnExpression, String, Subquery, and_, case, cast, func, literal, select, union_all

from controles.banco.models import Conciliacao, ContaBancaria, Destino, LinhaExtrato
from controles.caixa.models import Lancamento
from controles.caixa.records import Grupo, Origem
from controles.militantes.models import Militante
from controles.pagamentos.amounts import net_valor
from controles.pagamentos.models import Pagamento


def movements(de: dt.date | None, ate: dt.date | None) -> Subquery:
    """The movements of these days, both inclusive; None: without a limit.

    Columns: conta_id, data, valor (signed), sentido (1 for money in, -1 for money out; an estorno has that of the
    movement that it reverses), grupo, categoria, nucleo_id, origem, id, texto.
    """
    parts: list[Select[*tuple[Any, ...]]] = [_lines(), _by_hand(), _other_sides(), _cash()]
    days = (LinhaExtrato.data, Lancamento.data, Lancamento.data, Pagamento.data_credito)
    bounded = []
    for part, day in zip(parts, days, strict=True):
        wanted = part
        if de is not None:
            wanted = wanted.where(day >= de)
        if ate is not None:
            wanted = wanted.where(day <= ate)
        bounded.append(wanted)
    return union_all(*bounded).subquery("movimento")


def balances(ate: dt.date | None) -> Subquery:
    """conta_id and `soma`, the sum of each account's movements up to a day. Accounts without movements have no row."""
    moved = movements(None, ate)
    return select(moved.c.conta_id, func.sum(moved.c.valor).label("soma")).group_by(moved.c.conta_id).subquery("saldo")


def _lines() -> Select[*tuple[Any, ...]]:
    marked = and_(
        Conciliacao.linha_id == LinhaExtrato.id,
        Conciliacao.desfeita_em.is_(None),
        # One row for each line: only payments can be several.
        Conciliacao.destino != Destino.PAGAMENTO,
    )
    group = func.coalesce(cast(LinhaExtrato.destino, String(20)), Grupo.ABERTO.value)
    return (
        select(
            LinhaExtrato.conta_id,
            LinhaExtrato.data,
            LinhaExtrato.valor,
            case((LinhaExtrato.valor > 0, 1), else_=-1).label("sentido"),
            group.label("grupo"),
            func.coalesce(Conciliacao.categoria, "").label("categoria"),
            Conciliacao.nucleo_id,
            literal(Origem.LINHA.value).label("origem"),
            LinhaExtrato.id,
            LinhaExtrato.descricao.label("texto"),
        )
        .select_from(LinhaExtrato)
        .outerjoin(Conciliacao, marked)
    )


def _by_hand() -> Select[*tuple[Any, ...]]:
    return _entered(Lancamento.conta_id, Lancamento.valor)


def _other_sides() -> Select[*tuple[Any, ...]]:
    """A manual transfer, seen from the account that it went to. If a statement's line shows this side, the line
    counts."""
    return _entered(Lancamento.outra_conta_id, -Lancamento.valor).where(
        Lancamento.outra_conta_id.is_not(None), Lancamento.linha_id.is_(None)
    )


def _entered(account: SQLColumnExpression[Any], amount: SQLColumnExpression[int]) -> Select[*tuple[Any, ...]]:
    """Movements that were entered by hand; `amount` is how they changed `account`."""
    into = (amount > 0) == Lancamento.estorna_id.is_(None)
    return select(
        account,
        Lancamento.data,
        amount,
        case((into, 1), else_=-1),
        cast(Lancamento.tipo, String(20)),
        Lancamento.categoria,
        Lancamento.nucleo_id,
        literal(Origem.LANCAMENTO.value),
        Lancamento.id,
        func.coalesce(Lancamento.descricao, Lancamento.motivo, ""),
    )


def _cash() -> Select[*tuple[Any, ...]]:
    return (
        select(
            Pagamento.conta_id,
            Pagamento.data_credito,
            net_valor(),
            literal(1),
            literal(Grupo.CONTRIBUICAO.value),
            literal(""),
            Militante.nucleo_id,
            literal(Origem.PAGAMENTO.value),
            Pagamento.id,
            func.coalesce(Militante.nome_social, Militante.nome, "Sem identificação"),
        )
        .select_from(Pagamento)
        .outerjoin(Militante, Militante.id == Pagamento.militante_id)
        .where(Pagamento.conta_id.is_not(None))
    )


def known_accounts() -> Select[int, str, int, dt.date]:
    """All accounts by name: id, name, initial balance, and first day."""
    return select(ContaBancaria.id, ContaBancaria.nome, ContaBancaria.saldo_inicial, ContaBancaria.inicio).order_by(
        ContaBancaria.nome
    )
