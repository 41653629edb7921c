"""The sum of an account: each kind by its sign, and a transfer on both of its sides."""

import datetime as dt

import pytest

from controles.auditoria import audit
from controles.banco import matching
from controles.banco.models import Destino
from controles.caixa.models import TipoLancamento
from controles.db import db
from controles.domain.domain_errors import Invalid

from .conftest import Register, saldos, take


def test_each_kind_moves_its_account_by_its_sign(register: Register, banco: int) -> None:
    register()
    register(TipoLancamento.RECEITA, valor=1000)
    register(TipoLancamento.REPASSE_ENVIADO, valor=200)
    register(TipoLancamento.REPASSE_RECEBIDO, valor=300)
    assert saldos() == {"Banco": 10000, "Caixa": 500 - 700 + 1000 - 200 + 300}
    register(TipoLancamento.TRANSFERENCIA, outra_conta_id=banco, valor=100)
    assert saldos() == {"Banco": 10100, "Caixa": 800}
    assert audit.verify_chain(db.session).ok


def test_money_fetched_from_the_bank_reaches_the_caixa_and_undoing_takes_it_back(
    caixa: int, banco: int, agora: dt.datetime, hoje: dt.date
) -> None:
    (linha,) = take(banco, agora, (dt.date(2026, 3, 1), -3000))
    for _ in range(2):
        matching.mark(linha, Destino.TRANSFERENCIA, "saque", outra_conta_id=caixa, autor_id=None, agora=agora)
        assert saldos() == {"Banco": 7000, "Caixa": 3500}
        matching.undo(linha, autor_id=None, agora=agora, hoje=hoje)
        assert saldos() == {"Banco": 7000, "Caixa": 500}
    with pytest.raises(Invalid, match="Só uma transferência"):
        matching.mark(linha, Destino.OUTRO, "x", outra_conta_id=caixa, autor_id=None, agora=agora)
