"""The balancete: opening + in − out = closing, month after month, and every sum is the sum of its list."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from flask import Flask

from controles.banco import matching
from controles.banco.models import Destino, Formato, LinhaExtrato, TipoConta
from controles.banco.records import ExtratoLido, LinhaLida
from controles.banco.services import import_statement
from controles.caixa.models import TipoLancamento
from controles.caixa.records import NovoLancamento
from controles.caixa.services import register_lancamento
from controles.db import db
from controles.fechamento.balancete_queries import get_balancete
from controles.pagamentos.models import Metodo

from .conftest import FEBRUARY, accounts_add_up


def test_a_month_with_everything_adds_up(app: Flask, org: Any, agora: dt.datetime, hoje: dt.date) -> None:
    when: dict[str, Any] = {"autor_id": None, "agora": agora}
    banco, caixa = org.conta(saldo_inicial=10000), org.conta("Caixa", tipo=TipoConta.CAIXA, saldo_inicial=500)
    centro = org.nucleo("Centro")
    ana = org.militante("Ana", nucleo_id=centro)
    lines = (LinhaLida(dt.date(2026, 2, 3), 2000, "PIX"), LinhaLida(dt.date(2026, 2, 4), -300, "SAQUE"))
    import_statement((ExtratoLido(Formato.CSV, None, None, lines),), conta_id=banco, arquivo="x", **when)
    first, second = db.session.scalars(sa.select(LinhaExtrato.id).order_by(LinhaExtrato.id)).all()
    org.pay(ana, 700, data_credito=dt.date(2026, 2, 5))
    org.pay(ana, 900, data_credito=dt.date(2026, 2, 6), metodo=Metodo.DINHEIRO)
    before = get_balancete(FEBRUARY)
    assert (before.contribuicoes, before.sem_conta) == (1600, 700)
    matching.match_militantes(first, ((ana, 2000),), outro=True, **when, hoje=hoje)
    matching.mark(second, Destino.TRANSFERENCIA, "saque", outra_conta_id=caixa, **when)
    novo = NovoLancamento(
        tipo=TipoLancamento.DESPESA,
        conta_id=caixa,
        data=dt.date(2026, 2, 7),
        valor=250,
        categoria="café",
        nucleo_id=centro,
    )
    register_lancamento(novo, **when, hoje=hoje)
    balancete = get_balancete(FEBRUARY)
    assert [(c.nome, c.abertura, c.entradas, c.saidas, c.fechamento) for c in balancete.contas] == [
        ("Banco", 10000, 2000, 300, 11700),
        ("Caixa", 500, 1200, 250, 1450),
    ]
    assert (balancete.contribuicoes, balancete.sem_conta) == (3600, 700)
    (nucleo,) = balancete.nucleos
    assert (nucleo.nome, nucleo.contribuicoes, nucleo.despesas, nucleo.resultado) == ("Centro", 3600, 250, 3350)
    accounts_add_up()
