"""The screens of assemblies: issue a roll, print the sheet, cancel."""

from collections.abc import Callable
from typing import Any

from flask import Flask

from controles.contas.models import Papel

Visit = Callable[..., Any]
FORM = {
    "nome": "Assembleia geral",
    "dia": "2026-03-20",
    "regra": "todos",
    "meses_tolerados": "0",
    "carencia_dias": "0",
}


def test_a_roll_is_issued_printed_and_cancelled(web: Flask, visit: Visit, org: Any) -> None:
    with web.app_context():
        leave = org.militante("Bia Licenciada")
        org.militante("Ana Souza", matricula="A7")
        org.on_leave(leave, org.clock.today)
    visitor = visit(Papel.SECRETARIA)
    assert "Nenhuma assembleia ainda" in visitor.get("/assembleias")
    page = visitor.send("/assembleias/nova", **FORM)
    assert "Lista emitida" in page
    assert "1 de 2" in visitor.get("/assembleias")
    sheet = visitor.get("/assembleias/1/presenca/imprimir")
    assert "Ana Souza" in sheet
    assert "Bia Licenciada" not in sheet
    assert "Assinatura" in sheet
    assert "De licença" in visitor.get("/assembleias/1/sem-direito/imprimir")
    assert "A7" in visitor.client.get("/assembleias/1/presenca/csv").text
    assert "continua aqui" in visitor.send("/assembleias/1/cancelar", motivo="data errada")
    assert "data errada" in visitor.get("/assembleias/1")
    assert "CANCELADA" in visitor.get("/assembleias/1/presenca/imprimir")


def test_what_was_typed_stays_when_it_is_refused(web: Flask, visit: Visit, org: Any) -> None:
    page = visit(Papel.SECRETARIA).send("/assembleias/nova", **{**FORM, "nome": "Extraordinária"})
    assert "Ninguém é membro nesta data" in page
    assert "Extraordinária" in page


def test_the_treasury_without_the_permission_issues_none(web: Flask, visit: Visit, org: Any) -> None:
    visit(Papel.TESOURARIA).get("/assembleias", status=403)
