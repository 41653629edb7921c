"""Payments pay the oldest cotas, are counted once, and are undone whole."""

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.auditoria import audit
from controles.auditoria.models import Auditoria
from controles.cotas.models import Cota
from controles.cotas.queries import open_cotas
from controles.db import db
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.domain.escopo import Escopo
from controles.militantes.queries import get_militante
from controles.pagamentos.models import Alocacao, Metodo, Pagamento
from controles.pagamentos.queries import get_pagamento
from controles.pagamentos.services import NovoPagamento, register_pagamento, reverse_pagamento

WHOLE = Escopo()
PIX_ID = "E18236120202603171200s0123456789"


def paid(militante_id: int) -> list[int]:
    wanted = sa.select(Cota.pago).where(Cota.militante_id == militante_id).order_by(Cota.competencia)
    return list(db.session.scalars(wanted.execution_options(populate_existing=True)))


def counts() -> tuple[int, int]:
    return (
        db.session.scalars(sa.select(sa.func.count()).select_from(Pagamento)).one(),
        db.session.scalars(sa.select(sa.func.count()).select_from(Auditoria)).one(),
    )


@pytest.fixture
def ana(app: Flask, org: Any) -> int:
    """A militante with three open cotas of R$ 20,00."""
    militante_id: int = org.militante("Ana")
    org.cotas("2026-01", "2026-02", "2026-03")
    return militante_id


def test_a_payment_pays_the_oldest_months_first(ana: int, org: Any) -> None:
    pagamento = get_pagamento(WHOLE, org.pay(ana, 5000))
    assert paid(ana) == [2000, 2000, 1000]
    assert pagamento is not None
    assert [(parte.competencia.month, parte.centavos) for parte in pagamento.partes] == [
        (1, 2000),
        (2, 2000),
        (3, 1000),
    ]
    assert pagamento.credito == 0


def test_what_exceeds_the_open_sum_is_credit(ana: int, org: Any, hoje: dt.date) -> None:
    pagamento = get_pagamento(WHOLE, org.pay(ana, 7500))
    ficha = get_militante(WHOLE, ana, hoje=hoje)
    assert pagamento is not None
    assert ficha is not None
    assert (pagamento.credito, ficha.credito, ficha.em_aberto) == (1500, 1500, 0)


def test_chosen_months_are_paid_and_the_others_left(ana: int, org: Any, hoje: dt.date) -> None:
    january, _, march = open_cotas(WHOLE, ana, hoje=hoje)
    org.pay(ana, 3000, cota_ids=(march.id, january.id))
    assert paid(ana) == [2000, 0, 1000]


def test_with_no_month_chosen_all_is_credit(ana: int, org: Any) -> None:
    org.pay(ana, 3000, cota_ids=())
    assert paid(ana) == [0, 0, 0]


def test_cotas_that_cannot_be_paid_are_refused(ana: int, org: Any, hoje: dt.date) -> None:
    bia = org.militante("Bia")
    org.cotas("2026-01")
    (foreign,) = open_cotas(WHOLE, bia, hoje=hoje)
    january = open_cotas(WHOLE, ana, hoje=hoje)[0]
    before = counts()
    for ids in ((foreign.id,), (january.id, january.id), (0,), (10**30,), (999_999,)):
        with pytest.raises(Invalid) as refused:
            org.pay(ana, 1000, cota_ids=ids)
        assert refused.value.field == "cota_ids"
    with pytest.raises(Invalid):
        org.pay(None, 1000, cota_ids=(january.id,))
    assert counts() == before


def test_a_chosen_month_that_was_paid_meanwhile_is_a_conflict(ana: int, org: Any, hoje: dt.date) -> None:
    january = open_cotas(WHOLE, ana, hoje=hoje)[0]
    org.pay(ana, 2000)
    with pytest.raises(Conflict, match="A cota de 01/2026 não está mais em aberto"):
        org.pay(ana, 2000, cota_ids=(january.id,))


def test_a_waived_month_takes_no_money(ana: int, org: Any, hoje: dt.date) -> None:
    org.waive(open_cotas(WHOLE, ana, hoje=hoje)[0].id)
    org.pay(ana, 4000)
    assert paid(ana) == [0, 2000, 2000]


def test_a_militante_who_left_can_pay_what_is_old(ana: int, org: Any, hoje: dt.date) -> None:
    org.end(ana, hoje)
    org.pay(ana, 6000)
    assert paid(ana) == [2000, 2000, 2000]


def test_money_of_nobody_known_is_kept_without_allocation(app: Flask, org: Any) -> None:
    pagamento = get_pagamento(WHOLE, org.pay(None, 5000))
    assert pagamento is not None
    assert (pagamento.militante, pagamento.partes, pagamento.credito) == (None, (), 5000)


def test_a_form_sent_twice_is_one_payment(ana: int, org: Any) -> None:
    first = org.pay(ana, 2000, chave_idempotencia="form-1")
    before = counts()
    assert org.pay(ana, 2000, chave_idempotencia="form-1") == first
    assert counts() == before
    assert paid(ana) == [2000, 0, 0]


def test_a_form_sent_again_with_other_data_is_not_taken_for_the_same(ana: int, org: Any) -> None:
    org.pay(ana, 2000, chave_idempotencia="form-1")
    for changed in ({"valor": 2100}, {"metodo": Metodo.DINHEIRO}, {"data_credito": dt.date(2026, 3, 1)}):
        values = {"valor": 2000, "chave_idempotencia": "form-1"} | changed
        with pytest.raises(Conflict, match="já registrou o pagamento nº 1, com outros dados"):
            org.pay(ana, **values)


def test_a_pix_is_registered_once(ana: int, org: Any) -> None:
    org.pay(ana, 2000, e2eid=PIX_ID)
    with pytest.raises(Invalid, match="é o pagamento nº 1") as refused:
        org.pay(ana, 2000, e2eid=PIX_ID)
    assert refused.value.field == "e2eid"


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("valor", {"valor": 0}),
        ("valor", {"valor": -1}),
        ("valor", {"valor": 10**14}),
        ("data_credito", {"data_credito": dt.date(2026, 3, 18)}),
        ("data_credito", {"data_credito": dt.date(26, 3, 18)}),
        ("e2eid", {"e2eid": "E123"}),
        ("e2eid", {"e2eid": "E" * 33}),
        ("observacao", {"observacao": "x" * 201}),
        ("observacao", {"observacao": "a\x00b"}),
        ("chave_idempotencia", {"chave_idempotencia": ""}),
        ("chave_idempotencia", {"chave_idempotencia": "x" * 65}),
    ],
)
def test_what_cannot_be_accepted_is_refused_by_field_and_nothing_is_written(
    ana: int, org: Any, field: str, values: dict[str, Any]
) -> None:
    before = counts()
    with pytest.raises(Invalid) as refused:
        org.pay(ana, **({"valor": 2000} | values))
    assert refused.value.field == field
    assert counts() == before


@pytest.mark.parametrize("militante_id", [0, -1, 77, 2**31, 10**30])
def test_a_militante_who_does_not_exist_pays_nothing(app: Flask, org: Any, militante_id: int) -> None:
    with pytest.raises(NotFound):
        org.pay(militante_id, 1000)


def test_a_registration_is_audited_in_full(ana: int, org: Any) -> None:
    pagamento_id = org.pay(ana, 2500, e2eid=PIX_ID, observacao="CPF 529.982.247-25 da mãe")
    row = db.session.scalars(sa.select(Auditoria).where(Auditoria.acao == "pagamento.registrar")).one()
    assert (row.registro_id, row.antes) == (pagamento_id, None)
    assert row.depois is not None
    assert row.depois["valor"] == 2500
    assert row.depois["e2eid"] == PIX_ID
    assert row.depois["observacao"] == "CPF ***.982.247-** da mãe"
    assert [(cota["competencia"], cota["centavos"]) for cota in row.depois["cotas"]] == [
        ("2026-01-01", 2000),
        ("2026-02-01", 500),
    ]


def test_an_estorno_undoes_the_allocations_and_keeps_the_original(ana: int, org: Any) -> None:
    org.pay(ana, 500)
    pagamento_id = org.pay(ana, 7000)
    estorno = get_pagamento(WHOLE, org.reverse(pagamento_id))
    original = get_pagamento(WHOLE, pagamento_id)
    assert paid(ana) == [500, 0, 0]
    assert estorno is not None
    assert original is not None
    assert (estorno.valor, estorno.estorno_de, estorno.motivo) == (7000, pagamento_id, "valor errado")
    assert [parte.centavos for parte in estorno.partes] == [-parte.centavos for parte in original.partes]
    assert (original.estornado_por, original.credito, estorno.credito) == (estorno.id, 1500, -1500)


def test_the_months_of_an_estorno_are_open_again_for_the_next_payment(ana: int, org: Any) -> None:
    org.reverse(org.pay(ana, 6000))
    org.pay(ana, 4000)
    assert paid(ana) == [2000, 2000, 0]


def test_a_payment_is_reversed_once(ana: int, org: Any) -> None:
    pagamento_id = org.pay(ana, 2000)
    estorno_id = org.reverse(pagamento_id)
    before = counts()
    with pytest.raises(Conflict, match=f"já foi estornado: é o lançamento nº {estorno_id}"):
        org.reverse(pagamento_id)
    assert counts() == before


def test_an_estorno_is_not_reversed(ana: int, org: Any) -> None:
    estorno_id = org.reverse(org.pay(ana, 2000))
    with pytest.raises(Invalid, match="Um estorno não se estorna"):
        org.reverse(estorno_id)


def test_a_partly_paid_month_that_was_waived_gives_its_part_back(ana: int, org: Any, hoje: dt.date) -> None:
    pagamento_id = org.pay(ana, 500)
    org.waive(open_cotas(WHOLE, ana, hoje=hoje)[0].id)
    org.reverse(pagamento_id)
    assert paid(ana) == [0, 0, 0]


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("motivo", {"motivo": " "}),
        ("motivo", {"motivo": "x" * 201}),
        ("data", {"data": dt.date(2026, 3, 18)}),
        ("data", {"data": dt.date(2026, 3, 9)}),
    ],
)
def test_an_estorno_without_reason_or_out_of_time_is_refused(
    ana: int, org: Any, agora: dt.datetime, hoje: dt.date, field: str, values: dict[str, Any]
) -> None:
    pagamento_id = org.pay(ana, 2000, data_credito=dt.date(2026, 3, 10))
    given: dict[str, Any] = {"motivo": "valor errado", "data": hoje} | values
    with pytest.raises(Invalid) as refused:
        reverse_pagamento(WHOLE, pagamento_id, **given, autor_id=None, agora=agora)
    assert refused.value.field == field
    assert paid(ana) == [2000, 0, 0]


@pytest.mark.parametrize("pagamento_id", [0, -1, 77, 2**63, 10**30])
def test_a_payment_that_does_not_exist_is_not_found(app: Flask, org: Any, pagamento_id: int) -> None:
    with pytest.raises(NotFound):
        org.reverse(pagamento_id)
    assert get_pagamento(WHOLE, pagamento_id) is None


def test_an_author_of_one_nucleo_registers_and_reverses_only_for_it(
    app: Flask, org: Any, agora: dt.datetime, hoje: dt.date
) -> None:
    centro, leste = org.nucleo("Centro"), org.nucleo("Leste")
    mine, foreign = org.militante("Ana", nucleo_id=centro), org.militante("Bia", nucleo_id=leste)
    nobodys, theirs = org.pay(None, 1000), org.pay(foreign, 1000)
    scoped = Escopo(centro)

    def pay(militante_id: int | None) -> int:
        novo = NovoPagamento(militante_id=militante_id, data_credito=hoje, valor=1000, metodo=Metodo.PIX)
        return register_pagamento(scoped, novo, autor_id=None, agora=agora, hoje=hoje)

    with pytest.raises(NotFound):
        pay(foreign)
    with pytest.raises(Invalid) as refused:
        pay(None)
    assert refused.value.field == "militante_id"
    for hidden in (nobodys, theirs):
        with pytest.raises(NotFound):
            reverse_pagamento(scoped, hidden, motivo="x", data=hoje, autor_id=None, agora=agora)
        assert get_pagamento(scoped, hidden) is None
    reverse_pagamento(scoped, pay(mine), motivo="x", data=hoje, autor_id=None, agora=agora)


def test_a_failure_after_the_payment_leaves_nothing_behind(ana: int, org: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = counts()

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the audit row cannot be written")

    monkeypatch.setattr(audit, "record", fail)
    with pytest.raises(RuntimeError, match="audit row"):
        org.pay(ana, 2000)
    assert counts() == before
    assert paid(ana) == [0, 0, 0]
    assert db.session.scalars(sa.select(sa.func.count()).select_from(Alocacao)).one() == 0
