"""Somebody who imports a file in the browser."""

import io
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.db import db
from controles.services.background import background_of

Visit = Callable[..., Any]
GOOD = "nome;filiação;cpf\nAna Prado;1/3/85;529.982.247-25\nBia Souza;2021-02-03;\n"


class Importer:
    """Somebody at the pages of the import, who waits until the work in the background is done."""

    def __init__(self, app: Flask, visitor: Any) -> None:
        self.app = app
        self.visitor = visitor
        self.path = ""

    def give(self, content: str | bytes, name: str = "lista.csv", tipo: str = "militantes") -> str:
        """Sends a file; the batch's page once it is checked, or the form again."""
        raw = content if isinstance(content, bytes) else content.encode()
        answer = self.visitor.submit("/importar", tipo=tipo, arquivo=(io.BytesIO(raw), name))
        assert answer.status_code == 303, answer.text
        self.path = answer.location
        return self.page()

    def act(self, etapa: str, **data: Any) -> str:
        answer = self.visitor.submit(self.path, etapa=etapa, **data)
        assert answer.status_code == 303, answer.text
        if "?f=" in answer.location:
            return str(self.visitor.get(answer.location))
        return self.page()

    def page(self, query: str = "") -> str:
        assert background_of(self.app).join(60)
        return str(self.visitor.get(self.path + query))

    def rows(self, *what: Any) -> list[Any]:
        with self.app.app_context():
            return [tuple(row) for row in db.session.execute(sa.select(*what))]


@pytest.fixture
def importer(any_web: Flask, visit_any: Visit) -> Importer:
    return Importer(any_web, visit_any())


@pytest.fixture
def quick(web: Flask, visit: Visit) -> Importer:
    """On SQLite only: for what the database has no part in."""
    return Importer(web, visit())
