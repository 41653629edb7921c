"""An organisation that issues receipts, and what a PDF says."""

import io
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from pypdf import PdfReader

from controles.db import db
from controles.domain.escopo import Escopo
from controles.organizacao.models import Organizacao
from controles.recibos.models import Recibo
from controles.recibos.queries import get_recibo
from controles.recibos.records import DetalheRecibo
from controles.recibos.services import issue_recibos
from controles.services.transaction import transaction

WHOLE = Escopo()
Issue = Callable[..., list[DetalheRecibo]]


def text_of(pdf: bytes) -> str:
    """All that stands on the pages, the spaces of its layout made one."""
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


def pages_of(pdf: bytes) -> int:
    return len(PdfReader(io.BytesIO(pdf)).pages)


def name_organisation(nome: str = "Associação do Bairro") -> None:
    with transaction() as session:
        row = session.get(Organizacao, 1)
        if row is None:
            row = Organizacao(id=1, nome=nome, cnpj="11222333000181", municipio="São Paulo", uf="SP")
            session.add(row)
        row.nome = nome


def numbers() -> list[tuple[int, int]]:
    db.session.rollback()
    return [(row[0], row[1]) for row in db.session.execute(sa.select(Recibo.ano, Recibo.numero).order_by(Recibo.id))]


@pytest.fixture
def issue(app: Flask, org: Any) -> Issue:
    def do(*pagamento_ids: int, escopo: Escopo = WHOLE) -> list[DetalheRecibo]:
        issued = issue_recibos(escopo, pagamento_ids, autor_id=None, agora=org.clock.now)
        found = [get_recibo(escopo, recibo_id) for recibo_id in issued.ids]
        return [recibo for recibo in found if recibo is not None]

    return do
