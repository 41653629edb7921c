"""One núcleo does not learn who is a member in another: refusals without a reason, on record, and few."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from controles.auditoria.models import Auditoria
from controles.auditoria.withheld import MOST_IN_A_DAY, SENTENCE, TABLE
from controles.contas.models import Papel
from controles.db import db

Visit = Callable[..., Any]
THEIRS, NOBODYS = "529.982.247-25", "111.444.777-35"
PIX_ID, OTHER_PIX = "E1234567820260301120000000000001", "E1234567820260301120000000000002"
FORM = {
    "nome": "Quem Pergunta",
    "data_filiacao": "2026-03-01",
    "dia_vencimento": "10",
    "valor_cota": "20,00",
}


@pytest.fixture
def world(any_web: Flask, org: Any) -> dict[str, int]:
    with any_web.app_context():
        perto, longe = org.nucleo("Perto"), org.nucleo("Longe")
        theirs = org.militante("Zulmira Prado", nucleo_id=longe, cpf=THEIRS, matricula="L-7")
        ours = org.militante("Amália Prado", nucleo_id=perto, matricula="P-1")
        paid = org.pay(theirs, 2000, e2eid=PIX_ID)
        return {"perto": perto, "longe": longe, "theirs": theirs, "ours": ours, "paid": paid}


def withheld(app: Flask) -> list[tuple[str, dict[str, Any]]]:
    with app.app_context():
        rows = db.session.execute(select(Auditoria.acao, Auditoria.depois).where(Auditoria.tabela == TABLE))
        return [(acao, depois or {}) for acao, depois in rows]


def shown(page: str) -> str:
    """What stands in the red box."""
    return " ".join(re.findall(r"<li>(.*?)</li>", page.partition('id="erros"')[2].partition("</ul>")[0]))


@pytest.mark.parametrize("clash", [{"cpf": THEIRS}, {"matricula": "L-7"}])
def test_a_number_that_stands_elsewhere_is_refused_without_a_reason(
    any_web: Flask, visit_any: Visit, world: dict[str, int], clash: dict[str, str]
) -> None:
    secretary = visit_any(Papel.SECRETARIA, world["perto"])
    page = secretary.search("/militantes/novo", **FORM, nucleo_id=world["perto"], **clash)
    assert shown(page) == SENTENCE
    assert "Zulmira" not in page
    assert "outro militante" not in page
    ((acao, about),) = withheld(any_web)
    assert (acao, about["militante_id"], about["nome"]) == ("militante.conferir", world["theirs"], "Quem Pergunta")
    assert THEIRS not in str(about)


def test_editing_is_no_way_around(any_web: Flask, visit_any: Visit, world: dict[str, int]) -> None:
    secretary = visit_any(Papel.SECRETARIA, world["perto"])
    path = f"/militantes/{world['ours']}/editar"
    form = {**FORM, "nucleo_id": world["perto"], "versao": "1", "matricula": "P-1"}
    assert shown(secretary.search(path, **form, cpf=THEIRS)) == SENTENCE
    assert len(withheld(any_web)) == 1


def test_a_number_of_ones_own_nucleo_is_named(any_web: Flask, visit_any: Visit, world: dict[str, int]) -> None:
    secretary = visit_any(Papel.SECRETARIA, world["longe"])
    page = secretary.search("/militantes/novo", **FORM, nucleo_id=world["longe"], cpf=THEIRS)
    assert "Este CPF já é de outro militante" in page
    national = visit_any(Papel.SECRETARIA)
    assert "Este CPF já é de outro militante" in national.search("/militantes/novo", **FORM, cpf=THEIRS)
    assert withheld(any_web) == []


def test_past_a_few_in_a_day_known_and_unknown_get_the_same(
    any_web: Flask, visit_any: Visit, world: dict[str, int], clock: Any
) -> None:
    secretary = visit_any(Papel.SECRETARIA, world["perto"])
    form = {**FORM, "nucleo_id": world["perto"]}
    for _ in range(MOST_IN_A_DAY):
        secretary.submit("/militantes/novo", **form, cpf=THEIRS)
    answers = [secretary.search("/militantes/novo", **form, cpf=number) for number in (THEIRS, NOBODYS)]
    assert [shown(page) for page in answers] == [SENTENCE, SENTENCE]
    assert len(withheld(any_web)) == MOST_IN_A_DAY + 2
    # What asks for no number goes on, another secretary too, and the next day it is over.
    assert "Quem Pergunta" in secretary.client.get(secretary.submit("/militantes/novo", **form).location).text
    colleague = visit_any(Papel.SECRETARIA, world["perto"])
    assert SENTENCE not in colleague.search("/militantes/novo", **form, cpf=NOBODYS)


def test_a_pix_of_another_nucleo_is_refused_without_a_reason(
    any_web: Flask, visit_any: Visit, world: dict[str, int]
) -> None:
    treasurer = visit_any(Papel.TESOURARIA, world["perto"])
    form = {"valor": "20,00", "data_credito": "2026-03-17", "metodo": "pix", "militante_id": world["ours"]}
    page = treasurer.search("/pagamentos/novo", **form, e2eid=PIX_ID, etapa="conferir", chave_idempotencia="um")
    assert f"nº {world['paid']}" not in page
    page = treasurer.search("/pagamentos/novo", **form, e2eid=PIX_ID, etapa="salvar", chave_idempotencia="um")
    assert SENTENCE in page
    assert f"nº {world['paid']}" not in page
    ((acao, about),) = withheld(any_web)
    assert (acao, about["pagamento_id"], about["militante_id"]) == (
        "pagamento.conferir",
        world["paid"],
        world["ours"],
    )
    page = treasurer.search("/pagamentos/novo", **form, e2eid=OTHER_PIX, etapa="salvar", chave_idempotencia="dois")
    assert SENTENCE not in page


def test_the_national_office_sees_what_was_asked_for_and_no_nucleo_does(
    any_web: Flask, visit_any: Visit, world: dict[str, int]
) -> None:
    secretary = visit_any(Papel.SECRETARIA, world["perto"])
    secretary.submit("/militantes/novo", **FORM, nucleo_id=world["perto"], cpf=THEIRS)
    national = visit_any(Papel.SECRETARIA)
    page = national.get("/militantes/pedidos")
    assert "Quem Pergunta" in page
    assert f'href="/militantes/{world["theirs"]}"' in page
    assert "/militantes/pedidos" in national.get("/militantes")
    secretary.get("/militantes/pedidos", status=404)
    assert "/militantes/pedidos" not in secretary.get("/militantes")


def test_the_national_office_gives_the_person_to_the_nucleo_that_asked(
    any_web: Flask, visit_any: Visit, world: dict[str, int]
) -> None:
    secretary = visit_any(Papel.SECRETARIA, world["perto"])
    secretary.submit("/militantes/novo", **FORM, nucleo_id=world["perto"], cpf=THEIRS)
    national = visit_any(Papel.SECRETARIA)
    path = re.findall(r'action="(/militantes/pedidos/\d+)"', national.get("/militantes/pedidos"))[0]
    assert visit_any(Papel.TESOURARIA).submit(path, decisao="mover").status_code == 403
    assert secretary.submit(path, decisao="mover").status_code == 404
    assert national.submit(path, decisao="outra").status_code == 400
    secretary.get(f"/militantes/{world['theirs']}", status=404)

    assert "A ficha passou" in national.send(path, decisao="mover")
    assert "Zulmira" in secretary.get(f"/militantes/{world['theirs']}")
    assert "Ficha passada ao núcleo" in national.get("/militantes/pedidos")
    for again in ("mover", "recusar"):
        assert "já foi decidido" in national.send(path, decisao=again)
    with any_web.app_context():
        done = db.session.scalars(select(Auditoria.acao).order_by(Auditoria.id.desc()).limit(2)).all()
    assert done == ["pedido.mover", "militante.alterar"]


@pytest.mark.parametrize("clash", [{"cpf": THEIRS}, {"matricula": "L-7"}])
def test_a_refused_request_changes_nobody(
    any_web: Flask, visit_any: Visit, world: dict[str, int], clash: dict[str, str]
) -> None:
    secretary = visit_any(Papel.SECRETARIA, world["perto"])
    secretary.submit("/militantes/novo", **FORM, nucleo_id=world["perto"], **clash)
    national = visit_any(Papel.SECRETARIA)
    page = national.get("/militantes/pedidos")
    path = re.findall(r'action="(/militantes/pedidos/\d+)"', page)[0]
    assert ('value="mover"' in page) == ("cpf" in clash)
    if "matricula" in clash:
        assert "Só um pedido com o CPF" in national.send(path, decisao="mover")
    assert "nada mudou" in national.send(path, decisao="recusar")
    secretary.get(f"/militantes/{world['theirs']}", status=404)
    assert "já foi decidido" in national.send(path, decisao="mover")
    assert national.submit("/militantes/pedidos/999999", decisao="recusar").status_code == 404


def test_refusals_past_the_limit_do_the_same_work_for_known_and_unknown_numbers(
    any_web: Flask,
    visit_any: Visit,
    world: dict[str, int],
    statements: Callable[[], AbstractContextManager[list[str]]],
) -> None:
    secretary = visit_any(Papel.SECRETARIA, world["perto"])
    form = {**FORM, "nucleo_id": world["perto"]}

    def work(**clash: str) -> list[str]:
        with any_web.app_context(), statements() as sent:
            answer = secretary.submit("/militantes/novo", **form, **clash)
        assert answer.status_code == 303
        return [re.sub(r"\s+", " ", one) for one in sent]

    by_cpf, by_matricula = work(cpf=THEIRS), work(matricula="L-7")
    # What is written where a number of either kind stands elsewhere does not tell which.
    assert [one for one in by_cpf if one.startswith(("INSERT", "UPDATE"))] == [
        one for one in by_matricula if one.startswith(("INSERT", "UPDATE"))
    ]
    for _ in range(MOST_IN_A_DAY):
        work(cpf=THEIRS)
    known, unknown = work(cpf=THEIRS), work(cpf=NOBODYS)
    assert known == unknown
    assert len(known) > 3
    assert work(matricula="L-7") == work(matricula="nova")


def test_without_requests_the_page_says_so(visit_any: Visit) -> None:
    assert "Nenhum pedido" in visit_any().get("/militantes/pedidos")
