"""The balancete on screen, on paper and as a file: the same sums, each leading to its list."""

from collections.abc import Callable
from typing import Any

from flask import Flask

from controles.contas.models import Papel

CONTA = {
    "nome": "Caixa",
    "tipo": "caixa",
    "finalidade": "geral",
    "saldo_inicial": "5,00",
    "inicio": "01/01/2026",
    "ativa": "y",
    "versao": "0",
}
FORM = {"tipo": "despesa", "conta_id": "1", "valor": "7,00", "dia": "02/02/2026", "categoria": "café"}


def test_the_sums_lead_to_their_lists_and_go_out_as_they_are(web: Flask, visit: Callable[..., Any]) -> None:
    treasurer = visit(Papel.TESOURARIA)
    assert "Nenhuma conta começou" in treasurer.get("/fechamento/2026-02")
    treasurer.send("/banco/contas/nova", **CONTA)
    treasurer.send("/caixa/novo", **FORM, chave_idempotencia="k" * 20)
    page = treasurer.get("/fechamento/2026-02")
    assert 'href="/fechamento/2026-02/contas/1"' in page
    assert "-R$ 2,00" in page
    listed = treasurer.get("/fechamento/2026-02/contas/1")
    assert "R$ 5,00 + R$ 0,00 − R$ 7,00" in listed
    assert 'href="/caixa/1"' in listed
    assert "-R$ 2,00" in treasurer.get("/fechamento/2026-02/lista/imprimir")
    written = treasurer.get("/fechamento/2026-02/lista/csv")
    assert "Caixa;Despesas;café;0,00;7,00;" in written
    assert "Todas as contas;Saldo no fim;;0,00;7,00;-2,00" in written
    assert "02/02/2026;Despesas;café" in treasurer.get("/fechamento/2026-02/contas/1/lista/csv")
    treasurer.get("/fechamento/2026-02/contas/99", status=404)
