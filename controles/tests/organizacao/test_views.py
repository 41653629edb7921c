"""The organisation's own page: its data, two people at once, its picture."""

import io
from collections.abc import Callable
from typing import Any

from flask import Flask
from sqlalchemy import select

from controles.auditoria.models import Auditoria
from controles.db import db
from controles.organizacao.queries import get_organizacao

Visit = Callable[..., Any]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
DADOS = {
    "nome": "Associação Azul",
    "tipo": "associacao",
    "municipio": "Campinas",
    "uf": "SP",
    "valor_cota": "25,00",
    "dia_vencimento": "5",
    "inicio": "01/2026",
    "versao": "0",
}


def stored(web: Flask) -> Any:
    with web.app_context():
        return get_organizacao()


def test_what_is_said_first_is_kept_and_leads_to_the_panel(web: Flask, visit: Visit) -> None:
    answer = visit().submit("/organizacao", **DADOS)
    assert (answer.status_code, answer.location) == (303, "/")
    found = stored(web)
    assert (found.nome, found.valor_cota, found.dia_vencimento, f"{found.inicio:%m/%Y}") == (
        "Associação Azul",
        2500,
        5,
        "01/2026",
    )


def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(visit: Visit) -> None:
    page = visit().send("/organizacao", **{**DADOS, "inicio": "13/2026", "valor_cota": "x", "pix_chave": "nada"})
    assert "Este mês não existe" in page
    assert 'value="13/2026"' in page
    assert "não é um valor em reais" in page
    page = visit().send("/organizacao", **{**DADOS, "pix_chave": "nada", "dia_vencimento": "31"})
    assert "Escolha uma das opções" in page


def test_two_who_edit_at_once_keep_what_each_changed_and_are_asked_where_both_did(web: Flask, visit: Visit) -> None:
    ana, bia = visit(), visit()
    ana.submit("/organizacao", **DADOS)
    as_opened = {**DADOS, "versao": "1"}
    bia.submit("/organizacao", **{**as_opened, "municipio": "Jundiaí", "telefone": "11 5555-0000"})
    page = ana.send("/organizacao", **{**as_opened, "municipio": "Santos", "nome": "Associação Verde"})
    assert "Os dados da organização foram alterados enquanto você escrevia" in page
    assert "por admin" in page
    # Only the other changed it: it is in the form already. Both did: it is asked.
    assert 'value="11 5555-0000"' in page
    assert "Gravado por admin" in page
    assert "<strong>Jundiaí</strong>" in page
    assert 'name="fica_municipio"' in page
    assert 'name="versao" type="hidden" value="2"' in page

    mine = {**as_opened, "versao": "2", "telefone": "11 5555-0000", "municipio": "Santos", "nome": "Associação Verde"}
    page = ana.send("/organizacao", **mine, a_decidir="municipio")
    assert "Escolha qual dos dois valores fica" in page
    assert stored(web).municipio == "Jundiaí"
    ana.send("/organizacao", **mine, a_decidir="municipio", fica_municipio="gravado")
    found = stored(web)
    assert (found.municipio, found.telefone, found.nome) == ("Jundiaí", "11 5555-0000", "Associação Verde")


def test_ones_own_change_in_another_page_is_said_to_be_ones_own(visit: Visit) -> None:
    ana = visit()
    ana.submit("/organizacao", **DADOS)
    ana.submit("/organizacao", **{**DADOS, "versao": "1", "nome": "Outra"})
    assert "Você alterou estes dados em outra página" in ana.send(
        "/organizacao", **{**DADOS, "versao": "1", "nome": "Mais uma"}
    )


def test_a_new_member_begins_with_what_the_organisation_asks(visit: Visit) -> None:
    admin = visit()
    admin.submit("/organizacao", **DADOS)
    page = admin.get("/militantes/novo")
    assert 'value="25,00"' in page
    assert '<option selected value="5">5</option>' in page


def test_the_picture_is_kept_shown_printed_and_taken_away(web: Flask, visit: Visit) -> None:
    admin = visit()
    admin.get("/organizacao/logo", status=404)
    page = admin.send("/organizacao/logo", logo=(io.BytesIO(PNG), "logo.png"))
    assert "O logotipo foi guardado" in page
    answer = admin.client.get("/organizacao/logo")
    assert (answer.data, answer.mimetype) == (PNG, "image/png")
    assert "/organizacao/logo" in admin.get("/militantes/lista/imprimir")
    admin.send("/organizacao/logo", acao="remover")
    admin.get("/organizacao/logo", status=404)
    assert "/organizacao/logo" not in admin.get("/militantes/lista/imprimir")
    with web.app_context():
        acoes = list(db.session.scalars(select(Auditoria.acao)))
    assert {"organizacao.logo", "organizacao.remover_logo"} <= set(acoes)


def test_what_is_no_small_picture_is_refused_in_words(visit: Visit) -> None:
    admin = visit()
    for content, sentence in (
        (b"", "Escolha o arquivo"),
        (b"<svg onload=alert(1)>", "uma imagem PNG ou JPEG"),
        (PNG + bytes(301 * 1024), "mais de 300 kB"),
    ):
        assert sentence in admin.send("/organizacao/logo", logo=(io.BytesIO(content), "logo.png"))
    assert "Escolha o arquivo" in admin.send("/organizacao/logo")
