"""Files that prove a movement: a kind that is told by its content, a size, and given back only to be saved."""

import datetime as dt
import io
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from controles.caixa.queries import get_file, get_lancamento
from controles.caixa.receipt_files import LARGEST, MOST
from controles.caixa.records import Arquivo
from controles.caixa.services import attach_to_lancamento
from controles.contas.models import Papel
from controles.domain.domain_errors import Invalid

from .conftest import Register

PDF = b"%PDF-1.4 nota"


def test_a_file_comes_back_as_it_was_sent(register: Register) -> None:
    found = get_lancamento(register(arquivo=Arquivo("nota fiscal.pdf", PDF)))
    assert found is not None
    (kept,) = found.comprovantes
    assert (kept.nome, kept.tipo, kept.tamanho) == ("nota fiscal.pdf", "application/pdf", len(PDF))
    given = get_file(kept.id)
    assert given is not None
    assert given.conteudo == PDF


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "vazio"),
        (b"<svg onload=alert(1)>", "PDF, uma foto JPEG"),
        (b"MZ program", "PDF, uma foto JPEG"),
        (PDF + b"x" * LARGEST, "mais de 5 MB"),
    ],
)
def test_what_is_no_proof_is_refused_and_no_movement_is_written(register: Register, content: bytes, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        register(arquivo=Arquivo("nota.pdf", content))
    assert get_lancamento(1) is None


def test_a_movement_takes_so_many_files(register: Register, agora: dt.datetime) -> None:
    made = register()
    for _ in range(MOST):
        attach_to_lancamento(made, Arquivo("n.png", b"\x89PNG\r\n\x1a\nx"), autor_id=None, agora=agora)
    with pytest.raises(Invalid, match="junte-os"):
        attach_to_lancamento(made, Arquivo("n.png", b"\x89PNG\r\n\x1a\nx"), autor_id=None, agora=agora)


CONTA = {
    "nome": "Caixa",
    "tipo": "caixa",
    "finalidade": "geral",
    "saldo_inicial": "5,00",
    "inicio": "01/01/2026",
    "ativa": "y",
    "versao": "0",
}
FORM = {"tipo": "despesa", "conta_id": "1", "valor": "7,00", "dia": "02/03/2026", "categoria": "café"}


@pytest.fixture
def treasurer(web: Flask, visit: Callable[..., Any]) -> Any:
    visitor = visit(Papel.TESOURARIA)
    assert "Nenhuma conta ainda" in visitor.get("/caixa")
    assert "Cadastrar a conta" in visitor.open("/caixa/novo")
    visitor.send("/banco/contas/nova", **CONTA)
    return visitor


def test_an_expense_is_registered_with_its_file_seen_and_reversed(treasurer: Any) -> None:
    assert "Registre a primeira despesa" in treasurer.get("/caixa")
    file = (io.BytesIO(PDF), "nota <b>.pdf")
    page = treasurer.send("/caixa/novo", **FORM, arquivo=file, chave_idempotencia="k" * 20)
    assert "Movimento nº 1 registrado" in page
    assert "nota &lt;b&gt;.pdf" in page
    answer = treasurer.client.get("/caixa/comprovantes/1")
    assert answer.data == PDF
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "já foi salvo" in treasurer.open(f"/caixa/novo?f={'k' * 20}")
    assert "-R$ 2,00" in treasurer.get("/banco")
    assert "Escreva o motivo" in treasurer.send("/caixa/1/estornar", motivo="", dia="02/03/2026")
    assert "Movimento estornado" in treasurer.send("/caixa/1/estornar", motivo="errado", dia="03/03/2026")
    assert "já foi estornado" in treasurer.open("/caixa/1/estornar")
    assert "R$ 5,00" in treasurer.get("/banco")


def test_what_was_typed_is_kept_with_what_is_wrong(treasurer: Any) -> None:
    file = (io.BytesIO(b"GIF89a"), "foto.gif")
    page = treasurer.send("/caixa/novo", **FORM, descricao="na assembleia", arquivo=file, chave_idempotencia="k" * 20)
    assert "precisa ser um PDF" in page
    assert "Escolha o comprovante de novo" in page
    assert 'value="na assembleia"' in page
