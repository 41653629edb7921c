"""Lists of militantes: the same rows in the same order on both databases, whatever is asked."""

import datetime as dt
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controles.domain.escopo import Escopo
from controles.militantes.models import Situacao
from controles.militantes.queries import (
    FiltroMilitantes,
    OrdemMilitantes,
    count_militantes,
    get_militante,
    list_militantes,
    list_nucleos,
    search_militantes,
)

WHOLE = Escopo()
CPF = "529.982.247-25"


@pytest.fixture
def names(app: Flask, hoje: dt.date) -> Any:
    def read(escopo: Escopo = WHOLE, **filtro: Any) -> list[str]:
        page = list_militantes(escopo, FiltroMilitantes(**filtro), hoje=hoje)
        assert len(page.linhas) == count_militantes(escopo, FiltroMilitantes(**filtro), hoje=hoje)
        return [linha.nome for linha in page.linhas]

    return read


@pytest.fixture
def found(app: Flask, hoje: dt.date) -> Any:
    def read(termo: str, escopo: Escopo = WHOLE, limit: int = 10) -> list[str]:
        return [linha.nome for linha in search_militantes(escopo, termo, hoje=hoje, limit=limit)]

    return read


def test_names_are_in_the_same_order_on_every_database(names: Any, org: Any) -> None:
    for nome in ("Ana-Clara", "Ana Maria", "Anabela", "Álvaro", "ana", "Zé", "Ana D'Ávila"):
        org.militante(nome)
    ordered = ["Álvaro", "ana", "Ana-Clara", "Ana D'Ávila", "Ana Maria", "Anabela", "Zé"]
    assert names() == ordered
    assert names(ordem=OrdemMilitantes.NOME_DESC) == ordered[::-1]


def test_the_order_by_joining_breaks_ties_by_id(names: Any, org: Any) -> None:
    for nome, year in (("A", 2021), ("B", 2020), ("C", 2021), ("D", 2019)):
        org.militante(nome, data_filiacao=dt.date(year, 5, 1))
    assert names(ordem=OrdemMilitantes.FILIACAO) == ["D", "B", "A", "C"]
    assert names(ordem=OrdemMilitantes.FILIACAO_DESC) == ["C", "A", "B", "D"]


@pytest.mark.parametrize("ordem", OrdemMilitantes)
def test_pages_of_namesakes_show_everybody_once(app: Flask, org: Any, hoje: dt.date, ordem: OrdemMilitantes) -> None:
    ids = {org.militante("Maria da Silva") for _ in range(7)}
    filtro = FiltroMilitantes(ordem=ordem)
    shown: list[int] = []
    cursor = None
    while True:
        page = list_militantes(WHOLE, filtro, hoje=hoje, cursor=cursor, limit=2)
        shown += [linha.id for linha in page.linhas]
        if page.proximo is None:
            break
        cursor = page.proximo
    assert len(shown) == len(set(shown))
    assert set(shown) == ids


def test_a_cursor_of_another_order_gives_the_first_page(app: Flask, org: Any, hoje: dt.date) -> None:
    for number in range(4):
        org.militante(f"M {'abcd'[number]}")
    by_name = list_militantes(WHOLE, FiltroMilitantes(), hoje=hoje, limit=2)
    filtro = FiltroMilitantes(ordem=OrdemMilitantes.FILIACAO)
    assert list_militantes(WHOLE, filtro, hoje=hoje, cursor=by_name.proximo, limit=2).anterior is None


@pytest.mark.parametrize(
    ("busca", "expected"),
    [
        ("joao", ["Ana João", "João Paulo"]),
        ("JOÃO", ["Ana João", "João Paulo"]),
        ("paulo joao", ["João Paulo"]),
        ("pau", ["João Paulo"]),
        ("oao", []),
        ("%", []),
        ("_", []),
        ("/", []),
        ("'; DROP TABLE militante; --", []),
        ("\x00", []),
        ("...", []),
        ("a-7", ["Zulmira"]),
        ("A-7", ["Zulmira"]),
        ("12", ["João Paulo"]),
        ("000012", ["João Paulo"]),
        (CPF, ["Ana João"]),
        ("52998224725", ["Ana João"]),
        ("52998224724", []),
        ("x" * 5000, []),
        (" ", ["Ana João", "João Paulo", "Zulmira"]),
    ],
)
def test_a_search_finds_words_matriculas_and_whole_cpfs(names: Any, org: Any, busca: str, expected: list[str]) -> None:
    org.militante("João Paulo", matricula="000012")
    org.militante("Ana João", cpf=CPF)
    org.militante("Zulmira", matricula="A-7")
    assert names(busca=busca) == expected


def test_a_part_of_a_cpf_finds_nobody(names: Any, org: Any) -> None:
    org.militante("Ana", cpf=CPF)
    assert names(busca="529982") == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=30) | st.text(alphabet="mariAÁ %_'\\/-.0123\x00\ud800", max_size=12))
def test_any_text_can_be_searched_for(names: Any, found: Any, busca: str) -> None:
    names(busca=busca)
    found(busca)


def test_filters_narrow_together(names: Any, org: Any) -> None:
    centro, leste = org.nucleo("Centro"), org.nucleo("Leste")
    org.militante("Ana", nucleo_id=centro)
    org.militante("Bia", nucleo_id=leste)
    org.militante("Caio", nucleo_id=centro, data_filiacao=dt.date(2026, 3, 1))
    org.end(org.militante("Davi", nucleo_id=centro), dt.date(2026, 2, 10))
    assert names(nucleo_id=centro) == ["Ana", "Caio", "Davi"]
    assert names(nucleo_id=centro, situacao=Situacao.ATIVO) == ["Ana", "Caio"]
    assert names(nucleo_id=centro, situacao=Situacao.ATIVO, busca="c") == ["Caio"]
    assert names(filiado_de=dt.date(2026, 3, 1), filiado_ate=dt.date(2026, 3, 1)) == ["Caio"]
    assert names(desligado_de=dt.date(2026, 2, 10), desligado_ate=dt.date(2026, 2, 10)) == ["Davi"]
    assert names(nucleo_id=99) == names(nucleo_id=10**30) == names(nucleo_id=-1) == []


def test_arrears_count_overdue_cotas_only_and_stay_after_leaving(names: Any, org: Any, hoje: dt.date) -> None:
    # Due on the 10th; today is March 17th.
    ana = org.militante("Ana")
    org.militante("Bia", dia_vencimento=20)
    org.cotas("2026-01", "2026-02", "2026-03")
    org.end(ana, hoje)
    assert names(devendo=True) == names(meses_min=1) == names(meses_min=2) == ["Ana", "Bia"]
    assert names(meses_min=3) == names(meses_min=3, situacao=Situacao.DESLIGADO) == ["Ana"]
    assert names(meses_min=2, meses_max=2) == names(meses_max=2) == ["Bia"]
    assert names(meses_min=4) == names(meses_max=1) == []
    lines = {linha.nome: linha for linha in list_militantes(WHOLE, FiltroMilitantes(), hoje=hoje).linhas}
    assert (lines["Ana"].meses_em_aberto, lines["Ana"].em_aberto) == (3, 6000)
    assert (lines["Bia"].meses_em_aberto, lines["Bia"].em_aberto) == (2, 4000)


def test_who_owes_nothing_is_among_those_with_at_most_so_many_months(names: Any, org: Any) -> None:
    org.militante("Ana", isento=True)
    org.militante("Bia")
    org.cotas("2026-01")
    assert names(meses_max=0) == ["Ana"]
    assert names(meses_max=1) == ["Ana", "Bia"]


def test_a_page_adds_up_what_a_militante_owes_and_has(app: Flask, org: Any, hoje: dt.date) -> None:
    militante_id = org.militante("Ana", dia_vencimento=20)
    org.cotas("2026-02", "2026-03")
    org.pay(militante_id, 500)
    org.pay(militante_id, 700, cota_ids=())
    ficha = get_militante(WHOLE, militante_id, hoje=hoje)
    assert ficha is not None
    assert (ficha.meses_em_aberto, ficha.em_aberto, ficha.a_vencer, ficha.credito) == (1, 1500, 2000, 700)


def test_a_reader_of_one_nucleo_sees_nobody_else_anywhere(names: Any, found: Any, org: Any, hoje: dt.date) -> None:
    centro, leste = org.nucleo("Centro"), org.nucleo("Leste", "RJ")
    org.militante("Ana Leste", nucleo_id=leste, cpf=CPF, matricula="L-1")
    hidden = org.militante("Ana Sozinha")
    org.militante("Ana Centro", nucleo_id=centro)
    scoped = Escopo(centro)
    assert names(scoped) == names(scoped, nucleo_id=centro) == found("ana", scoped) == ["Ana Centro"]
    assert names(scoped, nucleo_id=leste) == names(scoped, busca=CPF) == found(CPF, scoped) == []
    assert found("L-1", scoped) == []
    assert get_militante(scoped, hidden, hoje=hoje) is None
    assert [nucleo.nome for nucleo in list_nucleos(scoped)] == ["Centro"]
    assert [nucleo.nome for nucleo in list_nucleos(WHOLE)] == ["Leste", "Centro"]


def test_names_that_begin_with_the_term_come_before_names_that_contain_it(found: Any, org: Any) -> None:
    for nome in ("Ana Paula", "Paula Abreu", "Paulo Dias", "Bruno Paulo", "Carla"):
        org.militante(nome)
    assert found("paul") == ["Paula Abreu", "Paulo Dias", "Ana Paula", "Bruno Paulo"]
    assert found("paul", limit=3) == ["Paula Abreu", "Paulo Dias", "Ana Paula"]
    assert found("paula abr") == ["Paula Abreu"]
    assert found("abreu paula") == ["Paula Abreu"]
    assert found("") == found("  ") == []
