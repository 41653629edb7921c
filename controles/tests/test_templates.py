"""What holds for every page: its frame, its static files, and nothing that the content security policy would refuse."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import controles
from controles.contas.models import Papel

PACKAGE = Path(controles.__file__).parent
TEMPLATES = sorted(PACKAGE.rglob("templates/**/*.html"))
STYLES = sorted((PACKAGE / "static" / "css").glob("*.css"))
SYMBOLS = {
    symbol.get("id")
    for symbol in ElementTree.parse(PACKAGE / "static" / "icons.svg").iter("{http://www.w3.org/2000/svg}symbol")
}
PAGES = ["/", "/militantes", "/militantes/novo", "/pagamentos", "/pagamentos/novo", "/cotas", "/cotas/gerar"]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.name))
def test_a_template_holds_no_inline_code_and_loads_nothing_from_elsewhere(template: Path) -> None:
    source = template.read_text(encoding="utf-8")
    assert not re.search(r"\sstyle=|\son[a-z]+=\"|javascript:|<style", source)
    assert not re.search(r"<script(?![^>]*(src=|nonce=))", source)
    assert not re.search(r"(src|href)=\"(https?:)?//", source)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.name))
def test_every_form_that_writes_carries_its_token(template: Path) -> None:
    source = template.read_text(encoding="utf-8")
    for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", source, re.S):
        assert "csrf_token" in form or "csrf_field()" in form or "hidden(form)" in form


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.name))
def test_every_icon_that_is_named_is_drawn(template: Path) -> None:
    source = template.read_text(encoding="utf-8")
    assert set(re.findall(r'icon\("([a-z-]+)"\)', source)) <= SYMBOLS


@pytest.mark.parametrize("style", STYLES, ids=lambda path: str(path.name))
def test_a_stylesheet_loads_only_files_beside_it_by_the_address_that_pages_use(style: Path) -> None:
    for target in re.findall(r'url\("([^"]+)"\)', style.read_text(encoding="utf-8")):
        name, _, version = target.partition("?v=")
        assert version == hashlib.sha256((style.parent / name).read_bytes()).hexdigest()[:10]


@pytest.mark.parametrize("style", STYLES, ids=lambda path: str(path.name))
def test_a_stylesheet_uses_only_tokens_that_exist(style: Path) -> None:
    everything = "".join(path.read_text(encoding="utf-8") for path in STYLES)
    declared = set(re.findall(r"(--[a-z0-9-]+)\s*:", everything))
    assert set(re.findall(r"var\((--[a-z0-9-]+)", style.read_text(encoding="utf-8"))) <= declared


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_one_heading_a_skip_link_and_its_place_in_the_navigation(
    visit: Callable[..., Any], path: str
) -> None:
    page = visit().get(path)
    assert page.count("<h1") == 1
    assert '<html lang="pt-BR">' in page
    assert '<a class="skip" href="#conteudo">' in page
    assert page.count('aria-current="page"') == 1
    assert re.search(r"<title>[^<]+ · Controles</title>", page)


@pytest.mark.parametrize("path", PAGES)
def test_every_control_of_a_page_has_a_label(visit: Callable[..., Any], path: str) -> None:
    page = visit().get(path)
    labelled = set(re.findall(r'<label for="([^"]+)"', page))
    controls = re.findall(r"<(?:input|select|textarea)\b[^>]*>", page)
    visible = [control for control in controls if 'type="hidden"' not in control]
    ids = {found[1] for control in visible if (found := re.search(r'\sid="([^"]+)"', control))}
    assert ids <= labelled


@pytest.mark.parametrize("path", PAGES)
def test_every_static_file_of_a_page_is_there_under_an_address_that_changes_with_it(
    visit: Callable[..., Any], path: str
) -> None:
    visitor = visit()
    assets = set(re.findall(r'"(/static/[^"#]+)', visitor.get(path)))
    assert len(assets) >= 9
    for asset in assets:
        assert re.search(r"\?v=[0-9a-f]{10}$", asset)
        assert visitor.client.get(asset).status_code == 200


def test_the_menu_says_who_is_logged_in_and_leads_out(visit: Callable[..., Any]) -> None:
    page = visit(Papel.LEITURA).get("/")
    assert "@exemplo.org" in page
    assert "Leitura" in page
    assert '<form method="post" action="/sair">' in page


@pytest.mark.parametrize("papel", list(Papel))
def test_the_navigation_offers_registering_to_who_may(visit: Callable[..., Any], papel: Papel) -> None:
    page = visit(papel).get("/")
    navigation = page[page.index("<nav") : page.index("</nav>")]
    places = set(re.findall('<a[^>]* ?href="([^"]+)"', navigation))
    may = papel in {Papel.ADMIN, Papel.TESOURARIA}
    assert places == {"/", "/militantes", "/pagamentos", "/cotas"} | ({"/pagamentos/novo"} if may else set())
