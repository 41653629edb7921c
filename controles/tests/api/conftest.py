"""A token of the API, and a program that sends it."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from controles.api.records import Acesso, NovoToken
from controles.api.tokens import make_token
from controles.contas.models import Papel, Usuario
from controles.db import db


@dataclass(frozen=True)
class Program:
    app: Flask
    usuario_id: int
    token_id: int
    token: str

    def ask(self, path: str, **headers: str) -> TestResponse:
        sent = {"Authorization": f"Bearer {self.token}", **headers}
        return self.app.test_client().get(f"/api/v1{path}", headers=sent)

    def items(self, path: str) -> list[dict[str, Any]]:
        answer = self.ask(path)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.get_json()["itens"]
        return found


@pytest.fixture
def program(web: Flask, clock: Any) -> Callable[..., Program]:
    """Makes a user and a token of theirs."""
    made: list[int] = []

    def make(
        papel: Papel = Papel.TESOURARIA,
        nucleo_id: int | None = None,
        acessos: frozenset[Acesso] = frozenset(Acesso),
        dias: int = 30,
    ) -> Program:
        with web.app_context():
            name = f"programa{len(made)}"
            usuario = Usuario(email=f"{name}@exemplo.org", nome=name, papel=papel, fs_uniquifier=name)
            usuario.nucleo_id = nucleo_id
            db.session.add(usuario)
            db.session.commit()
            made.append(usuario.id)
            novo = NovoToken(nome="planilha", acessos=acessos, dias=dias)
            agora: dt.datetime = clock.now
            token_id, token = make_token(novo, usuario_id=usuario.id, agora=agora)
            return Program(web, usuario.id, token_id, token)

    return make
