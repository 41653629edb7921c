"""One person who has left a trace in every table."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.assembleias.records import NovaAssembleia
from controles.assembleias.services import issue_assembleia
from controles.banco.matching import match_pagamento
from controles.banco.models import Finalidade, Formato, LinhaExtrato, TipoConta
from controles.banco.records import DadosConta, ExtratoLido, LinhaLida
from controles.banco.services import import_statement, save_conta
from controles.caixa.models import TipoLancamento
from controles.caixa.records import NovoLancamento
from controles.caixa.services import register_lancamento
from controles.carteiras.services import issue_carteiras
from controles.db import db
from controles.domain.escopo import Escopo
from controles.importing.batch_work import work_on
from controles.importing.batches import create_importacao, write_importacao
from controles.importing.models import Tipo
from controles.lembretes.models import Canal
from controles.lembretes.records import FiltroLembretes, Pedido
from controles.lembretes.services import mark_month, register_lembretes
from controles.militantes.models import Militante
from controles.privacidade.anonymising import Anonimizado, anonymise
from controles.privacidade.models import TipoSolicitacao
from controles.privacidade.records import NovaSolicitacao
from controles.privacidade.services import register_solicitacao
from controles.recibos.services import issue_recibos
from controles.services import running

WHOLE = Escopo()
NAME, SOCIAL, CPF = "Zulmira D'Ávila Conceição", "Zul Conceição", "529.982.247-25"
EMAIL, PHONE, MATRICULA = "zulmira@exemplo.org", "11987654321", "Z-77"


@dataclass(frozen=True, slots=True)
class Someone:
    militante_id: int
    pagamento_id: int
    recibo_id: int
    linha_id: int

    def anonymise(self, org: Any, *, motivo: str = "a pedido") -> Anonimizado:
        return anonymise(
            WHOLE,
            self.militante_id,
            versao=version_of(self.militante_id),
            motivo=motivo,
            autor_id=None,
            agora=org.clock.now,
        )


def version_of(militante_id: int) -> int:
    db.session.rollback()
    return db.session.scalars(sa.select(Militante.versao).where(Militante.id == militante_id)).one()


def make_someone(org: Any, nucleo_id: int | None = None) -> Someone:
    """A former member, imported, who paid, was reminded, convened, matched, and asked for their data."""
    when = {"autor_id": None, "agora": org.clock.now}
    sheet = (
        "nome;nome social;matrícula;cpf;e-mail;telefone;filiação\n"
        f"{NAME};{SOCIAL};{MATRICULA};{CPF};{EMAIL};{PHONE};1/2/2020\n;;;;;;\n"
    )
    importacao_id = create_importacao(Tipo.MILITANTES, "x.csv", sheet.encode(), **when)
    folder = running.settings().imports
    assert work_on(importacao_id, folder=folder, clock=org.clock)
    write_importacao(importacao_id, so_validas=True, **when)
    assert work_on(importacao_id, folder=folder, clock=org.clock)
    # A second file, which waits: a row that contradicts hers, so its fault says her name.
    sheet = f"nome;matrícula;filiação\nOutra Pessoa Qualquer;{MATRICULA};1/2/2020\n"
    waiting = create_importacao(Tipo.MILITANTES, "y.csv", sheet.encode(), **when)
    assert work_on(waiting, folder=folder, clock=org.clock)
    db.session.rollback()
    militante_id = db.session.scalars(sa.select(Militante.id).where(Militante.matricula == MATRICULA)).one()
    org.cotas("2026-02", "2026-03")
    pagamento_id = org.pay(militante_id, 1000, data_credito=dt.date(2026, 3, 2), observacao="a mãe da Zulmira pagou")
    org.reverse(org.pay(militante_id, 700, observacao="Zul"))
    org.pay(None, 500, observacao=f"parece ser de {NAME.upper()}, perguntar")
    (recibo_id,) = issue_recibos(WHOLE, (pagamento_id,), **when).ids
    mark_month(WHOLE, dt.date(2026, 2, 1), completo=True, **when)
    asked = Pedido(
        filtro=FiltroLembretes(competencia=dt.date(2026, 2, 1)), militante_ids=(militante_id,), canal=Canal.EMAIL
    )
    register_lembretes(WHOLE, asked, hoje=org.clock.today, **when)
    issue_carteiras(WHOLE, (militante_id,), hoje=org.clock.today, **when)
    issue_assembleia(WHOLE, NovaAssembleia(nome="Anual", data=org.clock.today), hoje=org.clock.today, **when)
    linha_id = _statement(org, pagamento_id)
    request = NovaSolicitacao(
        tipo=TipoSolicitacao.ANONIMIZACAO, recebida_em=org.clock.today, militante_id=militante_id, pedido="Zulmira pede"
    )
    register_solicitacao(WHOLE, request, **when)
    org.end(militante_id, org.clock.today)
    return Someone(militante_id, pagamento_id, recibo_id, linha_id)


def _statement(org: Any, pagamento_id: int) -> int:
    """A line that is matched to the payment, one that only says who it is, and an expense that does."""
    conta = DadosConta(
        nome="Conta",
        tipo=TipoConta.CORRENTE,
        finalidade=Finalidade.GERAL,
        banco=None,
        agencia=None,
        numero=None,
        saldo_inicial=0,
        inicio=dt.date(2026, 1, 1),
    )
    agora, hoje = org.clock.now, org.clock.today
    conta_id = save_conta(None, conta, autor_id=None, agora=agora, hoje=hoje)
    lines = (
        LinhaLida(dt.date(2026, 3, 2), 1000, "PIX RECEBIDO ZULMIRA D AVILA C"),
        LinhaLida(dt.date(2026, 3, 3), 900, "TED ZULMIRA DAVILA CONCEICAO 0001"),
    )
    import_statement(
        (ExtratoLido(Formato.CSV, None, None, lines),), conta_id=conta_id, arquivo="x.csv", autor_id=None, agora=agora
    )
    linha_id = db.session.scalars(sa.select(LinhaExtrato.id).where(LinhaExtrato.valor == 1000)).one()
    match_pagamento(linha_id, pagamento_id, autor_id=None, agora=agora)
    despesa = NovoLancamento(
        tipo=TipoLancamento.DESPESA,
        conta_id=conta_id,
        data=dt.date(2026, 3, 5),
        valor=300,
        categoria="reembolso",
        descricao="Reembolso a zulmira d'avila conceição",
    )
    register_lancamento(despesa, None, autor_id=None, agora=agora, hoje=hoje)
    return linha_id


@pytest.fixture
def someone(app: Flask, org: Any) -> Someone:
    return make_someone(org)
