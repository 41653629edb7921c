"""The first day of an organisation, from the empty database, in a phone's browser and without the command line."""

import datetime as dt
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, expect

from .test_treasurer import code_now

if TYPE_CHECKING:
    from .conftest import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PEOPLE = """Relação de associados;;;;
Matrícula;Nome;CPF;Filiação;Núcleo
1;Maria Aparecida da Silva;529.982.247-25;1/3/2019;Centro
2;José Antônio Gonçalves;111.444.777-35;05/05/2020;centro
3;Ângela Müller;;2021-02-03;
;Total: 3;;;
"""
PNG = b"\x89PNG\r\n\x1a\n" + bytes.fromhex(
    "0000000d49484452000000010000000108060000001f15c4890000000d49444154789c63f8cfc0f01f0005000"
    "1ff56c7dd0e0000000049454e44ae426082"
)
CHOSEN = "uma frase bem comprida"


def step(page: Page, running: "Running", title: str) -> None:
    """Follows a step of the list on the panel."""
    page.goto(running.url)
    page.get_by_role("listitem").filter(has_text=title).get_by_role("link").click()


def enter(page: Page, running: "Running") -> list[str]:
    """Logs the administrator in for the first time; the recovery codes."""
    page.goto(running.url)
    page.get_by_label("E-mail").fill(running.email)
    page.get_by_label("Senha").fill(running.password)
    page.get_by_role("button", name="Continuar").click()
    page.get_by_label("Código de 6 algarismos").fill(code_now(running.otp_secret))
    page.get_by_role("button", name="Confirmar e entrar").click()
    expect(page.locator(".codes li")).to_have_count(10)
    codes = page.locator(".codes li").all_inner_texts()
    page.get_by_role("link", name="Já guardei").click()
    return codes


def describe_organisation(page: Page, running: "Running", begins: dt.date) -> None:
    expect(page.get_by_role("heading", name="Primeiros passos")).to_be_visible()
    step(page, running, "Dizer quem é a organização")
    page.get_by_label("Nome", exact=True).fill("Sindicato Azul")
    page.get_by_label("Sindicato").check()
    page.get_by_label("Município").fill("Campinas")
    page.get_by_label("Chave PIX").fill("tesouraria@exemplo.org")
    page.get_by_label("A contabilidade começa em").fill(f"{begins:%m/%Y}")
    page.get_by_label("Cota mensal de quem é novo").fill("25,00")
    page.get_by_role("button", name="Salvar").click()
    expect(page.get_by_text("Dados da organização salvos.")).to_be_visible()
    step(page, running, "Enviar o logotipo")
    page.get_by_label("Imagem").set_input_files({"name": "logo.png", "mimeType": "image/png", "buffer": PNG})
    page.get_by_role("button", name="Enviar o logotipo").click()
    expect(page.get_by_alt_text("O logotipo de hoje")).to_be_visible()


def add_nucleo(page: Page, running: "Running") -> None:
    step(page, running, "Cadastrar os núcleos")
    page.get_by_role("link", name="Novo núcleo").click()
    page.get_by_label("Nome").fill("Centro")
    page.get_by_label("Município").fill("Campinas")
    page.get_by_label("Estado").select_option("SP")
    page.get_by_role("button", name="Salvar").click()
    expect(page.get_by_text("Núcleo salvo.")).to_be_visible()


def bring(page: Page, content: str, rows: str) -> None:
    """Sends a file on the page of imports and writes what is right in it."""
    page.get_by_label("Planilha em XLSX ou CSV").set_input_files(
        {"name": "lista.csv", "mimeType": "text/csv", "buffer": content.encode("cp1252")}
    )
    page.get_by_role("button", name="Enviar e conferir").click()
    page.get_by_role("button", name=f"Gravar {rows}").click()
    expect(page.get_by_role("heading", name=re.compile("^Gravada em"))).to_be_visible()


def invite(page: Page, running: "Running", code: str) -> str:
    """The link for a second person."""
    step(page, running, "Convidar mais uma pessoa")
    expect(page.get_by_role("heading", name="Confirme que é você")).to_be_visible()
    page.get_by_label("Sua senha").fill(running.password)
    page.get_by_label("Código").fill(code)
    page.get_by_role("button", name="Confirmar").click()
    page.get_by_label("Nome").fill("Bia Souza")
    page.get_by_label("E-mail").fill("bia@exemplo.org")
    page.get_by_role("button", name="Criar o link").click()
    return page.get_by_label("Link do convite").input_value()


def accept(browser: Browser, link: str) -> None:
    """The second person, at a computer of her own."""
    with browser.new_context(viewport={"width": 1280, "height": 900}, locale="pt-BR") as context:
        guest = context.new_page()
        guest.set_default_timeout(15_000)
        guest.goto(link)
        expect(guest.get_by_text("Você foi convidado para Controles: Tesouraria")).to_be_visible()
        guest.get_by_label("Nova senha", exact=True).fill(CHOSEN)
        guest.get_by_label("Nova senha, de novo").fill(CHOSEN)
        guest.get_by_role("button", name="Criar a conta").click()
        guest.get_by_text("Não dá para ler?").click()
        secret = guest.locator("code.key").inner_text().replace(" ", "")
        guest.get_by_label("Código de 6 algarismos").fill(code_now(secret))
        guest.get_by_role("button", name="Confirmar e entrar").click()
        guest.get_by_role("link", name="Já guardei").click()
        expect(guest.get_by_role("heading", name="Painel", exact=True)).to_be_visible()
        expect(guest.get_by_role("heading", name="Primeiros passos")).to_have_count(0)


def test_an_empty_organisation_is_led_to_its_first_cotas_and_a_second_person(
    browser: Browser, empty_page: Page, empty: "Running"
) -> None:
    page, running = empty_page, empty
    codes = enter(page, running)
    begins = dt.datetime.now(dt.UTC).date().replace(day=1)
    describe_organisation(page, running, begins)
    add_nucleo(page, running)
    step(page, running, "Trazer as pessoas")
    bring(page, PEOPLE, "3 linhas")
    step(page, running, "Gerar as primeiras cotas")
    page.get_by_role("button", name=re.compile("^Gerar 3 cotas")).click()
    expect(page.get_by_text("R$ 75,00").first).to_be_visible()
    step(page, running, "Importar os saldos de abertura")
    bring(page, "Matrícula;Nome;Devedor\n1;Maria Aparecida da Silva;75,00\n", "1 linha")
    page.goto(running.url)
    page.get_by_role("listitem").filter(has_text="Cadastrar a conta").get_by_role("button").click()
    accept(browser, invite(page, running, codes[0]))
    page.goto(running.url)
    expect(page.get_by_role("heading", name="Painel", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="Primeiros passos")).to_have_count(0)
    # What was owed before, and this month's.
    page.goto(f"{running.url}/inadimplencia")
    expect(page.get_by_text("Maria Aparecida da Silva")).to_be_visible()
