"""The pages about people's own data, as a browser sees them."""

import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from pypdf import PdfReader

from controles.auditoria.models import Auditoria
from controles.contas.models import Papel
from controles.db import db
from controles.privacidade.anonymising import label_of
from controles.schema.tables import metadata

from .conftest import CPF, EMAIL, MATRICULA, NAME, Someone, make_someone

Visit = Callable[..., Any]


@pytest.fixture
def known(web: Flask, org: Any) -> Someone:
    with web.app_context():
        return make_someone(org)


def confirmed(someone: Someone, **changed: str) -> dict[str, str]:
    return {"motivo": "a pedido", "matricula": MATRICULA, "certeza": "1", "versao": "2", **changed}


def test_a_request_is_registered_listed_answered_and_late_when_its_term_is_over(
    known: Someone, visit: Visit, clock: Any
) -> None:
    visitor = visit(Papel.SECRETARIA)
    page = visitor.send(
        f"/privacidade/nova?militante_id={known.militante_id}", tipo="acesso", recebida_em="2026-03-02", pedido="cópia"
    )
    assert "Solicitação registrada." in page
    assert "17/03/2026" in page
    number = re.search(r"Solicitação nº (\d+)", page)
    assert number is not None
    assert "passou do prazo" not in visitor.get("/privacidade")
    clock.advance(days=1)
    # The session has ended overnight.
    visitor = visit(Papel.SECRETARIA)
    assert "1 solicitação passou do prazo" in visitor.get("/privacidade")
    assert "Venceu em 17/03/2026" in visitor.get("/privacidade?estado=atrasada")
    address = f"/privacidade/{number[1]}"
    assert "Escreva o que foi respondido." in visitor.send(address, atendida="sim", resposta="")
    assert "Solicitação concluída." in visitor.send(address, atendida="nao", resposta="=não é a pessoa")
    assert "já foi concluída" in visitor.send(address, atendida="sim", resposta="de novo")
    rows = visitor.client.get("/privacidade/lista/csv?estado=concluida").text
    assert "Cópia dos dados;cópia;18/03/2026;não;'=não é a pessoa" in rows


def test_somebody_who_is_not_registered_can_ask_the_whole_organisation_only(web: Flask, visit: Visit, org: Any) -> None:
    with web.app_context():
        centro = org.nucleo()
    sent = {"tipo": "informacao", "recebida_em": "2026-03-02", "nome": "Estranha"}
    assert "atendido pela direção" in visit(Papel.SECRETARIA, centro).send("/privacidade/nova", **sent)
    visitor = visit(Papel.SECRETARIA)
    assert "Escreva o nome de quem pede." in visitor.send("/privacidade/nova", **sent | {"nome": ""})
    assert "Estranha" in visitor.send("/privacidade/nova", **sent)
    assert "Estranha" not in visit(Papel.SECRETARIA, centro).get("/privacidade")


def test_the_copy_holds_every_table_that_refers_to_the_person_and_is_audited(
    web: Flask, known: Someone, visit: Visit
) -> None:
    visitor = visit(Papel.SECRETARIA)
    address = f"/privacidade/pessoa/{known.militante_id}/dados"
    found = json.loads(visitor.client.get(f"{address}/json").data)
    assert found["cadastro"][0]["cpf"] == "52998224725"
    assert found["cadastro"][0]["nome"] == NAME
    assert found["pagamentos"][0]["valor_centavos"] == 1000
    assert {part["descricao"] for part in found["extratos"]} == {"PIX RECEBIDO ZULMIRA D AVILA C"}
    pdf = PdfReader(io.BytesIO(visitor.client.get(f"{address}/pdf").data))
    text = " ".join(" ".join(page.extract_text() for page in pdf.pages).split())
    assert "R$ 10,00" in text
    assert EMAIL in text
    with web.app_context():
        acts = db.session.scalars(sa.select(Auditoria.depois).where(Auditoria.acao == "militante.dados_pessoais")).all()
    assert [act["formato"] for act in acts if act] == ["json", "pdf"]
    # A new table with a militante has to be thought of here, and in what anonymising clears.
    referring = {
        key.parent.table.name
        for t in metadata.sorted_tables
        for key in t.foreign_keys
        if key.column.table.name == "militante"
    }
    assert referring == {
        *("situacao_historico", "valor_cota", "cota", "dispensa", "pagamento", "carteira", "assembleia_convocado"),
        *("lembrete", "sem_lembrete", "linha_extrato", "solicitacao_titular"),
        *("devolucao", "recebimento_linha"),
    }


def test_anonymising_asks_for_the_matricula_and_afterwards_no_page_names_the_person(
    known: Someone, visit: Visit
) -> None:
    visitor = visit()
    address = f"/privacidade/pessoa/{known.militante_id}/anonimizar"
    assert "Isto não pode ser desfeito" in visitor.get(address)
    version = re.search(r'name="versao"[^>]*value="(\d+)"', visitor.get(address))
    assert version is not None
    sent = confirmed(known, versao=version[1])
    assert "Não é esta" in visitor.send(address, **sent | {"matricula": "X"})
    assert "Marque para confirmar." in visitor.send(address, **{k: v for k, v in sent.items() if k != "certeza"})
    assert "nenhuma soma mudou" in visitor.send(address, **sent)
    label = label_of(known.militante_id)
    pages = (
        *(
            f"/militantes/{known.militante_id}",
            "/militantes",
            "/pagamentos",
            f"/pagamentos/{known.pagamento_id}",
            "/cotas",
        ),
        *("/admin/auditoria", "/banco", f"/banco/linhas/{known.linha_id}", "/importar/1", "/importar/2", "/recibos"),
        *(
            "/assembleias/1",
            "/lembretes",
            "/inadimplencia",
            "/caixa",
            "/privacidade",
            f"/privacidade/pessoa/{known.militante_id}",
        ),
        *("/militantes/lista/csv", "/pagamentos/lista/csv", "/admin/auditoria/lista/csv", "/assembleias/1/lista/csv"),
        *("/militantes/pedidos", "/privacidade/guarda", "/"),
    )
    for page in pages:
        answer = visitor.client.get(page)
        assert answer.status_code in {200, 404}, page
        for word in ("Zul", "ZUL", "onceição", EMAIL, MATRICULA, CPF):
            assert word not in answer.text, (page, word)
    assert label in visitor.get("/militantes")
    assert "Editar</a>" not in visitor.get(f"/militantes/{known.militante_id}")
    assert "já foram anonimizados" in visitor.open(address)


def test_names_go_from_receipts_of_anonymised_people_once_their_term_is_over(
    web: Flask, known: Someone, visit: Visit, org: Any, clock: Any
) -> None:
    with web.app_context():
        known.anonymise(org)
    assert "Zul Conceição" in visit(Papel.TESOURARIA).get(f"/recibos/{known.recibo_id}")
    assert "Retirar os nomes" not in visit().get("/privacidade/guarda")
    clock.advance(days=6 * 366)
    visitor = visit()
    assert "Retirar os nomes" in visitor.get("/privacidade/guarda")
    assert "1 registro sem dados pessoais agora" in visitor.send("/privacidade/guarda/recibos")
    assert "Zul" not in visitor.get(f"/recibos/{known.recibo_id}")
    assert "Nada a retirar." in visitor.send("/privacidade/guarda/recibos")


def test_the_report_counts_those_whom_the_linked_list_shows(web: Flask, visit: Visit, org: Any, clock: Any) -> None:
    with web.app_context():
        left = [org.militante(f"Pessoa Que Saiu {number}") for number in range(3)]
        for militante_id in left:
            org.end(militante_id, clock.today)
        Someone(left[0], 0, 0, 0).anonymise(org)
    clock.advance(days=365 * 5 + 2)
    visitor = visit()
    page = visitor.get("/privacidade/guarda")
    link = re.search(r'<a href="([^"]+)">2 pessoas</a>', page)
    assert link is not None
    listed = visitor.get(link[1].replace("&amp;", "&"))
    assert "Pessoa Que Saiu 1" in listed
    assert "Pessoa anonimizada" not in listed
