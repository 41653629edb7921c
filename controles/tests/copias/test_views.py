"""Copies by screen: made and downloaded with a passphrase, restored only into an empty installation."""

import io
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.auditoria.models import Auditoria
from controles.contas.models import Papel, Usuario
from controles.copias.services import check_copia
from controles.db import db

PASSPHRASE = "cavalo correto bateria grampo"
Visit = Callable[..., Any]


def made(visitor: Any) -> bytes:
    answer = visitor.submit("/admin/copia/fazer", senha=PASSPHRASE, de_novo=PASSPHRASE)
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].endswith('.controles"')
    return bytes(answer.data)


def send(visitor: Any, content: bytes, **changed: str) -> Any:
    sent = {"senha": PASSPHRASE, "certeza": "1", **changed}
    return visitor.submit("/admin/copia/restaurar", arquivo=(io.BytesIO(content), "copia.controles"), **sent)


def test_a_copy_is_downloaded_whole_and_audited(web: Flask, visit: Visit, org: Any) -> None:
    with web.app_context():
        org.militante()
    visitor = visit()
    assert "Ainda não foi feita nenhuma" in visitor.get("/admin/copia")
    content = made(visitor)
    with web.app_context():
        assert check_copia(io.BytesIO(content), PASSPHRASE).linhas["militante"] == 1
        assert "copia.fazer" in db.session.scalars(sa.select(Auditoria.acao)).all()
    page = visitor.get("/admin/copia")
    assert "A última foi feita em 17/03/2026" in page
    assert "Esta instalação já tem militantes" in page
    assert "já tem militantes" in visitor.open(send(visitor, content).location)


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({"senha": "", "de_novo": ""}, "Escreva uma frase."),
        ({"senha": "curta", "de_novo": "curta"}, "pelo menos 12 caracteres"),
        ({"senha": PASSPHRASE, "de_novo": PASSPHRASE + "x"}, "são diferentes"),
    ],
)
def test_a_passphrase_that_will_not_do_is_refused_and_not_shown(
    visit: Visit, sent: dict[str, str], sentence: str
) -> None:
    page = visit().send("/admin/copia/fazer", **sent)
    assert sentence in page
    assert PASSPHRASE not in page


def test_an_empty_installation_is_filled_and_everybody_logs_in_again(web: Flask, visit: Visit, clock: Any) -> None:
    visitor = visit()
    content = made(visitor)
    with web.app_context():
        name = "depois-da-copia"
        db.session.add(Usuario(email=f"{name}@exemplo.org", nome=name, papel=Papel.LEITURA, fs_uniquifier=name))
        db.session.commit()
    for sent, changed, sentence in (
        (content[:-1], {}, "cortado"),
        (content, {"senha": "outra frase bem longa"}, "não abre"),
        (b"x", {}, "não é uma cópia"),
        (content, {"certeza": ""}, "Marque para confirmar."),
    ):
        assert sentence in visitor.open(send(visitor, sent, **changed).location)
    nothing = visitor.submit("/admin/copia/restaurar", senha=PASSPHRASE, certeza="1")
    assert "Escolha o arquivo" in visitor.open(nothing.location)
    answer = send(visitor, content)
    assert answer.location.endswith("/entrar")
    assert visitor.client.get("/militantes").status_code == 302
    with web.app_context():
        assert name not in db.session.scalars(sa.select(Usuario.nome)).all()
        assert db.session.scalars(sa.select(Auditoria.acao).order_by(Auditoria.id.desc())).first() == "copia.restaurar"


def test_only_an_administrator_of_the_whole_organisation_sees_the_page(visit: Visit, web: Flask, org: Any) -> None:
    with web.app_context():
        centro = org.nucleo()
    for visitor in (visit(Papel.TESOURARIA), visit(Papel.SECRETARIA), visit(Papel.ADMIN, centro)):
        visitor.get("/admin/copia", status=403)
