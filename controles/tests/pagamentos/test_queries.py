"""Lists of payments: newest first, each line with its months, and totals that are the sums of the lines."""

import datetime as dt
from typing import Any

import pytest
from flask import Flask

from controles.domain.escopo import Escopo
from controles.pagamentos.models import Metodo
from controles.pagamentos.queries import (
    FiltroPagamentos,
    LinhaPagamento,
    TotalMetodo,
    get_pagamento,
    list_pagamentos,
    totals_pagamentos,
)

WHOLE = Escopo()
PIX_ID = "E18236120202603171200s0123456789"


def lines(escopo: Escopo = WHOLE, **filtro: Any) -> tuple[LinhaPagamento, ...]:
    """All pages, two lines at a time; the totals must be theirs."""
    wanted = FiltroPagamentos(**filtro)
    shown: list[LinhaPagamento] = []
    cursor = None
    while True:
        page = list_pagamentos(escopo, wanted, cursor=cursor, limit=2)
        shown += page.linhas
        if page.proximo is None:
            break
        cursor = page.proximo
    totals = totals_pagamentos(escopo, wanted)
    assert totals.quantidade == len(shown)
    assert totals.valor == sum(linha.valor for linha in shown)
    assert {(total.metodo, total.valor, total.quantidade) for total in totals.por_metodo} == {
        (
            metodo,
            sum(linha.valor for linha in shown if linha.metodo is metodo),
            [linha.metodo for linha in shown].count(metodo),
        )
        for metodo in {linha.metodo for linha in shown}
    }
    return tuple(shown)


@pytest.fixture
def people(app: Flask, org: Any) -> dict[str, int]:
    centro, leste = org.nucleo("Centro"), org.nucleo("Leste")
    return {
        "centro": centro,
        "leste": leste,
        "ana": org.militante("Ana Souza", nucleo_id=centro, cpf="529.982.247-25", matricula="A-1"),
        "bia": org.militante("Bia Souza", nucleo_id=leste),
    }


def day(number: int) -> dt.date:
    return dt.date(2026, 3, number)


def test_the_newest_payment_comes_first_and_ties_are_broken_by_number(people: dict[str, int], org: Any) -> None:
    ids = [org.pay(people["ana"], 1000, data_credito=day(number)) for number in (5, 9, 5, 7, 9)]
    assert [linha.id for linha in lines()] == [ids[4], ids[1], ids[3], ids[2], ids[0]]


def test_a_line_names_the_months_it_paid(people: dict[str, int], org: Any) -> None:
    org.cotas("2026-02", "2026-01")
    org.pay(people["ana"], 3000)
    (linha,) = lines()
    assert (linha.militante, linha.valor) == ("Ana Souza", 3000)
    assert linha.competencias == (dt.date(2026, 1, 1), dt.date(2026, 2, 1))


def test_an_estorno_is_a_negative_line_and_marks_its_original(people: dict[str, int], org: Any) -> None:
    org.cotas("2026-01")
    pagamento_id = org.pay(people["ana"], 2000, metodo=Metodo.DINHEIRO)
    estorno_id = org.reverse(pagamento_id)
    estorno, original = lines()
    assert (estorno.id, estorno.valor, estorno.estorno_de, estorno.motivo) == (
        estorno_id,
        -2000,
        pagamento_id,
        "valor errado",
    )
    assert (original.estornado, estorno.estornado) == (True, False)
    assert estorno.competencias == original.competencias == (dt.date(2026, 1, 1),)
    assert totals_pagamentos(WHOLE, FiltroPagamentos()).por_metodo == (TotalMetodo(Metodo.DINHEIRO, 2, 0),)


def test_filters_narrow_the_list_and_its_totals(people: dict[str, int], org: Any) -> None:
    ana, bia = people["ana"], people["bia"]
    first = org.pay(ana, 1000, data_credito=day(1))
    second = org.pay(ana, 1100, data_credito=day(2), metodo=Metodo.BOLETO)
    third = org.pay(bia, 1200, data_credito=day(3), e2eid=PIX_ID)
    fourth = org.pay(None, 1300, data_credito=day(4))

    def ids(**filtro: Any) -> list[int]:
        return [linha.id for linha in lines(**filtro)]

    assert ids() == [fourth, third, second, first]
    assert ids(de=day(2), ate=day(3)) == [third, second]
    assert ids(metodo=Metodo.BOLETO) == [second]
    assert ids(militante_id=ana) == [second, first]
    assert ids(nucleo_id=people["leste"]) == [third]
    assert ids(busca="souza") == [third, second, first]
    assert ids(busca="bía") == [third]
    assert ids(busca="A-1") == ids(busca="52998224725") == [second, first]
    assert ids(busca=PIX_ID) == [third]
    assert ids(busca="ninguém") == ids(militante_id=10**30) == ids(nucleo_id=0) == []
    assert ids(busca="souza", metodo=Metodo.PIX, ate=day(2)) == [first]


def test_a_reader_of_one_nucleo_sees_its_payments_alone(people: dict[str, int], org: Any) -> None:
    mine = org.pay(people["ana"], 1000)
    foreign, nobodys = org.pay(people["bia"], 1100, e2eid=PIX_ID), org.pay(None, 1200)
    scoped = Escopo(people["centro"])
    assert [linha.id for linha in lines(scoped)] == [mine]
    assert lines(scoped, busca="bia") == lines(scoped, busca=PIX_ID) == lines(scoped, nucleo_id=people["leste"]) == ()
    assert get_pagamento(scoped, foreign) is get_pagamento(scoped, nobodys) is None
    assert get_pagamento(scoped, mine) is not None


def test_the_detail_tells_who_registered_it_and_when(people: dict[str, int], org: Any, agora: dt.datetime) -> None:
    pagamento = get_pagamento(WHOLE, org.pay(people["ana"], 1000, observacao="  na  assembleia "))
    assert pagamento is not None
    assert (pagamento.registrado_em, pagamento.registrado_por) == (agora, None)
    assert (pagamento.observacao, pagamento.matricula) == ("na assembleia", "A-1")
