"""What is refused before any page runs."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controles.contas.models import Papel
from controles.web.request_checks import is_text

Visit = Callable[..., Any]


@given(st.text(st.characters(exclude_categories=("Cc", "Cs"))))
def test_what_people_write_in_any_script_is_text(value: str) -> None:
    assert is_text(value)
    assert is_text(f"{value}\r\n\t{value}")


@pytest.mark.parametrize("character", ["\0", "\x1b", "\x7f", "\x9b", "\ud800"])
def test_control_characters_and_halves_of_characters_are_not(character: str) -> None:
    assert not is_text(f"Maria{character}Silva")


@pytest.mark.parametrize("path", ["/militantes?cursor=%00", "/militantes?%1b=1", "/cotas?competencia=2026-01-01%00"])
def test_an_address_with_them_is_refused_in_a_sentence(visit: Visit, path: str) -> None:
    assert "caracteres que não se veem" in visit().get(path, status=400)


def test_a_form_with_them_is_refused_in_a_sentence(visit: Visit) -> None:
    answer = visit().submit("/militantes/novo", nome="Ana\0", data_filiacao="2026-01-01")
    assert (answer.status_code, "caracteres que não se veem" in answer.text) == (400, True)


@pytest.mark.parametrize("email", ["a\0@b.c", "\x1b@b.c"])
def test_the_login_refuses_them_too(web: Any, email: str) -> None:
    client = web.test_client()
    token = client.get("/teste/token").text
    answer = client.post("/entrar", data={"csrf_token": token, "email": email, "senha": "x\0"})
    assert (answer.status_code, "caracteres que não se veem" in answer.text) == (400, True)


def test_more_fields_than_a_form_has_are_refused_in_a_sentence(visit: Visit) -> None:
    answer = visit(Papel.TESOURARIA).submit("/pagamentos/novo", cota_ids=[str(number) for number in range(66_000)])
    assert (answer.status_code, "Envie em partes menores" in answer.text) == (413, True)


@pytest.mark.parametrize("digits", [20, 5000])
def test_a_number_longer_than_an_id_is_no_page(visit: Visit, digits: int) -> None:
    visit().get(f"/militantes/{'9' * digits}", status=404)


@pytest.mark.parametrize("competencia", ["9999-12-01", "0001-01-01", "1000-06-15"])
def test_a_month_that_nobody_has_cotas_for_is_refused_in_a_sentence(visit: Visit, competencia: str) -> None:
    visitor = visit()
    assert "confira o ano" in visitor.get(f"/cotas/gerar?competencia={competencia}", status=400)
    assert "confira o ano" in visitor.search("/cotas/gerar", competencia=competencia)
