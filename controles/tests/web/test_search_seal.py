"""A search goes sealed into the address, and opens for whoever made it."""

import base64
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from controles.contas.models import Papel
from controles.web.search_seal import SearchSeal

NEW, OLD = b"n" * 32, b"o" * 32
LISTS = ("/militantes", "/pagamentos", "/pagamentos/novo/busca")


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=120), st.integers(1, 2**31))
def test_what_was_sealed_opens_for_its_user_alone(text: str, usuario_id: int) -> None:
    seal = SearchSeal([NEW])
    token = seal.seal(text, usuario_id=usuario_id)
    assert seal.open(token, usuario_id=usuario_id) == text
    assert seal.open(token, usuario_id=usuario_id + 1) is None


def test_equal_searches_look_different_and_names_of_any_length_alike() -> None:
    seal = SearchSeal([NEW])
    tokens = [seal.seal(name, usuario_id=1) for name in ("Ana", "Ana", "Maria Aparecida de Souza")]
    assert len(set(tokens)) == 3
    assert len({len(token) for token in tokens}) == 1


def test_a_former_key_is_read_and_an_unknown_one_is_not() -> None:
    token = SearchSeal([OLD]).seal("Ana", usuario_id=1)
    assert SearchSeal([NEW, OLD]).open(token, usuario_id=1) == "Ana"
    assert SearchSeal([NEW]).open(token, usuario_id=1) is None


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_no_token_is_an_error(token: str) -> None:
    assert SearchSeal([NEW]).open(token, usuario_id=1) is None


def test_every_bit_of_a_token_counts() -> None:
    seal = SearchSeal([NEW])
    raw = bytearray(base64.urlsafe_b64decode(seal.seal("Ana", usuario_id=1)))
    for place in range(len(raw)):
        raw[place] ^= 1
        assert seal.open(base64.urlsafe_b64encode(raw).decode(), usuario_id=1) is None
        raw[place] ^= 1


def addresses(page: str) -> list[str]:
    return [unquote_plus(found) for found in re.findall(r'(?:href|action|data-url)="([^"]*)"', page)]


@pytest.mark.parametrize("path", LISTS)
def test_no_address_of_a_search_says_whom_it_is_for(visit: Callable[..., Any], path: str) -> None:
    visitor = visit()
    for text in ("Joaquina", "529.982.247-25", "ana@exemplo.org", "11 98765-4321", "E1234567890123456789012345678901"):
        answer = visitor.submit(path, busca=text)
        assert answer.status_code == 303
        page = visitor.get(answer.headers["Location"])
        assert f'value="{text}"' in page
        assert not [one for one in (answer.headers["Location"], *addresses(page)) if text in one]


def test_the_next_page_of_a_search_is_sealed_too(visit: Callable[..., Any], web: Flask, org: Any) -> None:
    with web.app_context():
        for number in range(52):
            org.militante(f"Joaquina {number:02d}")
    visitor = visit()
    page = visitor.search("/militantes", busca="joaquina", ordem="-nome")
    following = re.search(r'rel="next" href="([^"]+)"', page)
    assert following is not None
    assert "joaquina" not in following[1]
    assert "Joaquina 00" in visitor.get(following[1].replace("&amp;", "&"))


@pytest.mark.parametrize("path", ["/militantes", "/pagamentos", "/pagamentos/novo"])
def test_an_address_that_names_somebody_is_left_at_once(visit: Callable[..., Any], path: str) -> None:
    answer = visit().client.get(f"{path}?busca=Joaquina&situacao=ativo")
    assert answer.status_code == 303
    assert "Joaquina" not in answer.headers["Location"]
    assert "q=" in answer.headers["Location"]


@pytest.mark.parametrize("path", LISTS)
def test_a_search_of_somebody_else_is_told_as_one(visit: Callable[..., Any], path: str) -> None:
    address = visit().submit(path, busca="Joaquina").headers["Location"]
    page = visit().get(address)
    assert "Joaquina" not in page
    assert "não pode mais ser lida" in page


def test_the_search_while_typing_takes_no_address(visit: Callable[..., Any]) -> None:
    visitor = visit(Papel.TESOURARIA)
    assert visitor.client.get("/militantes/busca?busca=Joaquina").status_code == 405
    assert visitor.client.post("/militantes/busca", data={"busca": "Joaquina"}).status_code == 400


@pytest.mark.parametrize("wanted", ["/militantes?busca=Joaquina", "/militantes?q=abc&situacao=ativo"])
def test_the_way_to_the_login_leaves_the_query_behind(web: Flask, wanted: str) -> None:
    assert web.test_client().get(wanted).headers["Location"] == "/entrar?next=/militantes"


@pytest.mark.parametrize("path", ["/militantes/{}", "/militantes/{}/editar", "/militantes/{}/desligar"])
def test_a_title_names_nobody_and_the_heading_does(visit: Callable[..., Any], web: Flask, org: Any, path: str) -> None:
    with web.app_context():
        joaquina = org.militante("Joaquina Prado")
    page = visit().get(path.format(joaquina))
    title = re.search(r"<title>(.*?)</title>", page)
    assert title is not None
    assert "Joaquina" not in title[1]
    assert re.search(r"<h1>[^<]*Joaquina Prado</h1>", page)
