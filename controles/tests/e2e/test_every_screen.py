"""Every screen that a link leads to, on a phone, a tablet and a desk: it fits, and axe finds nothing."""

import re
from collections import deque
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect

from .test_treasurer import code_now, first_login

if TYPE_CHECKING:
    from .conftest import Running

pytestmark = [pytest.mark.browser, pytest.mark.slow]

_PHONE, _TABLET, _DESK = (ViewportSize(width=width, height=900) for width in (360, 768, 1280))
_OPEN = "(all) => all.forEach((details) => { details.open = true })"
_TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# WCAG 2.2 A and AA, and axe's own advice.
_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def screen_of(path: str) -> str:
    """The screen that a path shows: `/militantes/7` and `/militantes/8` are one."""
    return re.sub(r"\d+(?:-\d+)*", "N", path)


def links_of(page: Page, running: "Running") -> list[str]:
    found = page.evaluate("[...document.querySelectorAll('a[href]:not([download])')].map((a) => a.href)")
    return [href.split("#")[0] for href in found if href.startswith(running.url)]


def test_every_screen_fits_its_width_and_axe_finds_nothing(page: Page, running: "Running") -> None:
    first_login(page, running)
    problems: dict[str, list[str]] = {}
    seen: set[str] = set()
    waiting = deque([running.url + "/"])
    axe = Axe()
    while waiting:
        url = waiting.popleft()
        screen = screen_of(urlsplit(url).path)
        # Whole lists are laid out for paper, thousands of rows on one page.
        if (
            screen in seen
            or screen.endswith("/imprimir")
            or page.request.head(url).headers.get("content-type", "")[:9] != "text/html"
        ):
            continue
        seen.add(screen)
        page.set_viewport_size(_PHONE)
        answer = page.goto(url)
        assert answer is not None
        assert answer.status < 400, f"{url}: {answer.status}"
        waiting.extend(links_of(page, running))
        for size in (_PHONE, _TABLET, _DESK):
            page.set_viewport_size(size)
            if over := page.evaluate(_TOO_WIDE):
                problems.setdefault(screen, []).append(f"{over} px too wide at {size['width']}")
        page.set_viewport_size(_PHONE)
        page.eval_on_selector_all("main details:not([data-menu], [data-dropdown])", _OPEN)
        for found in axe.run(page, options=_RULES).response["violations"]:
            where = [" ".join(node["target"]) for node in found["nodes"][:3]]
            problems.setdefault(screen, []).append(f"{found['id']}: {where}")
        # The menus last: what they lie on is out of a finger's reach while they are open.
        page.eval_on_selector_all("details", _OPEN)
        if over := page.evaluate(_TOO_WIDE):
            problems.setdefault(screen, []).append(f"{over} px too wide with its menus open")
    assert {"/", "/militantes/N", "/pagamentos/novo", "/cotas", "/inadimplencia/meses", "/banco"} <= seen
    assert problems == {}


def test_a_payment_is_registered_without_javascript(browser: Browser, running: "Running") -> None:
    with browser.new_context(
        viewport=_PHONE, locale="pt-BR", timezone_id="America/Sao_Paulo", java_script_enabled=False
    ) as context:
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.goto(running.url)
        page.get_by_label("E-mail").fill(running.email)
        page.get_by_label("Senha").fill(running.password)
        page.get_by_role("button", name="Continuar").click()
        page.get_by_label(re.compile("^Código")).fill(code_now(running.otp_secret))
        page.locator("main form button[type=submit]").first.click()
        page.goto(f"{running.url}/militantes?devendo=1")
        page.locator("tbody .row-link").first.click()
        page.locator("main").get_by_role("link", name=re.compile("Registrar")).first.click()
        page.get_by_role("button", name="Conferir").click()
        expect(page.get_by_text("Para onde vai o dinheiro")).to_be_visible()
        page.get_by_role("button", name="Salvar", exact=True).click()
        expect(page.get_by_role("heading", name=re.compile(r"Pagamento nº \d+"))).to_be_visible()
