from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from controles.db import db
from controles.militantes.models import Militante

from .conftest import Importer

Visit = Callable[..., Any]


def test_undoing_puts_back_what_was_changed_and_leaves_who_was_used_since(importer: Importer, org: Any) -> None:
    with importer.app.app_context():
        ana = org.militante("Ana Prado", matricula="7", email="a@x.org", cpf="529.982.247-25")
    header = "matrícula;nome;filiação;e-mail;cpf\n"
    importer.give(header + "7;Ana Prado;15/01/2020;nova@x.org;\n;Bia Souza;1/2/2021;;\n;Caio Lima;1/2/2021;;\n")
    assert "nova@x.org" in importer.page("?ver=alteracoes")
    importer.act("gravar")
    assert importer.rows(Militante.email, Militante.versao)[0] == ("nova@x.org", 2)
    with importer.app.app_context():
        bia = db.session.scalars(sa.select(Militante.id).where(Militante.nome == "Bia Souza")).one()
        org.pay(bia, 1000)
    page = importer.act("desfazer", motivo="engano")
    assert "1 linha ficou como está" in page
    assert "Bia Souza já tem pagamentos" in page
    left = dict(importer.rows(Militante.nome, Militante.email))
    assert left == {"Ana Prado": "a@x.org", "Bia Souza": None}
    with importer.app.app_context():
        assert db.session.get_one(Militante, ana).cpf_hmac is not None
