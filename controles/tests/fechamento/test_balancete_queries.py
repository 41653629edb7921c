"""The balancete: opening + in − out = closing, month after month, and every sum is the sum of its list."""

import dataclasses
import datetime as dt
import random
from typing import Any

import sqlalchemy as sa
from flask import Flask

from controles.banco import matching
from controles.banco.models import Destino, Finalidade, Formato, LinhaExtrato, TipoConta
from controles.banco.queries import list_contas
from controles.banco.records import DadosConta, ExtratoLido, LinhaLida
from controles.banco.services import import_statement, save_conta
from controles.caixa.models import TipoLancamento
from controles.caixa.records import Grupo, NovoLancamento
from controles.caixa.services import register_lancamento, reverse_lancamento
from controles.db import db
from controles.domain.domain_errors import DomainError
from controles.domain.escopo import Escopo
from controles.fechamento.balancete_queries import get_balancete, list_movements
from controles.pagamentos.models import Metodo
from controles.pagamentos.queries import FiltroPagamentos, totals_pagamentos

JANUARY, FEBRUARY, MARCH = MONTHS = tuple(dt.date(2026, month, 1) for month in (1, 2, 3))
BANCO = DadosConta(
    nome="Banco",
    tipo=TipoConta.CORRENTE,
    finalidade=Finalidade.GERAL,
    banco=None,
    agencia=None,
    numero=None,
    saldo_inicial=10000,
    inicio=JANUARY,
)


def checked() -> None:
    """All that a balancete promises, for each of the three months."""
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


def test_a_month_with_everything_adds_up(app: Flask, org: Any, agora: dt.datetime, hoje: dt.date) -> None:
    when: dict[str, Any] = {"autor_id": None, "agora": agora}
    banco = save_conta(None, BANCO, **when, hoje=hoje)
    caixa = save_conta(
        None, dataclasses.replace(BANCO, nome="Caixa", tipo=TipoConta.CAIXA, saldo_inicial=500), **when, hoje=hoje
    )
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
    checked()


def test_whatever_moves_the_sums_are_those_of_the_lists(
    app: Flask, org: Any, agora: dt.datetime, hoje: dt.date
) -> None:
    """Histories from a fixed number, of everything that moves an account or undoes it."""
    when: dict[str, Any] = {"autor_id": None, "agora": agora}
    randomly = random.Random(20260317)
    banco = save_conta(None, BANCO, **when, hoje=hoje)
    caixa = save_conta(None, dataclasses.replace(BANCO, nome="Caixa", tipo=TipoConta.CAIXA), **when, hoje=hoje)
    people = [org.militante(f"A{number}", nucleo_id=org.nucleo(f"N{number}")) for number in range(2)]
    org.cotas("2026-01", "2026-02", "2026-03")
    days = [dt.date(2026, 1, 1) + dt.timedelta(days=number) for number in range(76)]
    lines = tuple(LinhaLida(randomly.choice(days), randomly.choice([-900, -50, 700, 2000]), "X") for _ in range(12))
    import_statement((ExtratoLido(Formato.CSV, None, None, lines),), conta_id=banco, arquivo="x", **when)
    ids = list(db.session.scalars(sa.select(LinhaExtrato.id)))
    made: list[int] = []
    paid: list[int] = []
    for _ in range(80):
        day = randomly.choice(days)
        novo = NovoLancamento(
            tipo=randomly.choice(list(TipoLancamento)),
            conta_id=randomly.choice([banco, caixa]),
            outra_conta_id=randomly.choice([banco, caixa]),
            data=day,
            valor=randomly.choice([1, 500, 2000]),
            categoria=randomly.choice(["café", "aluguel"]),
            nucleo_id=randomly.choice([1, 2, None]),
        )
        person = randomly.choice(people)
        actions = {
            "hand": lambda novo=novo: made.append(register_lancamento(novo, **when, hoje=hoje)),
            "undo by hand": lambda: reverse_lancamento(randomly.choice(made or [0]), motivo="x", data=hoje, **when),
            "pay": lambda person=person, day=day: paid.append(
                org.pay(person, 700, data_credito=day, metodo=randomly.choice([Metodo.PIX, Metodo.DINHEIRO]))
            ),
            "reverse": lambda: org.reverse(randomly.choice(paid or [0])),
            "person": lambda person=person: matching.match_militantes(
                randomly.choice(ids), ((person, 700),), outro=True, **when, hoje=hoje
            ),
            "mark": lambda: matching.mark(
                randomly.choice(ids),
                randomly.choice([Destino.DESPESA, Destino.OUTRO]),
                "tarifa",
                nucleo_id=randomly.choice([1, None]),
                **when,
            ),
            "transfer": lambda: matching.mark(
                randomly.choice(ids), Destino.TRANSFERENCIA, "x", outra_conta_id=caixa, **when
            ),
            "undo": lambda: matching.undo(randomly.choice(ids), **when, hoje=hoje),
        }
        try:
            randomly.choice(list(actions.values()))()  # type: ignore[operator]
        except DomainError:
            continue
    assert len(made) >= 3
    assert len(paid) >= 3
    checked()
