"""The PIX on a militante's page: for what is overdue, else for one cota; none without the organisation's key."""

import html
import re
from collections.abc import Callable
from typing import Any

from flask import Flask

from controles.organizacao.records import DadosOrganizacao
from controles.organizacao.services import save_organizacao


def test_the_page_has_the_code_for_what_is_overdue_once_there_is_a_key(
    visit: Callable[..., Any], web: Flask, org: Any
) -> None:
    with web.app_context():
        militante_id = org.militante("Ana")
        org.cotas("2026-01", "2026-02")
    visitor = visit()
    path = f"/militantes/{militante_id}"
    assert "Copia e cola" not in visitor.get(path)
    with web.app_context():
        dados = DadosOrganizacao(nome="Vale", municipio="Ouro Preto", pix_chave="tesouraria@vale.org.br")
        save_organizacao(dados, autor_id=None, agora=org.clock.now)
    page = visitor.get(path)
    found = re.search(r"readonly>([^<]+)</textarea>", page)
    assert found is not None
    code = html.unescape(found[1])
    assert "540540.00" in code
    assert f"MILITANTE{militante_id}" in code
    assert 'src="data:image/svg+xml' in page
    with web.app_context():
        org.pay(militante_id, 4000)
    assert "540520.00" in visitor.get(path)
