"""The PIX on a militante's page: for what is overdue, else for one cota; none without the organisation's key."""

import datetime as dt
import html
import re
from collections.abc import Callable
from typing import Any

from flask import Flask

from controles.cotas.queries import open_cotas
from controles.domain.escopo import Escopo
from controles.organizacao.records import DadosOrganizacao
from controles.organizacao.services import save_organizacao
from controles.pix.txids import txid_of


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


def test_the_code_asks_for_the_chosen_cotas_and_the_statement_knows_them_again(
    visit: Callable[..., Any], web: Flask, org: Any
) -> None:
    with web.app_context():
        ana, bia = org.militante("Ana"), org.militante("Bia")
        org.cotas("2026-01", "2026-02", "2026-03")
        dados = DadosOrganizacao(nome="Vale", municipio="Ouro Preto", pix_chave="tesouraria@vale.org.br")
        save_organizacao(dados, autor_id=None, agora=org.clock.now)
        cotas = {cota.competencia: cota.id for cota in open_cotas(Escopo(), ana, hoje=org.clock.today)}
        other = open_cotas(Escopo(), bia, hoje=org.clock.today)[0].id
    months = (dt.date(2026, 1, 1), dt.date(2026, 3, 1))
    # Somebody else's cota in the address counts for nothing.
    chosen = "&".join(f"cota_ids={number}" for number in (*(cotas[month] for month in months), other))
    page = visit().get(f"/militantes/{ana}?{chosen}")
    code = re.search(r"readonly>([^<]+)</textarea>", page)
    assert code is not None
    assert "540540.00" in code[1]
    assert txid_of(ana, months) in code[1]
    assert page.count(" checked") == 2
