"""The register of requests: a term from the day of arrival, one answer each, and the audit without names."""

import datetime as dt
import json
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.auditoria.models import Auditoria
from controles.db import db
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.domain.escopo import Escopo
from controles.privacidade.models import TipoSolicitacao
from controles.privacidade.queries import count_solicitacoes, get_solicitacao, list_solicitacoes
from controles.privacidade.records import EstadoSolicitacao, FiltroSolicitacoes, NovaSolicitacao
from controles.privacidade.services import conclude_solicitacao, register_solicitacao

WHOLE = Escopo()


def ask(org: Any, escopo: Escopo = WHOLE, **values: Any) -> int:
    nova = NovaSolicitacao(
        **{"tipo": TipoSolicitacao.ACESSO, "recebida_em": org.clock.today, "nome": "Fulana"} | values
    )
    return register_solicitacao(escopo, nova, autor_id=None, agora=org.clock.now)


def conclude(org: Any, solicitacao_id: int, escopo: Escopo = WHOLE, resposta: str = "enviada") -> None:
    conclude_solicitacao(escopo, solicitacao_id, atendida=True, resposta=resposta, autor_id=None, agora=org.clock.now)


def test_the_term_is_fifteen_days_after_arrival_and_passes_at_the_end_of_that_day(app: Flask, org: Any) -> None:
    made = ask(org, recebida_em=dt.date(2026, 3, 2))
    found = get_solicitacao(WHOLE, made)
    assert found is not None
    assert found.prazo == dt.date(2026, 3, 17)
    assert found.estado(dt.date(2026, 3, 17)) is EstadoSolicitacao.ABERTA
    late = FiltroSolicitacoes(estado=EstadoSolicitacao.ATRASADA)
    assert count_solicitacoes(WHOLE, late, hoje=dt.date(2026, 3, 17)) == 0
    assert count_solicitacoes(WHOLE, late, hoje=dt.date(2026, 3, 18)) == 1
    conclude(org, made)
    assert count_solicitacoes(WHOLE, late, hoje=dt.date(2026, 3, 18)) == 0


def test_a_request_is_answered_once_and_with_words(app: Flask, org: Any) -> None:
    made = ask(org)
    with pytest.raises(Invalid, match="foi respondido"):
        conclude(org, made, resposta=" ")
    conclude(org, made)
    with pytest.raises(Conflict, match="já foi concluída"):
        conclude(org, made)
    for number in (0, 99, 2**70):
        with pytest.raises(NotFound):
            conclude(org, number)


def test_a_nucleo_sees_and_registers_only_its_own_people(app: Flask, org: Any) -> None:
    here, there = Escopo(org.nucleo("Aqui")), Escopo(org.nucleo("Ali"))
    maria = org.militante(nucleo_id=here.nucleo_id)
    made = ask(org, here, militante_id=maria, nome=None)
    stranger = ask(org)
    with pytest.raises(NotFound):
        ask(org, there, militante_id=maria)
    with pytest.raises(Invalid, match="direção"):
        ask(org, here)
    seen = [list_solicitacoes(one, FiltroSolicitacoes(), hoje=org.clock.today).linhas for one in (WHOLE, here, there)]
    assert [[line.id for line in lines] for lines in seen] == [[stranger, made], [made], []]
    assert get_solicitacao(there, made) is None
    with pytest.raises(NotFound):
        conclude(org, made, there)


def test_a_day_to_come_is_refused(app: Flask, org: Any) -> None:
    with pytest.raises(Invalid, match="ainda não chegou"):
        ask(org, recebida_em=org.clock.today + dt.timedelta(days=1))


def test_the_audit_has_both_acts_and_neither_name_nor_words(app: Flask, org: Any) -> None:
    conclude(org, ask(org, nome="Fulana Rara", pedido="quero sumir"), resposta="sumiu")
    rows = db.session.execute(
        sa.select(Auditoria.acao, Auditoria.depois).where(Auditoria.tabela == "solicitacao_titular")
    ).all()
    assert [row.acao for row in rows] == ["solicitacao.registrar", "solicitacao.concluir"]
    written = json.dumps([row.depois for row in rows])
    assert not [word for word in ("Fulana", "sumir", "sumiu") if word in written]
