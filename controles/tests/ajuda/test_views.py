"""Help on the pages: a link in the heading, terms beside their words, and no way into a page that is not allowed."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from controles.ajuda.contents import AREAS, BY_KEY
from controles.contas.models import Papel


@pytest.mark.parametrize("papel", [Papel.TESOURARIA, Papel.LEITURA])
def test_every_page_of_help_leads_only_where_the_reader_may_go(visit: Callable[..., Any], papel: Papel) -> None:
    visitor = visit(papel)
    index = visitor.get("/ajuda")
    for area in AREAS:
        assert f'href="/ajuda/{area.chave}"' in index
        page = visitor.get(f"/ajuda/{area.chave}")
        for href in re.findall(r'<a class="btn quiet" href="([^"]+)"', page):
            assert visitor.client.get(href).status_code in {200, 303}, href
        for termo in area.termos:
            assert f'id="{termo.chave}"' in page
    assert ("/cotas/gerar" in visitor.get("/ajuda/cotas")) == (papel is Papel.TESOURARIA)
    visitor.get("/ajuda/inexistente", status=404)


def test_a_page_leads_to_its_help_and_explains_its_terms_in_place(
    visit: Callable[..., Any], org: Any, web: Any
) -> None:
    with web.app_context():
        org.militante("Ana")
        org.cotas("2026-03")
    visitor = visit()
    for path, area, terms in (
        ("/", "painel", ["inadimplente"]),
        ("/cotas", "cotas", ["previsto", "dispensada"]),
        ("/previsto-realizado", "cotas", ["competencia"]),
        ("/militantes/1", "militantes", ["credito"]),
        ("/fechamento/2026-02", "caixa", ["fechar"]),
        ("/conta/tokens", "conta", ["token"]),
        ("/usuarios/1", "administracao", ["papel", "alcance"]),
    ):
        page = visitor.get(path)
        assert f'<a class="help" href="/ajuda/{area}">' in page, path
        assert area in BY_KEY
        for term in terms:
            assert len(re.findall(rf'popovertarget="ajuda-{term}"', page)) == 1, (path, term)
            assert len(re.findall(rf'popover id="ajuda-{term}"', page)) == 1, (path, term)
    assert "popovertarget" not in visitor.get("/ajuda/cotas")
