"""Whatever is known of a person or a payment finds them, says why, and finds nothing outside of the reader's núcleo."""

import datetime as dt
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from flask import Flask

from controles.busca.queries import MOST_FOUND, search
from controles.busca.records import Achados
from controles.db import db
from controles.domain.escopo import Escopo
from controles.recibos.services import issue_recibos

WHOLE = Escopo()
PIX = "E1234567820260301120000000000001"


@pytest.fixture
def found(app: Flask, org: Any) -> Callable[..., Achados]:
    """Maria in Centro, who paid R$ 20,00 by PIX and has a receipt; José elsewhere."""
    centro, leste = org.nucleo("Centro"), org.nucleo("Leste")
    maria = org.militante(
        "Maria da Silva", nucleo_id=centro, cpf="529.982.247-25", telefone="(11) 98765-4321", email="Maria@Exemplo.org"
    )
    org.militante("José Souza", nucleo_id=leste, telefone="11 3333-4444", email="jose@exemplo.org")
    pagamento_id = org.pay(maria, 2000, e2eid=PIX, data_credito=dt.date(2026, 3, 1))
    issue_recibos(WHOLE, (pagamento_id,), autor_id=None, agora=org.clock.now)
    scopes = {"whole": WHOLE, "centro": Escopo(centro), "leste": Escopo(leste)}

    def look(termo: str, scope: str = "whole", *, recibos: bool = True) -> Achados:
        return search(scopes[scope], termo, recibos=recibos)

    return look


@pytest.mark.parametrize(
    ("termo", "why"),
    [
        ("11987654321", "telefone (11) 98765-4321"),
        ("+55 11 98765-4321", "telefone (11) 98765-4321"),
        ("8765-4321", "telefone (11) 98765-4321"),
        ("maria@exemplo.org", "e-mail Maria@Exemplo.org"),
        ("MARIA@", "e-mail Maria@Exemplo.org"),
        ("529.982.247-25", "CPF"),
        ("52998224725", "CPF"),
        ("1", "matrícula"),
        ("000001", "matrícula"),
        ("silva", "nome"),
        ("Mária", "nome"),
    ],
)
def test_a_person_is_found_and_it_is_said_why(found: Callable[..., Achados], termo: str, why: str) -> None:
    for scope in ("whole", "centro"):
        assert [(one.nome, one.porque) for one in found(termo, scope).pessoas] == [("Maria da Silva", why)]
    assert found(termo, "leste").pessoas == ()


@pytest.mark.parametrize(
    ("termo", "why"),
    [
        ("1", "pagamento nº 1"),
        ("pagamento nº 1", "pagamento nº 1"),
        ("#1", "pagamento nº 1"),
        (PIX, "código do PIX"),
        ("20", "valor R$ 20,00"),
        ("20,00", "valor R$ 20,00"),
        ("R$ 20,00", "valor R$ 20,00"),
        ("20.00", "valor R$ 20,00"),
    ],
)
def test_a_payment_is_found_and_it_is_said_why(found: Callable[..., Achados], termo: str, why: str) -> None:
    for scope in ("whole", "centro"):
        assert [(one.id, one.porque) for one in found(termo, scope).pagamentos] == [(1, why)]
    assert found(termo, "leste").pagamentos == ()


@pytest.mark.parametrize("termo", ["2026/000001", "2026/1", "1/2026", "recibo 2026/000001"])
def test_a_receipt_is_found_by_whoever_may_see_it(found: Callable[..., Achados], termo: str) -> None:
    assert [one.nome for one in found(termo).recibos] == ["2026/000001"]
    assert found(termo, "leste").recibos == ()
    assert found(termo, recibos=False).recibos == ()


@pytest.mark.parametrize(
    "termo",
    [
        "",
        "  ",
        "@",
        "maria@exemplo.orgx",
        "99999999",
        "21 98765-4321",
        "%",
        "_",
        "9" * 400,
        "\0",
        "R$",
        "-20",
        "0",
        "a" * 500,
    ],
)
def test_what_means_nobody_finds_nothing(found: Callable[..., Achados], termo: str) -> None:
    assert found(termo).total == 0


def test_of_many_payments_of_one_amount_the_newest_are_shown(app: Flask, org: Any) -> None:
    days = [dt.date(2026, 1, 1) + dt.timedelta(days=number) for number in range(MOST_FOUND + 2)]
    for day in days:
        org.pay(None, 3333, data_credito=day)
    found = search(WHOLE, "33,33", recibos=True)
    assert [one.data_credito for one in found.pagamentos] == days[:1:-1]
    assert found.mais_pagamentos
    assert found.valor == 3333


@pytest.mark.parametrize("termo", ["11987654321", "maria@exemplo.org", "20,00", PIX, "2026/000001", "52998224725"])
def test_no_table_is_read_whole_for_what_is_not_a_name(
    sqlite_app: Flask, termo: str, statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    with statements() as said:
        search(WHOLE, termo, recibos=True)
    reads = [statement for statement in said if statement.lstrip().startswith("SELECT")]
    assert 1 <= len(reads) <= 6
    with db.engine.connect() as connection:
        for statement in reads:
            values = (0,) * statement.count("?")
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
            assert not [
                step for *_, step in plan if step.startswith(("SCAN militante", "SCAN pagamento", "SCAN recibo"))
            ]
