"""The screens of accounts and statements, from an empty organisation to nothing left to match."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from controles.contas.models import Papel

Visit = Callable[..., Any]
FILES = Path(__file__).parent / "statements"
CONTA = {
    "nome": "Banco do Povo",
    "tipo": "corrente",
    "finalidade": "geral",
    "banco": "001",
    "agencia": "1234",
    "numero": "12345-6",
    "saldo_inicial": "-100,00",
    "inicio": "01/01/2026",
    "ativa": "y",
    "versao": "0",
}


def upload(visitor: Any, name: str, **data: str) -> str:
    file = (io.BytesIO((FILES / name).read_bytes()), name)
    page: str = visitor.send("/banco/importar", arquivo=file, **data)
    return page


@pytest.fixture
def treasurer(visit: Visit) -> Any:
    return visit(Papel.TESOURARIA)


def test_an_empty_organisation_is_led_to_its_first_account(treasurer: Any) -> None:
    assert "Cadastrar a primeira" in treasurer.get("/banco")
    assert "Cadastrar a conta" in treasurer.get("/banco/importar")
    page = treasurer.send("/banco/contas/nova", **CONTA)
    assert "-R$ 100,00" in page
    assert "Importar extrato" in page
    assert "Nenhum lançamento ainda" in treasurer.get("/banco/contas/1?ver=todas")


def test_what_was_typed_is_kept_with_what_is_wrong(treasurer: Any) -> None:
    page = treasurer.send("/banco/contas/nova", **{**CONTA, "saldo_inicial": "muito", "nome": "Minha conta"})
    assert "não é um valor em reais" in page
    assert 'value="Minha conta"' in page
    treasurer.send("/banco/contas/nova", **CONTA)
    assert "Já há uma conta com este nome" in treasurer.send("/banco/contas/nova", **CONTA)


def test_a_statement_is_imported_once_and_matched_line_by_line(web: Flask, org: Any, treasurer: Any) -> None:
    with web.app_context():
        ana = org.militante("José Antônio Prado", cpf="529.982.247-25")
        bia = org.militante("Conceição Lima")
        org.militante("Rui", matricula="000900")
    treasurer.send("/banco/contas/nova", **CONTA)
    assert "77777, que não está cadastrada" in upload(treasurer, "two_accounts_cp1252.ofx")
    treasurer.send("/banco/contas/nova", **{**CONTA, "nome": "Outra", "numero": "77777", "agencia": ""})
    page = upload(treasurer, "two_accounts_cp1252.ofx")
    assert "Banco do Povo: 6 lançamentos novos" in page
    assert "6 já estavam aqui" in upload(treasurer, "two_accounts_cp1252.ofx")
    listed = treasurer.get("/banco/contas/1")
    assert "José Antônio Prado" in listed
    assert "o CPF do lançamento" in listed
    assert "o nome do lançamento" in listed
    assert "529.982" not in listed
    assert "pagamento nº 1 registrado" in treasurer.send("/banco/lancamentos/1", etapa="pessoa", militante_id=str(ana))
    assert "Outra pessoa já conciliou" in treasurer.send("/banco/lancamentos/1", etapa="pessoa", militante_id=str(bia))
    assert "Conciliado" not in treasurer.get("/banco/lancamentos/1")
    assert "José Antônio Prado" in treasurer.get("/banco/lancamentos/1")
    assert "em aberto" in treasurer.send("/banco/lancamentos/1", etapa="desfazer")
    marked = {"etapa": "marcar", "destino": "despesa", "categoria": "aluguel"}
    assert "5 lançamentos a conciliar" in treasurer.send("/banco/lancamentos/6", **marked)
    assert "aluguel" in treasurer.get("/banco/lancamentos/6")


def test_a_line_is_divided_by_matricula_and_what_is_wrong_is_said(web: Flask, org: Any, treasurer: Any) -> None:
    with web.app_context():
        org.militante("Rui", matricula="000900")
        org.militante("Eva", matricula="000901")
    treasurer.send("/banco/contas/nova", **CONTA)
    assert "escolha a conta" in upload(treasurer, "signed.csv")
    upload(treasurer, "signed.csv", conta_id="1")
    parts = {"etapa": "dividir", "matricula_1": "900", "valor_1": "12,00", "matricula_2": "000901", "valor_2": "9,00"}
    page = treasurer.send("/banco/lancamentos/1", **parts)
    assert "As partes somam R$ 21,00" in page
    assert 'value="12,00"' in page
    assert "Ninguém tem a matrícula 77" in treasurer.send("/banco/lancamentos/1", **{**parts, "matricula_2": "77"})
    assert "precisa da matrícula e do valor" in treasurer.send("/banco/lancamentos/1", **{**parts, "valor_2": ""})
    page = treasurer.send("/banco/lancamentos/1", **{**parts, "valor_2": "8,00"})
    assert "2 pagamentos registrados" in page
    assert "somam" not in page


def test_whoever_is_not_on_the_line_is_looked_for(web: Flask, org: Any, treasurer: Any) -> None:
    with web.app_context():
        org.militante("Eva Rocha")
    treasurer.send("/banco/contas/nova", **CONTA)
    upload(treasurer, "signed.csv", conta_id="1")
    assert "Eva Rocha" in treasurer.search("/banco/lancamentos/1", busca="eva")
    assert "Ninguém com “xyz”" in treasurer.search("/banco/lancamentos/1", busca="xyz")
    assert "2 lançamentos a conciliar" in treasurer.get("/banco/contas/1")


def test_a_nucleos_treasurer_and_a_reader_see_no_account(web: Flask, org: Any, visit: Visit) -> None:
    with web.app_context():
        nucleo = org.nucleo()
    for visitor in (visit(Papel.TESOURARIA, nucleo), visit(Papel.LEITURA), visit(Papel.SECRETARIA)):
        visitor.get("/banco", status=403)
        assert 'href="/banco"' not in visitor.get("/")
    assert 'href="/banco"' in visit(Papel.TESOURARIA).get("/")
