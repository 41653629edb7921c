"""A treasurer's evening, in a real browser on a server with two workers and an embedded cache."""

import base64
import hashlib
import hmac
import re
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Page, expect

if TYPE_CHECKING:
    from .conftest import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def code_now(secret: str) -> str:
    """What an authenticator shows (RFC 6238), worked out here and not by the code under test."""
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06d}"


def centavos(shown: str) -> int:
    """`R$ 1.234,56` as 123456."""
    found = re.search(r"-?[\d.]+,\d\d", shown)
    assert found is not None, shown
    return int(re.sub(r"[.,]", "", found.group()))


def first_login(page: Page, running: "Running") -> None:
    page.goto(running.url)
    expect(page.get_by_role("heading", name="Entrar")).to_be_visible()
    page.get_by_label("E-mail").fill(running.email)
    page.get_by_label("Senha").fill(running.password)
    page.get_by_role("button", name="Continuar").click()
    expect(page.get_by_role("img", name="Código QR")).to_be_visible()
    page.get_by_label("Código de 6 algarismos").fill(code_now(running.otp_secret))
    page.get_by_role("button", name="Confirmar e entrar").click()
    expect(page.get_by_role("listitem").filter(has_text=re.compile(r"\w{4}-\w{4}-\w{4}"))).to_have_count(10)
    page.get_by_role("link", name="Já guardei").click()
    expect(page.get_by_role("heading", name="Painel", exact=True)).to_be_visible()


def cash_on_panel(page: Page, running: "Running") -> int:
    page.goto(running.url)
    return centavos(page.locator(".kpi", has_text="Recebido em caixa").locator(".v").inner_text())


def cash_in_list(page: Page) -> int:
    """The list that the panel's figure links to: its total."""
    page.locator(".kpi").get_by_role("link", name="Recebido em caixa").click()
    expect(page.get_by_role("heading", name="Pagamentos", exact=True)).to_be_visible()
    return centavos(page.locator(".totals .sum dd").inner_text())


def cash_to_everybody(page: Page, running: "Running") -> set[int]:
    """What many readers at once, each on a connection of its own, are shown: both workers answer."""
    cookies = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in page.context.cookies())

    def read(_: int) -> int:
        with urlopen(Request(running.url, headers={"Cookie": cookies}), timeout=15) as answer:
            shown = answer.read().decode()
        return centavos(shown[shown.index("Recebido em caixa</a>") :])

    with ThreadPoolExecutor(8) as readers:
        return set(readers.map(read, range(24)))


def somebody_who_owes(page: Page, running: "Running") -> tuple[str, str]:
    """Name and matrícula."""
    page.goto(f"{running.url}/militantes?devendo=1")
    row = page.locator("tbody tr").first
    matricula = row.locator(".phone-only").inner_text().split("·")[0].strip()
    return row.locator(".row-link").inner_text(), matricula


def pay(page: Page, name: str, matricula: str) -> int:
    """Find the militante by part of the name, accept the months that are ticked, check, save. What was paid."""
    page.get_by_role("navigation").get_by_role("link", name="Registrar").click()
    page.get_by_label("Quem pagou?").press_sequentially(" ".join(name.split()[:2]), delay=20)
    page.locator(".result", has_text=matricula).click()
    expect(page.get_by_text("Meses que este pagamento quita")).to_be_visible()
    expect(page.locator("input[name=cota_ids]:checked").first).to_be_visible()
    valor = centavos(page.get_by_label("Valor recebido").input_value())
    page.get_by_text("Identificador do PIX e observação").click()
    page.get_by_label("Observação").fill("na assembleia")
    page.get_by_role("button", name="Conferir").click()
    expect(page.get_by_text("Para onde vai o dinheiro")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Observação")).to_have_value("na assembleia")
    assert centavos(page.get_by_label("Valor recebido").input_value()) == valor
    page.get_by_role("button", name="Conferir").click()
    expect(page.get_by_text("Para onde vai o dinheiro")).to_be_visible()
    page.get_by_role("button", name="Salvar", exact=True).click()
    expect(page.get_by_role("heading", name=re.compile(r"Pagamento nº \d+"))).to_be_visible()
    saved = page.url
    page.go_back()
    expect(page.get_by_text("Este formulário já foi salvo")).to_be_visible()
    assert page.url == saved
    return valor


def hits_of_the_panel(running: "Running") -> int:
    """As the operator's command shows them."""
    shown = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "controles", "cache", "status"],
        cwd=running.folder,
        env=running.environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = re.search(r"dashboard:stats +[\d,]+ +([\d,]+)", shown)
    assert found is not None, shown
    return int(found[1].replace(",", ""))


def log_out(page: Page) -> None:
    page.locator(".band .user summary").click()
    page.get_by_role("button", name="Sair").click()
    expect(page.get_by_text("Você saiu.")).to_be_visible()


def test_a_payment_and_its_estorno_show_at_once_and_after_logging_out_nothing_does(
    page: Page, running: "Running"
) -> None:
    first_login(page, running)
    before = cash_on_panel(page, running)
    assert cash_on_panel(page, running) == before
    assert cash_in_list(page) == before
    name, matricula = somebody_who_owes(page, running)

    paid = pay(page, name, matricula)
    payment = page.url
    assert paid > 0
    assert cash_on_panel(page, running) == before + paid
    assert cash_to_everybody(page, running) == {before + paid}
    assert cash_in_list(page) == before + paid
    newest = page.locator("tbody tr").first
    expect(newest).to_contain_text(name)
    assert centavos(newest.locator(".num").inner_text()) == paid

    page.goto(payment)
    page.get_by_role("link", name="Estornar").click()
    page.get_by_label("Motivo do estorno").fill("Lançado na pessoa errada")
    page.get_by_role("button", name=re.compile("Estornar")).click()
    expect(page.get_by_text("estornado; as cotas voltaram a ficar em aberto")).to_be_visible()
    assert cash_on_panel(page, running) == before
    assert cash_to_everybody(page, running) == {before}
    assert cash_in_list(page) == before
    rows = page.locator("tbody tr", has_text=name)
    expect(rows.filter(has_text="Lançado na pessoa errada")).to_contain_text("Estorno")
    expect(rows.filter(has_text="Estornado").first).to_be_visible()
    assert hits_of_the_panel(running) > 0

    log_out(page)
    for _ in range(3):
        page.go_back()
        expect(page.get_by_role("heading", name="Entrar")).to_be_visible()
        assert name not in page.content()
        assert "Recebido em caixa" not in page.content()
