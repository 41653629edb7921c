"""What has to hold of all accounts, whatever was done to them."""

import datetime as dt

import sqlalchemy as sa

from controles.banco.models import Conciliacao, Destino, LinhaExtrato
from controles.banco.queries import list_contas
from controles.caixa.records import Grupo
from controles.cotas.models import Cota
from controles.db import db
from controles.domain.escopo import Escopo
from controles.fechamento.balancete_queries import get_balancete, list_movements
from controles.pagamentos.models import Alocacao, Devolucao, Pagamento
from controles.pagamentos.queries import FiltroPagamentos, totals_pagamentos

JANUARY, FEBRUARY, MARCH = MONTHS = tuple(dt.date(2026, month, 1) for month in (1, 2, 3))


def accounts_add_up() -> None:
    """All that a balancete promises, for each of the three months; lines and payments count once."""
    closing: dict[int, int] = {}
    for month in MONTHS:
        balancete = get_balancete(month)
        for conta in balancete.contas:
            moved = list_movements(month, conta.id)
            assert conta.entradas - conta.saidas == sum(line.valor for line in moved)
            for line in conta.linhas:
                listed = [one.valor for one in moved if (one.grupo, one.categoria) == (line.grupo, line.categoria)]
                assert line.entradas - line.saidas == sum(listed)
            assert (conta.entradas, conta.saidas) == (
                sum(line.entradas for line in conta.linhas),
                sum(line.saidas for line in conta.linhas),
            )
            assert conta.abertura == closing.get(conta.id, conta.abertura)
            closing[conta.id] = conta.fechamento
        last = dt.date(2026, month.month, 28 if month.month == 2 else 31)
        assert balancete.contribuicoes == totals_pagamentos(Escopo(), FiltroPagamentos(de=month, ate=last)).valor
        assert balancete.contribuicoes == sum(nucleo.contribuicoes for nucleo in balancete.nucleos)
        # What the accounts took in and spent, but for transfers and what nobody has matched, is the núcleos' sum.
        apart = {Grupo.CONTRIBUICAO, Grupo.TRANSFERENCIA, Grupo.ABERTO}
        of_accounts = sum(
            line.entradas - line.saidas
            for conta in balancete.contas
            for line in conta.linhas
            if line.grupo not in apart
        )
        assert of_accounts == sum(nucleo.resultado - nucleo.contribuicoes for nucleo in balancete.nucleos)
    assert closing == {conta.id: conta.saldo for conta in list_contas()}
    lines_are_matched_or_open()
    payments_are_spent_once()


def lines_are_matched_or_open() -> None:
    """A statement's lines = matched + open; and no payment is in two lines."""
    standing = Conciliacao.desfeita_em.is_(None)
    matched = (
        sa.select(sa.func.coalesce(sa.func.sum(Conciliacao.centavos), 0))
        .where(Conciliacao.linha_id == LinhaExtrato.id, standing)
        .scalar_subquery()
    )
    for valor, destino, soma in db.session.execute(sa.select(LinhaExtrato.valor, LinhaExtrato.destino, matched)):
        assert soma == (0 if destino is None else valor)
    used = sa.select(Conciliacao.pagamento_id).where(standing, Conciliacao.destino == Destino.PAGAMENTO)
    payments = db.session.scalars(used).all()
    assert len(set(payments)) == len(payments)


def payments_are_spent_once() -> None:
    """What a payment paid and what was given back of it is at most the payment; nothing of a reversed one is."""
    spent = {
        model: (
            sa.select(sa.func.coalesce(sa.func.sum(model.centavos), 0))
            .where(model.pagamento_id == Pagamento.id)
            .scalar_subquery()
        )
        for model in (Alocacao, Devolucao)
    }
    rows = db.session.execute(
        sa.select(Pagamento.valor, Pagamento.estornado, spent[Alocacao], spent[Devolucao]).where(
            Pagamento.estorna_id.is_(None)
        )
    )
    for valor, estornado, cotas, returned in rows:
        assert min(cotas, returned) >= 0
        assert cotas + returned <= valor
        assert not (estornado and returned)
    paid = sa.select(sa.func.coalesce(sa.func.sum(Alocacao.centavos), 0)).where(Alocacao.cota_id == Cota.id)
    wrong = sa.select(Cota.id).where(sa.or_(Cota.pago != paid.scalar_subquery(), Cota.pago > Cota.valor))
    assert db.session.scalars(wrong).all() == []
