"""A bank account, a caixa, and movements that are entered by hand."""

import dataclasses
import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from controles.banco.models import Finalidade, TipoConta
from controles.banco.records import DadosConta
from controles.banco.services import save_conta
from controles.caixa.models import TipoLancamento
from controles.caixa.records import Arquivo, NovoLancamento
from controles.caixa.services import register_lancamento

Register = Callable[..., int]
BANCO = DadosConta(
    nome="Banco",
    tipo=TipoConta.CORRENTE,
    finalidade=Finalidade.GERAL,
    banco=None,
    agencia=None,
    numero=None,
    saldo_inicial=10000,
    inicio=dt.date(2026, 1, 1),
)


@pytest.fixture
def banco(app: Flask, agora: dt.datetime, hoje: dt.date) -> int:
    return save_conta(None, BANCO, autor_id=None, agora=agora, hoje=hoje)


@pytest.fixture
def caixa(banco: int, agora: dt.datetime, hoje: dt.date) -> int:
    dados = dataclasses.replace(BANCO, nome="Caixa", tipo=TipoConta.CAIXA, saldo_inicial=500)
    return save_conta(None, dados, autor_id=None, agora=agora, hoje=hoje)


@pytest.fixture
def register(caixa: int, agora: dt.datetime, hoje: dt.date) -> Register:
    def do(tipo: TipoLancamento = TipoLancamento.DESPESA, arquivo: Arquivo | None = None, **changed: Any) -> int:
        values: dict[str, Any] = {"conta_id": caixa, "data": dt.date(2026, 3, 2), "valor": 700, "categoria": "café"}
        novo = NovoLancamento(tipo=tipo, **{**values, **changed})
        return register_lancamento(novo, arquivo, autor_id=None, agora=agora, hoje=hoje)

    return do
