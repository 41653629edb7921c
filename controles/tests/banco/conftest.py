"""An account, and statements made in the test."""

import datetime as dt
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.banco.models import Finalidade, Formato, LinhaExtrato, TipoConta
from controles.banco.records import DadosConta, ExtratoLido, Importado, LinhaLida
from controles.banco.services import import_statement, save_conta
from controles.db import db

NewLines = Callable[..., list[int]]


def dados(nome: str = "Banco do Povo", **changed: object) -> DadosConta:
    values: dict[str, object] = {
        "nome": nome,
        "tipo": TipoConta.CORRENTE,
        "finalidade": Finalidade.GERAL,
        "banco": "001",
        "agencia": "1234",
        "numero": "12345-6",
        "saldo_inicial": 10000,
        "inicio": dt.date(2026, 1, 1),
    } | changed
    return DadosConta(**values)  # type: ignore[arg-type]


@pytest.fixture
def conta(app: Flask, agora: dt.datetime, hoje: dt.date) -> int:
    return save_conta(None, dados(), autor_id=None, agora=agora, hoje=hoje)


@pytest.fixture
def statement(conta: int, agora: dt.datetime) -> Callable[..., Importado]:
    """Imports lines, each (amount, description) or (amount, description, day), into the account."""

    def take(*lines: tuple[object, ...], formato: Formato = Formato.OFX) -> Importado:
        read = tuple(
            LinhaLida(line[2] if len(line) > 2 else dt.date(2026, 3, 2), line[0], line[1], "same")  # type: ignore[arg-type]
            for line in lines
        )
        number = "12345-6" if formato is Formato.OFX else None
        (done,) = import_statement(
            (ExtratoLido(formato, "1", number, read),),
            conta_id=conta if number is None else None,
            arquivo="extrato.ofx",
            autor_id=None,
            agora=agora,
        )
        return done

    return take


@pytest.fixture
def new_lines(statement: Callable[..., Importado], conta: int) -> NewLines:
    """The same; the ids of the account's lines come back, oldest first."""

    def take(*lines: tuple[object, ...]) -> list[int]:
        statement(*lines)
        return list(
            db.session.scalars(
                sa.select(LinhaExtrato.id).where(LinhaExtrato.conta_id == conta).order_by(LinhaExtrato.id)
            )
        )

    return take
