"""A bank account, a caixa, and movements that are entered by hand."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.banco.models import Formato, LinhaExtrato, TipoConta
from controles.banco.queries import list_contas
from controles.banco.records import ExtratoLido, LinhaLida
from controles.banco.services import import_statement
from controles.caixa.models import TipoLancamento
from controles.caixa.records import Arquivo, NovoLancamento
from controles.caixa.services import register_lancamento
from controles.db import db

Register = Callable[..., int]


@pytest.fixture
def banco(app: Flask, org: Any) -> int:
    conta_id: int = org.conta(saldo_inicial=10000)
    return conta_id


@pytest.fixture
def caixa(banco: int, org: Any) -> int:
    conta_id: int = org.conta("Caixa", tipo=TipoConta.CAIXA, saldo_inicial=500)
    return conta_id


@pytest.fixture
def register(caixa: int, agora: dt.datetime, hoje: dt.date) -> Register:
    def do(tipo: TipoLancamento = TipoLancamento.DESPESA, arquivo: Arquivo | None = None, **changed: Any) -> int:
        values: dict[str, Any] = {"conta_id": caixa, "data": dt.date(2026, 3, 2), "valor": 700, "categoria": "café"}
        novo = NovoLancamento(tipo=tipo, **{**values, **changed})
        return register_lancamento(novo, arquivo, autor_id=None, agora=agora, hoje=hoje)

    return do


def saldos() -> dict[str, int]:
    return {conta.nome: conta.saldo for conta in list_contas()}


def take(conta_id: int, agora: dt.datetime, *lines: tuple[dt.date, int]) -> list[int]:
    read = tuple(LinhaLida(day, valor, "MOVIMENTO") for day, valor in lines)
    extrato = ExtratoLido(Formato.CSV, None, None, read)
    import_statement((extrato,), conta_id=conta_id, arquivo="x.csv", autor_id=None, agora=agora)
    return list(db.session.scalars(sa.select(LinhaExtrato.id).order_by(LinhaExtrato.id)))
