"""What a reminder says, and whom a WhatsApp link reaches."""

import datetime as dt

import pytest

from controles.lembretes.message import text, whatsapp_link
from controles.organizacao.records import DadosOrganizacao
from controles.pix.txids import Cobrado, charged_in

JANUARY = (dt.date(2026, 1, 1),)


def test_one_month_is_singular_and_nobody_is_called_a_debtor() -> None:
    said = text("Ana Souza", JANUARY, 2000, DadosOrganizacao(), militante_id=7)
    assert "A contribuição de jan/2026 está em aberto: R$ 20,00." in said
    assert "PIX" not in said
    assert not {"débito", "dívida", "inadimplente", "multa"} & set(said.lower().split())


def test_an_organisation_signs_and_names_its_key() -> None:
    organisation = DadosOrganizacao(nome="Vale", pix_chave="a@b.org")
    said = text("Ana", (*JANUARY, dt.date(2026, 2, 1)), 4000, organisation, militante_id=7)
    assert "As contribuições de jan a fev/2026 estão em aberto" in said
    assert "a chave é a@b.org" in said
    assert said.endswith("Vale")


def test_the_pix_code_asks_for_just_these_months() -> None:
    months = (*JANUARY, dt.date(2026, 3, 1))
    organisation = DadosOrganizacao(nome="Vale", municipio="Ouro Preto", pix_chave="a@b.org")
    code = text("Ana", months, 4000, organisation, militante_id=7).splitlines()
    (line,) = [one for one in code if one.startswith("000201")]
    assert "540540.00" in line
    assert charged_in(line.partition("0525")[2][:25]) == Cobrado(7, months)
    assert "000201" not in text("Ana", months, 4000, DadosOrganizacao(pix_chave="a@b.org"), militante_id=7)


@pytest.mark.parametrize(
    ("telefone", "number"),
    [
        ("11987654321", "5511987654321"),
        ("(11) 98765-4321", "5511987654321"),
        ("+55 11 98765-4321", "5511987654321"),
        ("5511987654321", "5511987654321"),
        ("1133334444", "551133334444"),
        # 55 is also the area code of a city.
        ("55987654321", "5555987654321"),
        ("98765-4321", None),
        ("", None),
        (None, None),
    ],
)
def test_a_link_reaches_the_number_with_its_country(telefone: str | None, number: str | None) -> None:
    link = whatsapp_link(telefone, "Olá & até já")
    assert link == (None if number is None else f"https://wa.me/{number}?text=Ol%C3%A1%20%26%20at%C3%A9%20j%C3%A1")
