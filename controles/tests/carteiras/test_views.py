"""The screens of cards: from the ficha, of a núcleo, and what a stranger's telephone shows."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from flask import Flask

from controles.carteiras.models import Carteira
from controles.contas.models import Papel
from controles.db import db

Visit = Callable[..., Any]


def test_a_card_is_issued_shown_to_a_stranger_and_revoked(web: Flask, visit: Visit, org: Any) -> None:
    with web.app_context():
        maria = org.militante("Maria da Silva")
    visitor = visit(Papel.SECRETARIA)
    assert f"/carteirinhas/de/{maria}" in visitor.get(f"/militantes/{maria}")
    assert "Emita a carteirinha primeiro" in visitor.open(f"/carteirinhas/de/{maria}/pdf")
    assert "Carteirinha emitida" in visitor.send(f"/carteirinhas/de/{maria}/emitir")
    assert visitor.client.get(f"/carteirinhas/de/{maria}/pdf").mimetype == "application/pdf"
    with web.app_context():
        codigo = db.session.get_one(Carteira, 1).codigo
    stranger = web.test_client()
    page = stranger.get(f"/carteirinhas/conferir/{codigo}").text
    assert "membro ativo" in page
    assert "Maria" not in page
    assert "não vale mais" in visitor.send(f"/carteirinhas/de/{maria}/revogar", motivo="perdida")
    assert "não vale" in stranger.get(f"/carteirinhas/conferir/{codigo}").text
    assert "Nenhuma carteirinha" in stranger.get("/carteirinhas/conferir/outra").text


def test_the_sheets_of_a_nucleo_are_one_file(web: Flask, visit: Visit, org: Any) -> None:
    with web.app_context():
        near = org.nucleo("Perto")
        for number in range(3):
            org.militante(f"Pessoa {number}", nucleo_id=near)
    visitor = visit(Papel.SECRETARIA)
    assert "3 pessoas ativas" in visitor.get(f"/carteirinhas?nucleo_id={near}")
    answer = visitor.submit("/carteirinhas", nucleo_id=near)
    assert answer.mimetype == "application/pdf"
    with web.app_context():
        assert db.session.scalars(sa.select(sa.func.count()).select_from(Carteira)).one() == 3
