"""The screens by which money is given back, from the ficha, from an unidentified payment, and from a statement."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.banco.models import Extrato, LinhaExtrato, TipoConta
from controles.contas.models import Papel
from controles.db import db

from .conftest import take

DAY = dt.date(2026, 3, 10)


@pytest.fixture
def treasurer(visit: Callable[..., Any]) -> Any:
    return visit(Papel.TESOURARIA)


def account(web: Flask, org: Any, nome: str = "Banco", **changed: Any) -> int:
    with web.app_context():
        conta_id: int = org.conta(nome, **changed)
    return conta_id


def form_at(visitor: Any, path: str) -> tuple[str, str]:
    """The form's page and its key."""
    page = visitor.open(path)
    found = re.search(r'name="chave_idempotencia" type="hidden" value="([^"]+)"', page)
    assert found is not None
    return page, found[1]


def test_the_ficha_leads_to_a_refund_of_its_credit(treasurer: Any, web: Flask, org: Any) -> None:
    with web.app_context():
        ana = org.militante("Ana")
        org.pay(ana, 1500, data_credito=DAY)
    path = f"/caixa/devolver/credito/{ana}"
    assert f"/pagamentos/credito/{ana}" in treasurer.get(f"/militantes/{ana}")
    assert path in treasurer.get(f"/pagamentos/credito/{ana}")
    assert "Cadastrar a conta" in treasurer.open(path)
    caixa = account(web, org, "Caixa", tipo=TipoConta.CAIXA)
    page, key = form_at(treasurer, path)
    assert "R$ 15,00" in page
    form = {"chave_idempotencia": key, "conta_id": caixa, "valor": "20,00", "dia": "10/03/2026", "descricao": "a mais"}
    refused = treasurer.send(path, **form)
    assert "não se devolve mais do que isso" in refused
    assert 'value="20,00"' in refused
    done = treasurer.send(path, **{**form, "valor": "15,00"})
    assert "Devolução registrada" in done
    assert ">Ana</a>" in done
    assert "já foi salvo" in treasurer.open(f"{path}?f={key}")
    assert "Não há crédito a devolver" in treasurer.open(path)


def test_an_unidentified_payment_is_given_back_from_its_page(treasurer: Any, web: Flask, org: Any) -> None:
    with web.app_context():
        payment = org.pay(None, 1500, data_credito=DAY)
    caixa = account(web, org, "Caixa", tipo=TipoConta.CAIXA)
    path = f"/caixa/devolver/pagamento/{payment}"
    assert path in treasurer.get(f"/pagamentos/{payment}")
    _, key = form_at(treasurer, path)
    form = {"chave_idempotencia": key, "conta_id": caixa, "valor": "15,00", "dia": "10/03/2026", "descricao": "sem CPF"}
    treasurer.send(path, **form)
    page = treasurer.get(f"/pagamentos/{payment}")
    assert "Devolvido" in page
    assert path not in page
    assert "já foi identificado, estornado ou devolvido" in treasurer.open(path)


def test_a_line_of_money_paid_out_is_marked_as_a_refund(
    treasurer: Any, web: Flask, org: Any, agora: dt.datetime
) -> None:
    banco = account(web, org)
    with web.app_context():
        ana = org.militante("Ana Prado")
        org.pay(ana, 1500, data_credito=DAY)
        (line,) = take(banco, agora, (DAY, -700))
    here = f"/banco/lancamentos/{line}"
    assert "A quem o dinheiro foi devolvido?" in treasurer.get(here)
    assert "Ana Prado" in treasurer.send(here, busca="ana")
    assert "não se devolve" not in treasurer.send(here, etapa="devolver", militante_id=ana)
    assert "Ana Prado" in treasurer.get(here)
    assert "R$ 8,00" in treasurer.get(f"/militantes/{ana}")
    treasurer.send(here, etapa="desfazer")
    assert "não existe" not in treasurer.send(here, etapa="devolver", pagamento_id="9")
    with web.app_context():
        assert db.session.scalars(sa.select(LinhaExtrato.destino).join(Extrato)).one() is None
