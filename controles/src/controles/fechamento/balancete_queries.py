"""The balancete of a month: each account's initial balance, money in and out, and final balance; and by núcleo."""

import datetime as dt
from collections import defaultdict

from sqlalchemy import case, func, select

from controles.banco.models import Conciliacao
from controles.caixa.ledger import balances, known_accounts, movements
from controles.caixa.records import Grupo, Origem
from controles.db import db
from controles.domain.periods import last_day
from controles.fechamento.balancete_records import (
    Balancete,
    ContaBalancete,
    LinhaBalancete,
    Movimento,
    NucleoBalancete,
)
from controles.militantes.models import Militante, Nucleo
from controles.pagamentos.amounts import net_valor
from controles.pagamentos.models import Pagamento
from controles.services import cache_policies
from controles.services.cache_service import cached

_ORDER = {group: place for place, group in enumerate(Grupo)}


@cached(cache_policies.FECHAMENTO_BALANCETE)
def get_balancete(competencia: dt.date) -> Balancete:
    """A whole month, with the accounts that have begun by its end; six statements for any number of movements."""
    first, last = competencia, last_day(competencia)
    of_month = Pagamento.data_credito.between(first, last)
    matched = select(Conciliacao.id).where(
        Conciliacao.pagamento_id == func.coalesce(Pagamento.estorna_id, Pagamento.id), Conciliacao.desfeita_em.is_(None)
    )
    outside = case((Pagamento.conta_id.is_(None) & ~matched.exists(), net_valor()), else_=0)
    contribuicoes, sem_conta = db.session.execute(
        select(func.coalesce(func.sum(net_valor()), 0), func.coalesce(func.sum(outside), 0)).where(of_month)
    ).one()
    return Balancete(_accounts(first, last), _nucleos(first, last), int(contribuicoes), int(sem_conta))


@cached(cache_policies.FECHAMENTO_BALANCETE)
def list_movements(competencia: dt.date, conta_id: int) -> tuple[Movimento, ...]:
    """All movements of an account in a month, by day: those that the balancete adds up."""
    moved = movements(competencia, last_day(competencia))
    rows = db.session.execute(
        select(moved.c.data, moved.c.grupo, moved.c.categoria, moved.c.texto, moved.c.valor, moved.c.origem, moved.c.id)
        .where(moved.c.conta_id == conta_id)
        .order_by(moved.c.data, moved.c.origem, moved.c.id)
    )
    return tuple(
        Movimento(data, Grupo(grupo), categoria, texto, int(valor), Origem(origem), number)
        for data, grupo, categoria, texto, valor, origem, number in rows
    )


def _accounts(first: dt.date, last: dt.date) -> tuple[ContaBalancete, ...]:
    before = balances(first - dt.timedelta(days=1))
    opened = {conta_id: int(soma) for conta_id, soma in db.session.execute(select(before.c.conta_id, before.c.soma))}
    moved = movements(first, last)
    into = func.sum(case((moved.c.sentido == 1, moved.c.valor), else_=0))
    out = func.sum(case((moved.c.sentido == -1, -moved.c.valor), else_=0))
    lines: dict[int, list[LinhaBalancete]] = defaultdict(list)
    for conta_id, grupo, categoria, entradas, saidas in db.session.execute(
        select(moved.c.conta_id, moved.c.grupo, moved.c.categoria, into, out).group_by(
            moved.c.conta_id, moved.c.grupo, moved.c.categoria
        )
    ):
        lines[conta_id].append(LinhaBalancete(Grupo(grupo), categoria, int(entradas), int(saidas)))
    return tuple(
        ContaBalancete(
            id=conta_id,
            nome=nome,
            abertura=saldo_inicial + opened.get(conta_id, 0),
            entradas=sum(line.entradas for line in lines[conta_id]),
            saidas=sum(line.saidas for line in lines[conta_id]),
            linhas=tuple(sorted(lines[conta_id], key=lambda line: (_ORDER[line.grupo], line.categoria))),
        )
        for conta_id, nome, saldo_inicial, inicio in db.session.execute(known_accounts())
        if inicio <= last
    )


def _nucleos(first: dt.date, last: dt.date) -> tuple[NucleoBalancete, ...]:
    """Only núcleos with movements. Payments count for the present núcleo of the payer."""
    paid = dict(
        db.session.execute(
            select(Militante.nucleo_id, func.sum(net_valor()))
            .select_from(Pagamento)
            .outerjoin(Militante, Militante.id == Pagamento.militante_id)
            .where(Pagamento.data_credito.between(first, last))
            .group_by(Militante.nucleo_id)
        ).all()
    )
    moved = movements(first, last)
    sums: dict[int | None, dict[Grupo, int]] = defaultdict(lambda: defaultdict(int))
    apart = (Grupo.CONTRIBUICAO.value, Grupo.TRANSFERENCIA.value, Grupo.ABERTO.value)
    for nucleo_id, grupo, valor in db.session.execute(
        select(moved.c.nucleo_id, moved.c.grupo, func.sum(moved.c.valor))
        .where(moved.c.grupo.not_in(apart))
        .group_by(moved.c.nucleo_id, moved.c.grupo)
    ):
        sums[nucleo_id][Grupo(grupo)] += int(valor)
    known = {*paid, *sums}
    names = dict(db.session.execute(select(Nucleo.id, Nucleo.nome).where(Nucleo.id.in_(known - {None}))).all())
    rows = [
        NucleoBalancete(
            nucleo_id=nucleo_id,
            nome=names.get(nucleo_id, "") if nucleo_id is not None else "Sem núcleo e geral",
            contribuicoes=int(paid.get(nucleo_id, 0)),
            receitas=sums[nucleo_id][Grupo.RECEITA] + sums[nucleo_id][Grupo.OUTRO],
            despesas=-sums[nucleo_id][Grupo.DESPESA],
            repasses=sums[nucleo_id][Grupo.REPASSE_RECEBIDO] + sums[nucleo_id][Grupo.REPASSE_ENVIADO],
        )
        for nucleo_id in known
    ]
    return tuple(sorted(rows, key=lambda row: (row.nucleo_id is None, row.nome)))
