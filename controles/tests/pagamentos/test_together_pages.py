"""The screen for one movement of money of several people: checked with names, saved once, matched by one click."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.banco.models import Formato, LinhaExtrato
from controles.banco.records import ExtratoLido, LinhaLida
from controles.banco.services import import_statement
from controles.contas.models import Papel
from controles.db import db

DAY = dt.date(2026, 3, 10)


@pytest.fixture
def treasurer(visit: Callable[..., Any]) -> Any:
    return visit(Papel.TESOURARIA)


def test_a_family_is_checked_by_name_saved_once_and_matched_with_one_line(treasurer: Any, web: Flask, org: Any) -> None:
    with web.app_context():
        org.militante("Ana Prado", matricula="000101")
        org.militante("Bia Prado", matricula="000102")
    assert "/pagamentos/varios" in treasurer.get("/pagamentos/novo")
    key = re.search(r'name="chave_idempotencia" type="hidden" value="([^"]+)"', treasurer.open("/pagamentos/varios"))
    assert key is not None
    form = {
        "chave_idempotencia": key[1],
        "data_credito": "10/03/2026",
        "metodo": "pix",
        "matricula_1": "101",
        "valor_1": "20,00",
        "matricula_2": "999",
        "valor_2": "25,00",
        "pagador_nome": "Nair Prado",
        "pagador_cpf": "529.982.247-25",
        "observacao": "",
    }
    refused = treasurer.send("/pagamentos/varios", etapa="conferir", **form)
    assert "Linha 2: ninguém tem a matrícula 999" in refused
    assert 'value="25,00"' in refused
    form["matricula_2"] = "102"
    checked = treasurer.send("/pagamentos/varios", etapa="conferir", **form)
    assert "Bia Prado" in checked
    assert "Salvar R$ 45,00" in checked
    saved = treasurer.send("/pagamentos/varios", etapa="salvar", **form)
    assert "2 pagamentos registrados, no total de R$ 45,00" in saved
    assert "Nair Prado" in saved
    assert "***.982.247-**" in saved
    assert "pago por Nair Prado" in treasurer.get("/pagamentos")
    treasurer.send("/pagamentos/varios", etapa="salvar", **form)
    assert treasurer.get("/pagamentos").count("pago por Nair Prado") == 2
    line = _line(web, org, 4500)
    page = treasurer.get(f"/banco/lancamentos/{line}")
    assert "2 pagamentos registrados juntos" in page
    done = treasurer.send(f"/banco/lancamentos/{line}", etapa="grupo", grupo=key[1])
    assert "conciliado com 2 pagamentos" in done


def _line(web: Flask, org: Any, valor: int) -> int:
    with web.app_context():
        lido = ExtratoLido(Formato.CSV, None, None, (LinhaLida(DAY, valor, "PIX RECEBIDO"),))
        import_statement((lido,), conta_id=org.conta(), arquivo="x.csv", autor_id=None, agora=org.clock.now)
        return db.session.scalars(sa.select(LinhaExtrato.id)).one()


def test_the_payer_of_a_single_payment_is_kept_and_shown(treasurer: Any, web: Flask, org: Any) -> None:
    with web.app_context():
        ana = org.militante("Ana Prado")
    page = treasurer.open(f"/pagamentos/novo?militante_id={ana}")
    key = re.search(r'name="chave_idempotencia" type="hidden" value="([^"]+)"', page)
    assert key is not None
    form = {
        "militante_id": str(ana),
        "chave_idempotencia": key[1],
        "data_credito": "10/03/2026",
        "metodo": "pix",
        "valor": "20,00",
        "pagador_nome": "Nair Prado",
        "pagador_cpf": "529.982.247-24",
    }
    assert "dígitos verificadores" in treasurer.send("/pagamentos/novo", etapa="conferir", **form)
    form["pagador_cpf"] = "529.982.247-25"
    assert 'name="pagador_cpf" value="529.982.247-25"' in treasurer.send("/pagamentos/novo", etapa="conferir", **form)
    assert "Nair Prado" in treasurer.send("/pagamentos/novo", etapa="salvar", **form)
    assert "pago por Nair Prado" in treasurer.get(f"/militantes/{ana}")
