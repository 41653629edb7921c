"""Whatever people do, in whatever order: the sums hold, the panel equals its lists, and nothing disappears.

The numbers I1 to I10 are those of the domain's invariants. Histories are made by Hypothesis on both databases.
"""

import datetime as dt
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from controles.auditoria import audit
from controles.auditoria.models import Auditoria
from controles.cotas.models import Cota
from controles.cotas.queries import FiltroCotas, FiltroEstado, list_cotas, open_cotas, totals_cotas
from controles.cotas.services import generate_cotas
from controles.cotas.waiving import undo_waiver, waive_month
from controles.db import db
from controles.domain.domain_errors import DomainError
from controles.domain.escopo import Escopo
from controles.domain.periods import add_months, last_30_days, last_day, last_months
from controles.inadimplencia.queries import all_arrears, arrears_by_band, total_of
from controles.inadimplencia.records import FiltroInadimplencia, Grupo
from controles.lembretes.models import Canal, Estado, Lembrete, Regra
from controles.lembretes.queries import preview
from controles.lembretes.records import FiltroLembretes, Pedido
from controles.lembretes.services import mark_month, register_lembretes
from controles.militantes.models import Militante, Situacao, SituacaoHistorico
from controles.militantes.queries import FiltroMilitantes, count_militantes, list_militantes
from controles.militantes.services import DadosMilitante, update_militante
from controles.militantes.standing import Mudanca, end_leave, end_membership, rejoin, start_leave, undo_end
from controles.pagamentos.credit import identify_pagamento, use_credit
from controles.pagamentos.models import Alocacao, Metodo, Pagamento
from controles.pagamentos.queries import FiltroPagamentos, list_pagamentos, totals_pagamentos
from controles.painel.bands import FAIXAS
from controles.painel.queries import Painel, get_dashboard_stats
from controles.previsto_realizado.queries import get_previsto_realizado
from controles.previsto_realizado.records import FiltroPrevisto

WHOLE = Escopo()
HOJE = dt.date(2026, 3, 17)
TABLES = (Militante, Cota, Pagamento, Alocacao, Lembrete, Auditoria)

months = st.integers(-14, 1).map(lambda back: add_months(HOJE, back))
days = st.integers(0, 400).map(lambda back: HOJE - dt.timedelta(days=back))
# Small sums and few of them: so that payments meet cotas exactly, fall short and exceed them.
values = st.sampled_from([1, 500, 1000, 1500, 2000, 2500, 6000, 20000])


CHANGES: dict[str, Callable[[Escopo, Mudanca], int]] = {
    "leave": lambda escopo, mudanca: start_leave(escopo, mudanca, prevista_ate=None),
    "return": end_leave,
    "end": end_membership,
    "undo": undo_end,
    "rejoin": rejoin,
}


class History(RuleBasedStateMachine):
    """One organisation's life; `app` and `org` are set by the test that runs it."""

    org: Any
    wipe: Callable[[], None]

    militantes: Bundle[int] = Bundle("militantes")
    pagamentos: Bundle[int] = Bundle("pagamentos")

    def __init__(self) -> None:
        super().__init__()
        self.wipe()
        self.nucleos = (self.org.nucleo("Centro"), self.org.nucleo("Leste"))
        self.audited = 0
        self.counts = dict.fromkeys(TABLES, 0)
        self.registered: dict[int, tuple[object, ...]] = {}
        self.created = 0
        self.waivers: list[int] = []
        self.complete: set[dt.date] = set()

    def attempt(self, action: Callable[[], Any], *, silent: bool = False) -> Any:
        """What the action returns; None if it was refused, and then nothing may have been written."""
        before = self.audited
        try:
            result = action()
        except DomainError:
            assert self.audit_rows() == before
            return None
        self.audited = self.audit_rows()
        assert self.audited == before + (0 if silent else 1)
        return result

    @rule(
        target=militantes,
        nucleo=st.sampled_from([0, 1, None]),
        joined=days,
        isento=st.booleans().filter(bool) | st.just(False),
        due=st.sampled_from([5, 17, 28]),
        valor=st.sampled_from([1000, 2000]),
    )
    def join(self, nucleo: int | None, joined: dt.date, isento: bool, due: int, valor: int) -> int:
        self.created += 1
        nucleo_id = self.nucleos[nucleo] if nucleo is not None else None
        made: int = self.attempt(
            lambda: self.org.militante(
                f"Pessoa {chr(96 + self.created % 26 or 122)}",
                nucleo_id=nucleo_id,
                data_filiacao=joined,
                isento=isento,
                dia_vencimento=due,
                valor_cota=valor,
                telefone="11987654321",
            )
        )
        return made

    @rule(militante_id=militantes, nucleo=st.sampled_from([0, 1, None]))
    def move(self, militante_id: int, nucleo: int | None) -> None:
        current = db.session.get_one(Militante, militante_id, populate_existing=True)
        nucleo_id = self.nucleos[nucleo] if nucleo is not None else None
        dados = DadosMilitante(
            nome=current.nome,
            data_filiacao=current.data_filiacao,
            nucleo_id=nucleo_id,
            dia_vencimento=current.dia_vencimento,
            isento=current.isento,
            valor_cota=current.valor_cota,
            telefone=current.telefone,
        )
        self.attempt(
            lambda: update_militante(
                WHOLE, militante_id, dados, versao=current.versao, autor_id=None, agora=self.org.clock.now
            ),
            silent=nucleo_id == current.nucleo_id,
        )

    @rule(militante_id=militantes, on=days, change=st.sampled_from(sorted(CHANGES)))
    def stand(self, militante_id: int, on: dt.date, change: str) -> None:
        """Leave, return, the end of a membership, its undoing, joining again: whatever the standing allows."""
        self.attempt(lambda: CHANGES[change](WHOLE, self.org.change(militante_id, on)))

    @rule(competencia=months, cancel=st.booleans(), nucleo=st.sampled_from([0, None]))
    def waive_a_month(self, competencia: dt.date, cancel: bool, nucleo: int | None) -> None:
        escopo = Escopo(self.nucleos[nucleo]) if nucleo is not None else WHOLE
        agora = self.org.clock.now
        waived = self.attempt(
            lambda: waive_month(escopo, competencia, motivo="x", cancel=cancel, autor_id=None, agora=agora)
        )
        if waived is not None:
            self.waivers.append(waived.dispensa_id)

    @precondition(lambda self: self.waivers)
    @rule()
    def undo_the_last_waiver(self) -> None:
        dispensa_id = self.waivers.pop()
        self.attempt(lambda: undo_waiver(WHOLE, dispensa_id, autor_id=None, agora=self.org.clock.now))

    @rule(militante_id=militantes)
    def use_credit(self, militante_id: int) -> None:
        agora = self.org.clock.now
        self.attempt(lambda: use_credit(WHOLE, militante_id, cota_ids=None, autor_id=None, agora=agora, hoje=HOJE))

    @rule(pagamento_id=pagamentos, militante_id=militantes)
    def identify(self, pagamento_id: int, militante_id: int) -> None:
        agora = self.org.clock.now

        def say_whose() -> bool:
            identify_pagamento(WHOLE, pagamento_id, militante_id, cota_ids=None, autor_id=None, agora=agora, hoje=HOJE)
            return True

        done = self.attempt(say_whose)
        if done is not None:
            # The one thing about a payment that may be found out later, once.
            known = self.registered[pagamento_id]
            assert known[1] is None
            self.registered[pagamento_id] = (known[0], militante_id, *known[2:])

    @rule(competencia=months, regra=st.sampled_from(Regra), complete=st.booleans(), desligados=st.booleans())
    def remind(self, competencia: dt.date, regra: Regra, complete: bool, desligados: bool) -> None:
        """Everybody who is previewed is reminded; nobody twice, nobody who owes nothing, nobody before the month is."""
        agora = self.org.clock.now
        if complete and competencia not in self.complete:
            mark_month(WHOLE, competencia, completo=True, autor_id=None, agora=agora)
            self.complete.add(competencia)
            self.audited = self.audit_rows()
        filtro = FiltroLembretes(competencia=competencia, regra=regra, desligados=desligados)
        shown = preview(WHOLE, filtro, hoje=HOJE, limit=200).linhas
        if not shown:
            return
        pedido = Pedido(filtro=filtro, militante_ids=tuple(linha.id for linha in shown), canal=Canal.WHATSAPP)
        made = self.attempt(lambda: register_lembretes(WHOLE, pedido, autor_id=None, agora=agora, hoje=HOJE))
        assert (made is None) is (competencia not in self.complete)
        if made is None:
            return
        assert len(made) == len(shown)
        owed = {linha.id: linha.valor for linha in shown}
        for row in db.session.scalars(sa.select(Lembrete).where(Lembrete.id.in_(made))):
            assert (row.valor, row.estado) == (owed[row.militante_id], Estado.ENVIADO)
            assert row.valor >= sum(
                cota.em_aberto
                for cota in open_cotas(WHOLE, row.militante_id, hoje=HOJE)
                if cota.competencia == competencia
            )
        assert preview(WHOLE, filtro, hoje=HOJE, limit=200).linhas == ()

    @rule(competencia=months, nucleo=st.sampled_from([0, 1, None, None]))
    def generate(self, competencia: dt.date, nucleo: int | None) -> None:
        escopo = Escopo(self.nucleos[nucleo]) if nucleo is not None else WHOLE
        before = self.audit_rows()
        first = generate_cotas(escopo, competencia, autor_id=None, agora=self.org.clock.now)
        # I7: doing it again writes nothing, not even in the audit.
        again = generate_cotas(escopo, competencia, autor_id=None, agora=self.org.clock.now)
        assert (again.novas, again.total, again.existentes) == (0, 0, first.novas + first.existentes)
        self.audited = self.audit_rows()
        assert self.audited == before + (1 if first.novas else 0)

    @rule(militante_id=militantes)
    def waive_the_oldest(self, militante_id: int) -> None:
        cotas = open_cotas(WHOLE, militante_id, hoje=HOJE)
        if cotas:
            self.org.waive(cotas[0].id)

    @rule(
        target=pagamentos,
        militante_id=militantes | st.none(),
        valor=values,
        on=days,
        metodo=st.sampled_from([Metodo.PIX, Metodo.DINHEIRO, Metodo.BOLETO]),
        choose=st.sampled_from(["oldest", "oldest", "newest", "none"]),
        key=st.none() | st.sampled_from(["a", "b"]),
    )
    def pay(
        self, militante_id: int | None, valor: int, on: dt.date, metodo: Metodo, choose: str, key: str | None
    ) -> Any:
        chosen: tuple[int, ...] | None = None if choose == "oldest" else ()
        if choose == "newest" and militante_id is not None:
            chosen = tuple(cota.id for cota in open_cotas(WHOLE, militante_id, hoje=HOJE)[-2:])
        with_key = sa.select(Pagamento.id).where(Pagamento.chave_idempotencia == (key or ""))
        known = db.session.scalars(with_key).one_or_none()
        made = self.attempt(
            lambda: self.org.pay(
                militante_id, valor, data_credito=on, metodo=metodo, cota_ids=chosen, chave_idempotencia=key
            ),
            silent=known is not None,
        )
        if made is None:
            return multiple()
        assert known in {None, made}
        return made

    @rule(pagamento_id=pagamentos, later=st.integers(0, 60))
    def reverse(self, pagamento_id: int, later: int) -> None:
        paid_on = db.session.scalars(sa.select(Pagamento.data_credito).where(Pagamento.id == pagamento_id)).one()
        self.attempt(lambda: self.org.reverse(pagamento_id, min(HOJE, paid_on + dt.timedelta(days=later))))

    @invariant()
    def money_adds_up(self) -> None:
        """I1 and I2, by the database's own sums."""
        by_cota = sa.select(Alocacao.cota_id, sa.func.sum(Alocacao.centavos).label("total")).group_by(Alocacao.cota_id)
        totals = by_cota.subquery()
        wrong = sa.select(Cota.id).outerjoin(totals, totals.c.cota_id == Cota.id)
        assert not db.session.scalars(wrong.where(sa.func.coalesce(totals.c.total, 0) != Cota.pago)).all()
        assert not db.session.scalars(sa.select(Cota.id).where((Cota.pago > Cota.valor) | (Cota.pago < 0))).all()
        for pagamento_id, valor, estorna_id, parts in db.session.execute(
            sa.select(
                Pagamento.id, Pagamento.valor, Pagamento.estorna_id, sa.func.coalesce(sa.func.sum(Alocacao.centavos), 0)
            )
            .outerjoin(Alocacao, Alocacao.pagamento_id == Pagamento.id)
            .group_by(Pagamento.id, Pagamento.valor, Pagamento.estorna_id)
        ):
            assert (0 <= parts <= valor) if estorna_id is None else (-valor <= parts <= 0), pagamento_id

    @invariant()
    def nothing_disappears(self) -> None:
        """I10: no table shrinks, and no payment is ever changed."""
        for table in TABLES:
            count = db.session.scalars(sa.select(sa.func.count()).select_from(table)).one()
            assert count >= self.counts[table]
            self.counts[table] = count
        rows = db.session.execute(
            sa.select(Pagamento.id, Pagamento.militante_id, Pagamento.data_credito, Pagamento.valor, Pagamento.metodo)
        )
        for row in rows:
            assert self.registered.setdefault(row[0], tuple(row)) == tuple(row)

    def teardown(self) -> None:
        each_estorno_undoes_its_original()
        assert audit.verify_chain(db.session) == audit.ChainResult(ok=True, checked=self.audit_rows())
        panels = {escopo: get_dashboard_stats(escopo, hoje=HOJE) for escopo in (WHOLE, *map(Escopo, self.nucleos))}
        for escopo, painel in panels.items():
            panel_equals_its_lists(escopo, painel)
            competencias_split_into_three(escopo, painel)
            cash_is_the_sum_of_its_methods(escopo, painel)
        the_whole_is_the_sum_of_its_nucleos(panels)
        previsto_realizado_equals_its_lists(panels)

    @staticmethod
    def audit_rows() -> int:
        return db.session.scalars(sa.select(sa.func.count()).select_from(Auditoria)).one()


def each_estorno_undoes_its_original() -> None:
    """I3."""
    estornos = db.session.scalars(sa.select(Pagamento).where(Pagamento.estorna_id.is_not(None))).all()
    assert len({estorno.estorna_id for estorno in estornos}) == len(estornos)
    for estorno in estornos:
        original = db.session.get_one(Pagamento, estorno.estorna_id)
        assert original.estorna_id is None
        assert (estorno.valor, estorno.metodo, estorno.militante_id) == (
            original.valor,
            original.metodo,
            original.militante_id,
        )
        assert {(part.cota_id, -part.centavos) for part in estorno.alocacoes} == {
            (part.cota_id, part.centavos) for part in original.alocacoes
        }


def panel_equals_its_lists(escopo: Escopo, painel: Painel) -> None:
    """I8: each figure is the number of rows, or the sum, of the list it leads to."""

    def people(**filtro: Any) -> int:
        wanted = FiltroMilitantes(**filtro)
        count = count_militantes(escopo, wanted, hoje=HOJE)
        assert len(list_militantes(escopo, wanted, hoje=HOJE, limit=200).linhas) == count
        return count

    def owed(**filtro: Any) -> int:
        listed = list_militantes(escopo, FiltroMilitantes(**filtro), hoje=HOJE, limit=200).linhas
        return sum(linha.em_aberto for linha in listed)

    first, last = last_30_days(HOJE)
    stats, money = painel.militantes, painel.financeiro
    assert stats.ativos == people(situacao=Situacao.ATIVO) == painel.membros[-1].ativos
    assert stats.licenciados == people(situacao=Situacao.LICENCIADO)
    assert stats.adesoes_30d == people(filiado_de=first, filiado_ate=last)
    assert stats.desligamentos_30d == people(desligado_de=first, desligado_ate=last)
    assert money.inadimplentes_1m == people(devendo=True)
    assert money.inadimplentes_3m == people(meses_min=3)
    assert money.valor_vencido == owed(devendo=True)
    for faixa, (_, fewest, most) in zip(painel.atraso, FAIXAS, strict=True):
        assert faixa.militantes == people(meses_min=fewest, meses_max=most)
        assert faixa.valor == owed(meses_min=fewest, meses_max=most)
    by_band = arrears_by_band(escopo, None, hoje=HOJE)
    for grupo in Grupo:
        listed = list(all_arrears(escopo, FiltroInadimplencia(grupo=grupo), hoje=HOJE))
        total = total_of(by_band, grupo)
        assert (total.militantes, total.valor) == (len(listed), sum(linha.valor for linha in listed))
    assert total_of(by_band, Grupo.TODOS).valor == money.valor_vencido
    for mes in painel.membros[-3:]:
        assert mes.adesoes == people(filiado_de=mes.mes, filiado_ate=last_day(mes.mes))
        assert mes.desligamentos == people(desligado_de=mes.mes, desligado_ate=last_day(mes.mes))
    for mes in painel.membros:
        assert mes.ativos == members_at(escopo, min(HOJE, last_day(mes.mes)))
    month = FiltroCotas(competencia=money.competencia)
    paid = FiltroCotas(competencia=money.competencia, estado=FiltroEstado.QUITADA)
    waived = FiltroCotas(competencia=money.competencia, estado=FiltroEstado.DISPENSADA)
    assert money.quitadas == len(list_cotas(escopo, paid, hoje=HOJE, limit=200).linhas)
    assert money.cotas == totals_cotas(escopo, month).quantidade - totals_cotas(escopo, waived).quantidade


def members_at(escopo: Escopo, day: dt.date) -> int:
    """Counted from each one's own history, row by row."""
    wanted = sa.select(Militante.id).where(Militante.data_filiacao <= day)
    if escopo.nucleo_id is not None:
        wanted = wanted.where(Militante.nucleo_id == escopo.nucleo_id)
    active = 0
    for militante_id in db.session.scalars(wanted).all():
        last = db.session.scalars(
            sa.select(SituacaoHistorico.situacao)
            .where(SituacaoHistorico.militante_id == militante_id, SituacaoHistorico.desde <= day)
            .order_by(SituacaoHistorico.desde.desc(), SituacaoHistorico.id.desc())
            .limit(1)
        ).one()
        active += last is Situacao.ATIVO
    return active


def competencias_split_into_three(escopo: Escopo, painel: Painel) -> None:
    """I4: expected = received + waived + open, each as its list says."""
    assert [mes.competencia for mes in painel.previsto_recebido] == list(last_months(HOJE))
    for mes in painel.previsto_recebido:
        assert mes.previsto == mes.recebido + mes.dispensado + mes.aberto
        totals = totals_cotas(escopo, FiltroCotas(competencia=mes.competencia))
        assert (mes.previsto, mes.recebido, mes.dispensado, mes.aberto) == (
            totals.previsto,
            totals.recebido,
            totals.dispensado,
            totals.aberto,
        )
        if not mes.previsto:
            continue
        still_open = FiltroCotas(competencia=mes.competencia, estado=FiltroEstado.ABERTA)
        listed = list_cotas(escopo, still_open, hoje=HOJE, limit=200).linhas
        assert mes.aberto == sum(linha.valor - linha.pago for linha in listed)
    current = painel.previsto_recebido[-1]
    money = painel.financeiro
    assert (current.previsto, current.recebido, current.aberto) == (money.previsto, money.recebido, money.aberto)


def cash_is_the_sum_of_its_methods(escopo: Escopo, painel: Painel) -> None:
    """I5: by payment date, net of estornos."""
    for month in last_months(HOJE):
        listed = FiltroPagamentos(de=month, ate=last_day(month))
        totals = totals_pagamentos(escopo, listed)
        shown = {linha.metodo: linha.valor for linha in painel.caixa_por_metodo if linha.mes == month}
        assert {total.metodo: total.valor for total in totals.por_metodo if total.valor} == {
            metodo: valor for metodo, valor in shown.items() if valor
        }
        assert sum(shown.values()) == totals.valor
        if totals.quantidade:
            lines = list_pagamentos(escopo, listed, limit=200).linhas
            assert (len(lines), sum(linha.valor for linha in lines)) == (totals.quantidade, totals.valor)
    assert painel.financeiro.recebido_caixa_mes == sum(
        linha.valor for linha in painel.caixa_por_metodo if linha.mes == painel.financeiro.competencia
    )


def the_whole_is_the_sum_of_its_nucleos(panels: dict[Escopo, Painel]) -> None:
    """I4, across núcleos; what belongs to nobody's núcleo is only in the whole, and counted apart."""
    homeless = sa.select(Militante.id).where(Militante.nucleo_id.is_(None))
    whole = panels[WHOLE]
    parts = [painel for escopo, painel in panels.items() if escopo != WHOLE]
    for index, month in enumerate(last_months(HOJE)):
        apart = db.session.execute(
            sa.select(sa.func.coalesce(sa.func.sum(Cota.valor), 0), sa.func.coalesce(sa.func.sum(Cota.pago), 0)).where(
                Cota.competencia == month, Cota.militante_id.in_(homeless)
            )
        ).one()
        for figure, rest in zip(("previsto", "recebido"), apart, strict=True):
            assert getattr(whole.previsto_recebido[index], figure) == rest + sum(
                getattr(painel.previsto_recebido[index], figure) for painel in parts
            )


def previsto_realizado_equals_its_lists(panels: dict[Escopo, Painel]) -> None:
    """I8, for each month in each núcleo."""
    for escopo in panels:
        for month in last_months(HOJE)[-3:]:
            filtro = FiltroPrevisto(ano=month.year, mes=month.month)
            report = get_previsto_realizado(escopo, filtro, hoje=HOJE)
            cells = [(FiltroCotas(competencia=month), report.total_dos_nucleos)]
            cells += [
                (FiltroCotas(competencia=month, nucleo_id=line.nucleo_id), line.somas)
                for line in report.nucleos
                if line.nucleo_id is not None
            ]
            for listed, somas in cells:
                totals = totals_cotas(escopo, listed)
                assert (somas.cotas, somas.previsto, somas.recebido, somas.dispensado) == (
                    totals.quantidade,
                    totals.previsto,
                    totals.recebido,
                    totals.dispensado,
                )


def test_every_history_keeps_the_invariants(app: Flask, org: Any, wipe: Callable[[], None]) -> None:
    kind = type("HistoryHere", (History,), {"org": org, "wipe": staticmethod(wipe)})
    on_sqlite = db.engine.dialect.name == "sqlite"
    run_state_machine_as_test(
        kind,
        settings=settings(
            max_examples=15 if on_sqlite else 8,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
