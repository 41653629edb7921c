"""An empty organisation is led on its first day, by a list that disappears once nothing is left."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from controles.contas.models import Papel
from controles.organizacao.queries import get_primeiros_passos
from controles.organizacao.records import OPTIONAL_STEPS, DadosOrganizacao, Passo
from controles.organizacao.services import save_logo, save_organizacao, skip_step

Visit = Callable[..., Any]
HEADING = "Primeiros passos"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


def test_the_first_step_of_an_empty_organisation_is_to_say_who_it_is(web: Flask, visit: Visit) -> None:
    page = visit().get("/")
    assert HEADING in page
    assert '<li class="next">\n    <span class="step-mark" aria-hidden="true">1<' in page
    # Nothing can be left out before there is an organisation.
    assert "Não precisa" not in page


def test_each_step_is_done_once_what_it_makes_is_there(app: Flask, org: Any, clock: Any) -> None:
    when = {"autor_id": None, "agora": clock.now}
    assert get_primeiros_passos().falta == tuple(Passo)
    dados = DadosOrganizacao(nome="A", pix_chave="a@b.org", inicio=dt.date(2026, 2, 1))
    save_organizacao(dados, **when)
    assert set(get_primeiros_passos().feitos) == {Passo.DADOS, Passo.PIX, Passo.VALORES}
    save_logo(PNG, **when)
    org.militante(nucleo_id=org.nucleo())
    assert {Passo.LOGO, Passo.NUCLEOS, Passo.MILITANTES} <= set(get_primeiros_passos().feitos)
    assert Passo.COTAS in get_primeiros_passos().falta
    org.cotas("2026-02")
    assert get_primeiros_passos().falta == (Passo.SALDOS, Passo.CONTA, Passo.PESSOA)
    for passo in get_primeiros_passos().falta:
        skip_step(passo, **when)
    assert get_primeiros_passos().falta == ()


def test_the_list_disappears_once_what_is_left_is_not_needed(web: Flask, visit: Visit, org: Any, clock: Any) -> None:
    with web.app_context():
        save_organizacao(DadosOrganizacao(nome="A", inicio=dt.date(2026, 2, 1)), autor_id=None, agora=clock.now)
        org.militante()
        org.cotas("2026-02")
    admin = visit()
    page = admin.get("/")
    for passo in sorted(OPTIONAL_STEPS):
        assert HEADING in page
        page = admin.send("/organizacao/passos", passo=passo)
    assert HEADING not in page


@pytest.mark.parametrize("passo", ["dados", "militantes", "", "outro"])
def test_what_an_organisation_cannot_do_without_is_not_left_out(
    web: Flask, visit: Visit, clock: Any, passo: str
) -> None:
    with web.app_context():
        save_organizacao(DadosOrganizacao(nome="A"), autor_id=None, agora=clock.now)
    assert "Este passo não se pula" in visit().send("/organizacao/passos", passo=passo)


def test_only_who_administers_the_whole_organisation_is_led(web: Flask, visit: Visit, org: Any) -> None:
    with web.app_context():
        nucleo_id = org.nucleo()
    for papel, where in ((Papel.TESOURARIA, None), (Papel.LEITURA, None), (Papel.ADMIN, nucleo_id)):
        assert HEADING not in visit(papel, where).get("/")
