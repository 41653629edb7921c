"""The pages about militantes, as a browser sees them."""

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from controles.contas.models import Papel

FORM = {
    "nome": "Ana Clara Souza",
    "data_filiacao": "2026-03-01",
    "dia_vencimento": "10",
    "valor_cota": "35,50",
    "nucleo_id": "",
}


@pytest.fixture
def ana(web: Flask, org: Any) -> int:
    with web.app_context():
        militante_id: int = org.militante(
            "Ana Souza", cpf="529.982.247-25", nucleo_id=org.nucleo("Centro"), telefone="11987654321"
        )
    return militante_id


def names(page: str) -> list[str]:
    return re.findall(r'class="row-link"[^>]*>([^<]+)<', page)


def version(page: str) -> str:
    found = re.search(r'name="versao"[^>]*value="(\d+)"', page)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("papel", list(Papel))
def test_everybody_may_look(visit: Callable[..., Any], ana: int, papel: Papel) -> None:
    visitor = visit(papel)
    assert names(visitor.get("/militantes")) == ["Ana Souza"]
    assert "<h1>Ana Souza</h1>" in visitor.get(f"/militantes/{ana}")


@pytest.mark.parametrize("papel", [Papel.TESOURARIA, Papel.LEITURA])
@pytest.mark.parametrize("path", ["/militantes/novo", "/militantes/{}/editar", "/militantes/{}/desligar"])
def test_who_may_not_edit_is_told_so_and_offered_nothing(
    visit: Callable[..., Any], ana: int, papel: Papel, path: str
) -> None:
    visitor = visit(papel)
    assert "Sem permissão" in visitor.get(path.format(ana), status=403)
    assert visitor.submit(path.format(ana), **FORM).status_code == 403
    assert "/editar" not in visitor.get(f"/militantes/{ana}")
    assert "/militantes/novo" not in visitor.get("/militantes")


@pytest.mark.parametrize("path", ["/militantes", "/militantes/novo", "/militantes/1"])
def test_nobody_logged_in_is_led_to_the_login(web: Flask, path: str) -> None:
    assert web.test_client().get(path).headers["Location"].startswith("/entrar")


def test_a_militante_of_another_nucleo_does_not_exist(
    visit: Callable[..., Any], web: Flask, org: Any, ana: int
) -> None:
    with web.app_context():
        leste = org.nucleo("Leste")
    visitor = visit(Papel.SECRETARIA, leste)
    for path in (f"/militantes/{ana}", f"/militantes/{ana}/editar", f"/militantes/{ana}/desligar"):
        visitor.get(path, status=404)
    assert names(visitor.get("/militantes")) == []
    assert "Ana" not in visitor.search("/militantes/busca", busca="ana")


@pytest.mark.parametrize("number", ["0", "99999999999999999999", "2147483648"])
def test_a_number_that_is_no_militante_is_not_found(visit: Callable[..., Any], number: str) -> None:
    visit().get(f"/militantes/{number}", status=404)


def test_the_filter_of_the_address_is_shown_and_goes_on_to_the_next_page(
    visit: Callable[..., Any], web: Flask, org: Any
) -> None:
    with web.app_context():
        for number in range(52):
            org.militante(f"Silva {number:02d}")
        org.militante("Souza")
    visitor = visit()
    page = visitor.search("/militantes", busca="silva", situacao="ativo", ordem="-nome")
    assert 'value="silva"' in page
    assert "52 militantes com este filtro" in page
    assert '<option value="ativo" selected>' in page
    assert re.search(r'aria-sort="descending"><a class="sort" href="[^"]*ordem=nome|aria-sort="descending"', page)
    assert names(page)[0] == "Silva 51"
    following = re.search(r'rel="next" href="([^"]+)"', page)
    assert following is not None
    second = visitor.get(following[1].replace("&amp;", "&"))
    assert names(second) == ["Silva 01", "Silva 00"]
    assert 'rel="prev"' in second


def test_an_empty_list_says_what_to_do(visit: Callable[..., Any], ana: int) -> None:
    page = visit().search("/militantes", busca="zzz")
    assert "Ninguém com este filtro" in page
    assert "Limpar o filtro" in page


@pytest.mark.parametrize("query", ["situacao=rei", "nucleo_id=x", "cursor=zzz", "ordem=;drop", "meses_max=-1", "q=%ff"])
def test_no_address_of_the_list_is_an_error(visit: Callable[..., Any], ana: int, query: str) -> None:
    visit().get(f"/militantes?{query}")


def test_a_filter_that_came_from_the_panel_can_be_taken_off(visit: Callable[..., Any], ana: int) -> None:
    page = visit().get("/militantes?meses_min=3&meses_max=5&filiado_de=2026-01-01")
    assert "de 3 a 5 cotas vencidas" in page
    assert "Filiação de 01/01/2026" in page
    assert '<a href="/militantes?filiado_de=2026-01-01">de 3 a 5' in page
    assert '<input type="hidden" name="meses_max" value="5">' in page


def test_the_search_answers_with_results_alone(visit: Callable[..., Any], ana: int) -> None:
    visitor = visit()
    found = visitor.search("/militantes/busca", busca="529.982.247-25")
    assert "Ana Souza" in found
    assert "<html" not in found
    assert "Ninguém com “zé”" in visitor.search("/militantes/busca", busca="zé")
    assert visitor.search("/militantes/busca").strip() == ""


def test_what_people_wrote_is_text_and_never_markup(visit: Callable[..., Any], web: Flask, org: Any) -> None:
    with web.app_context():
        evil = org.militante("<script>alert(1)</script> Silva")
    visitor = visit()
    for path in ("/militantes", f"/militantes/{evil}", f"/militantes/{evil}/editar"):
        assert "<script>alert" not in visitor.get(path)
    assert "<script>alert" not in visitor.search("/militantes/busca", busca="silva")
    assert "<b>x" not in visitor.search("/militantes", busca="<b>x")


def test_a_new_militante_is_written_and_shown(visit: Callable[..., Any]) -> None:
    visitor = visit(Papel.SECRETARIA)
    answer = visitor.submit("/militantes/novo", **FORM, cpf="529.982.247-25", isento="y")
    page = visitor.get(answer.headers["Location"])
    for shown in ("<h1>Ana Clara Souza</h1>", "01/03/2026", "***.982.247-**", "Isento", "está na lista"):
        assert shown in page


@pytest.mark.parametrize(
    ("field", "written", "message"),
    [
        ("nome", "", "Escreva o nome."),
        ("cpf", "111.111.111-11", "Este CPF não existe"),
        ("email", "ana@", "Este e-mail não está completo"),
        ("valor_cota", "vinte", "não é um valor em reais"),
        ("valor_cota", "0", "maior que zero"),
        ("data_filiacao", "30/02/2026", "Esta data não existe"),
        ("data_filiacao", "2027-01-01", "ainda não chegou"),
        ("nucleo_id", "77", "Escolha uma das opções"),
        ("dia_vencimento", "31", "Escolha uma das opções"),
        ("nome", "x" * 161, "no máximo 160"),
    ],
)
def test_a_wrong_value_is_named_at_its_field_and_nothing_typed_is_lost(
    visit: Callable[..., Any], field: str, written: str, message: str
) -> None:
    visitor = visit()
    page = visitor.send("/militantes/novo", **{**FORM, "telefone": "11 5555-4444", field: written})
    assert f'id="{field}-erro"' in page
    assert message in page
    assert 'value="11 5555-4444"' in page
    if field not in {"nucleo_id", "dia_vencimento"}:
        assert f'value="{written}"' in page
    assert names(visitor.get("/militantes")) == []


def test_a_matricula_that_is_taken_is_said_at_the_field(visit: Callable[..., Any], web: Flask, org: Any) -> None:
    with web.app_context():
        org.militante("Bia", matricula="A-1")
    page = visit().send("/militantes/novo", **FORM, matricula="A-1")
    assert 'id="matricula-erro"' in page
    assert "já é de outro militante" in page


def test_an_edit_keeps_the_cpf_that_the_page_never_shows(visit: Callable[..., Any], ana: int) -> None:
    visitor = visit(Papel.SECRETARIA)
    page = visitor.get(f"/militantes/{ana}/editar")
    assert "52998224725" not in page
    assert "529.982.247-25" not in page
    visitor.submit(f"/militantes/{ana}/editar", **FORM, versao=version(page))
    shown = visitor.get(f"/militantes/{ana}")
    assert "<h1>Ana Clara Souza</h1>" in shown
    assert "***.982.247-**" in shown


def test_the_cpf_goes_only_when_asked_to(visit: Callable[..., Any], ana: int) -> None:
    visitor = visit()
    page = visitor.get(f"/militantes/{ana}/editar")
    visitor.submit(f"/militantes/{ana}/editar", **FORM, versao=version(page), remover_cpf="y")
    assert "***.982" not in visitor.get(f"/militantes/{ana}")


def test_two_who_edit_at_once_lose_nothing(visit: Callable[..., Any], ana: int) -> None:
    first, second = visit(), visit()
    edit = f"/militantes/{ana}/editar"
    opened = version(first.get(edit))
    second.submit(edit, **{**FORM, "nome": "Ana S. Lima", "telefone": "1133334444"}, versao=opened)
    page = first.send(edit, **FORM, telefone="11987654321", versao=opened)
    assert "Este militante foi alterado enquanto você escrevia" in page
    # Both changed the name: it asks. Only the other changed the telephone: theirs is in the form already.
    assert 'value="Ana Clara Souza"' in page
    assert re.search(r"Gravado por admin\d+, às 12:00: <strong>Ana S. Lima</strong>", page)
    assert re.search(r'name="telefone"[^>]*value="1133334444"', page)
    assert re.search(r"Alterado por admin\d+, às 12:00: ficou <strong>\(11\) 3333-4444</strong>", page)
    assert "<h1>Ana S. Lima</h1>" in first.get(f"/militantes/{ana}")
    now = {**FORM, "telefone": "1133334444", "versao": version(page), "a_decidir": "nome"}
    undecided = first.send(edit, **now)
    assert "Escolha qual dos dois valores fica" in undecided
    assert "<h1>Ana S. Lima</h1>" in first.get(f"/militantes/{ana}")
    first.send(edit, **now, fica_nome="meu")
    ficha = first.get(f"/militantes/{ana}")
    assert "<h1>Ana Clara Souza</h1>" in ficha
    assert "(11) 3333-4444" in ficha


def test_the_value_that_is_stored_can_stay(visit: Callable[..., Any], ana: int) -> None:
    first, second = visit(), visit()
    edit = f"/militantes/{ana}/editar"
    opened = version(first.get(edit))
    second.submit(edit, **{**FORM, "nome": "Ana S. Lima"}, versao=opened)
    page = first.send(edit, **{**FORM, "email": "nova@exemplo.org"}, versao=opened)
    sent = {**FORM, "email": "nova@exemplo.org", "versao": version(page), "a_decidir": "nome", "fica_nome": "gravado"}
    ficha = first.send(edit, **sent)
    assert "<h1>Ana S. Lima</h1>" in ficha
    assert "nova@exemplo.org" in ficha


def test_ones_own_change_in_another_tab_is_called_ones_own(visit: Callable[..., Any], ana: int) -> None:
    visitor = visit()
    edit = f"/militantes/{ana}/editar"
    opened = version(visitor.get(edit))
    visitor.submit(edit, **{**FORM, "nome": "Ana S. Lima"}, versao=opened)
    page = visitor.send(edit, **FORM, versao=opened)
    assert "Você alterou este militante em outra página" in page
    assert "Gravado por você, em outra página, às 12:00" in page
    assert "foi alterado enquanto você escrevia" not in page


@pytest.mark.parametrize("versao", ["", "x", "-1", "9" * 50])
def test_a_version_that_was_tampered_with_is_a_conflict_not_an_error(
    visit: Callable[..., Any], ana: int, versao: str
) -> None:
    page = visit().send(f"/militantes/{ana}/editar", **FORM, versao=versao)
    assert "foi alterado enquanto você escrevia" in page


def test_a_membership_ends_on_a_day_and_with_a_reason(visit: Callable[..., Any], ana: int) -> None:
    visitor = visit(Papel.SECRETARIA)
    page = visitor.get(f"/militantes/{ana}/desligar")
    assert 'value="2026-03-17"' in page
    shown = visitor.send(
        f"/militantes/{ana}/desligar", data_desligamento="2026-03-10", motivo="mudou de cidade", versao=version(page)
    )
    for words in ("Desligamento registrado.", "10/03/2026", "Desligado", "mudou de cidade", "Readmitir"):
        assert words in shown
    assert f'href="/militantes/{ana}/desligar"' not in shown


@pytest.mark.parametrize(
    ("day", "message"),
    [("2026-03-18", "ainda não chegou"), ("2019-01-01", "anterior à filiação"), ("", "Informe a data.")],
)
def test_an_end_on_an_impossible_day_is_refused_at_its_field(
    visit: Callable[..., Any], ana: int, day: str, message: str
) -> None:
    visitor = visit()
    opened = version(visitor.get(f"/militantes/{ana}/desligar"))
    page = visitor.send(f"/militantes/{ana}/desligar", data_desligamento=day, motivo="cansou", versao=opened)
    assert 'id="data_desligamento-erro"' in page
    assert message in page
    assert 'value="cansou"' in page


def test_the_ficha_shows_the_year_the_open_months_and_the_payments(
    visit: Callable[..., Any], web: Flask, org: Any, ana: int
) -> None:
    with web.app_context():
        org.cotas("2026-01", "2026-02", "2026-03")
        org.pay(ana, 3000)
    visitor = visit(Papel.LEITURA)
    page = visitor.get(f"/militantes/{ana}")
    assert page.count('<li class="month') == 12
    assert "janeiro de 2026: quitada, pago R$ 20,00 de R$ 20,00" in page
    assert "fevereiro de 2026: vencida, pago R$ 10,00 de R$ 20,00" in page
    assert "jan a fev/2026" in page
    assert "R$ 30,00" in page
    assert 'aria-label="2025"' in page
    assert "dezembro de 2025: sem cota" in visitor.get(f"/militantes/{ana}?ano=2025")


@pytest.mark.parametrize("year", ["1500", "99999", "x", "-1"])
def test_a_year_without_a_calendar_is_the_nearest_one(visit: Callable[..., Any], ana: int, year: str) -> None:
    visit().get(f"/militantes/{ana}?ano={year}")


def test_the_list_can_be_ordered_by_the_day_of_joining(visit: Callable[..., Any], web: Flask, org: Any) -> None:
    with web.app_context():
        org.militante("Velha", data_filiacao=dt.date(2010, 1, 1))
        org.militante("Nova", data_filiacao=dt.date(2026, 1, 1))
    assert names(visit().get("/militantes?ordem=-filiacao")) == ["Nova", "Velha"]
