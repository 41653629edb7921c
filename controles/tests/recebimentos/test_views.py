"""The screens of payroll lists and return files, from the empty list to the line of the statement."""

import datetime as dt
import io
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from controles.contas.models import Papel

from .conftest import file_240, title_240, written

SHEET = "matrícula;nome;valor\n101;Ana Prado;20,00\n;Zulmira Souza;30,00\n".encode("cp1252")


@pytest.fixture
def treasurer(visit: Callable[..., Any], web: Flask, org: Any) -> Any:
    with web.app_context():
        org.militante("Ana Prado", matricula="000101")
        org.militante("Zuleide Souza", matricula="000102")
    return visit(Papel.TESOURARIA)


def upload(visitor: Any, content: bytes, name: str = "folha.csv", **form: str) -> str:
    values = {"tipo": "folha", "empregador": "Prefeitura", "competencia": "03/2026", "dia": "10/03/2026"} | form
    page: str = visitor.send("/recebimentos/nova", arquivo=(io.BytesIO(content), name), **values)
    return page


def test_a_payroll_list_is_checked_accepted_and_undone(treasurer: Any) -> None:
    assert "Enviar o primeiro arquivo" in treasurer.get("/recebimentos")
    page = upload(treasurer, SHEET)
    assert "1 linha não tem pessoa" in page
    assert "Zulmira Souza" in page
    assert "Não há militante" in page
    assert "Registrar 2 pagamentos, R$ 50,00" in page
    here = "/recebimentos/1"
    assert "ninguém tem a matrícula 999" in treasurer.send(here, etapa="linha", linha="3", matricula="999")
    page = treasurer.send(here, etapa="linha", linha="3", matricula="102")
    assert "não tem pessoa" not in page
    page = treasurer.send(here, etapa="aceitar")
    assert "2 pagamentos registrados" in page
    assert "Pagamento nº 1" in page
    assert "Aceita" in treasurer.get("/recebimentos")
    assert "Informe por que" in treasurer.send(here, etapa="desfazer", motivo="")
    assert "2 pagamentos estornados" in treasurer.send(here, etapa="desfazer", motivo="mês errado")
    assert "pode ser enviado de novo" in treasurer.get(here)


@pytest.mark.parametrize(
    ("form", "content", "said"),
    [
        ({"empregador": ""}, SHEET, "de que empregador"),
        ({"competencia": ""}, SHEET, "o mês que a folha paga"),
        ({"dia": "01/01/2030"}, SHEET, "ainda não chegou"),
        ({}, b"valor\n1,00\n", "obrigat"),
        ({}, b"", "vazio"),
        ({"tipo": "retorno"}, SHEET, "240 ou 400"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_do_and_the_form_keeps_what_was_typed(
    treasurer: Any, form: dict[str, str], content: bytes, said: str
) -> None:
    page = upload(treasurer, content, **form)
    assert said in page
    assert 'name="tipo"' in page
    assert "Nenhuma lista ainda" in treasurer.get("/recebimentos")


def test_a_return_file_needs_no_employer_and_can_be_discarded(treasurer: Any) -> None:
    raw = written(file_240(title_240(1, yours="101")))
    page = upload(treasurer, raw, "x.ret", tipo="retorno", empregador="", competencia="", dia="")
    assert "Tudo confere" in page
    assert "Ana Prado" in page
    assert "nada foi registrado" in treasurer.send("/recebimentos/1", etapa="descartar")
    assert treasurer.submit("/recebimentos/1", etapa="outra").status_code == 400
    treasurer.get("/recebimentos/2", status=404)


def test_without_a_file_the_form_asks_for_it(treasurer: Any) -> None:
    assert "Escolha o arquivo" in treasurer.send(
        "/recebimentos/nova", tipo="folha", dia=dt.date(2026, 3, 1).isoformat()
    )
