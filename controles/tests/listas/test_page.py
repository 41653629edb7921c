"""A list as a whole holds every row of its filter, under a heading that says what it is, and leaves an audit row."""

import csv
import datetime as dt
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.auditoria.models import Auditoria
from controles.contas.models import Papel
from controles.db import db
from controles.domain.escopo import Escopo
from controles.importing.services import Listener, review_militantes
from controles.lembretes.models import Canal
from controles.lembretes.records import FiltroLembretes, Pedido
from controles.lembretes.services import mark_month, register_lembretes
from controles.organizacao.models import Organizacao
from controles.recibos.services import issue_recibos
from controles.services.transaction import transaction


@pytest.fixture
def people(web: Flask, org: Any) -> dict[str, int]:
    """Fifty-five Silvas in Centro who owe, one Souza in Leste."""
    with web.app_context():
        centro, leste = org.nucleo("Centro"), org.nucleo("Leste")
        for number in range(55):
            org.militante(f"Silva {number:02d}", nucleo_id=centro, telefone="+55 11 98765-4321")
        souza = org.militante("Souza", nucleo_id=leste, nome_social="=1+1")
        org.cotas("2026-02")
        org.pay(souza, 2000)
        with transaction() as session:
            session.add(Organizacao(id=1, nome="Associação do Bairro"))
    return {"centro": centro, "leste": leste, "souza": souza}


def rows_of(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=";"))


def audited(web: Flask) -> list[tuple[str, Any]]:
    with web.app_context():
        rows = db.session.scalars(sa.select(Auditoria).order_by(Auditoria.id)).all()
        return [(row.acao, row.depois) for row in rows if row.acao.split(".")[1] in ("exportar", "imprimir")]


def test_the_printed_list_has_every_row_and_says_what_it_is(visit: Callable[..., Any], people: Any) -> None:
    visitor = visit(Papel.SECRETARIA)
    listed = visitor.get(f"/militantes?nucleo_id={people['centro']}&devendo=1")
    assert "Só as linhas desta página" in listed
    link = re.search(r'href="(/militantes/lista/imprimir[^"]*)"', listed)
    assert link is not None
    page = visitor.get(link[1].replace("&amp;", "&"))
    assert len(re.findall(r"<td>Silva \d\d</td>", page)) == 55
    assert "(11)" in page or "+55 11" in page
    assert "E-mail" not in page[page.index("<table") :]
    heading = page[page.index("<h1") : page.index("</p>")]
    for words in ("Associação do Bairro", "núcleo Centro", "com cota vencida", "55 linhas", "17/03/2026 às 12:00"):
        assert words in heading


@pytest.mark.parametrize("lista", ["militantes", "pagamentos", "cotas"])
@pytest.mark.parametrize("formato", ["csv", "xlsx", "imprimir"])
def test_each_list_goes_out_whole_in_each_form_and_is_audited(
    visit: Callable[..., Any], web: Flask, people: Any, lista: str, formato: str
) -> None:
    answer = visit(Papel.TESOURARIA).client.get(f"/{lista}/lista/{formato}")
    assert answer.status_code == 200
    assert answer.data
    count = {"militantes": 56, "pagamentos": 1, "cotas": 56}[lista]
    action = "imprimir" if formato == "imprimir" else "exportar"
    expected = {"formato": formato, "filtro": {}, "linhas": count, "nucleo_id": None}
    assert audited(web) == [(f"{lista}.{action}", expected)]
    if formato == "csv":
        assert len(rows_of(answer.data)) == count + 1


def test_an_export_has_exactly_the_rows_of_its_filter_and_scope(visit: Callable[..., Any], people: Any) -> None:
    visitor = visit(Papel.SECRETARIA, people["leste"])
    rows = rows_of(visitor.client.get(f"/militantes/lista/csv?nucleo_id={people['centro']}").data)
    assert len(rows) == 1
    rows = rows_of(visitor.client.get("/militantes/lista/csv").data)
    assert [row[1:3] for row in rows[1:]] == [["Souza", "'=1+1"]]
    assert rows_of(visit().client.get("/cotas/lista/csv?estado=quitada").data)[1][:2] == ["'=1+1", "02/2026"]


def test_who_may_only_read_prints_and_exports_nothing(visit: Callable[..., Any], people: Any) -> None:
    visitor = visit(Papel.LEITURA)
    assert "/lista/csv" not in visitor.get("/militantes")
    for lista in ("militantes", "pagamentos", "cotas"):
        visitor.get(f"/{lista}/lista/csv", status=403)
        visitor.get(f"/{lista}/lista/imprimir")
        visitor.get(f"/{lista}/lista/pdf", status=403)


def test_an_export_that_is_imported_again_changes_nothing(
    visit: Callable[..., Any], web: Flask, people: Any, clock: Any, tmp_path: Path
) -> None:
    path = tmp_path / "de-volta.csv"
    path.write_bytes(visit().client.get("/militantes/lista/csv").data)
    faults: list[Any] = []
    with web.app_context():
        resumo = review_militantes(path, hoje=clock.today, listener=Listener(faulty=faults.append))
    assert faults == []
    assert (resumo.iguais, resumo.novos, resumo.atualizados) == (56, 0, 0)


def test_a_search_is_not_told_to_the_audit(visit: Callable[..., Any], web: Flask, people: Any) -> None:
    visitor = visit()
    listed = visitor.search("/militantes", busca="silva")
    link = re.search(r'href="(/militantes/lista/csv[^"]*)"', listed)
    assert link is not None
    assert "silva" not in link[1].lower()
    assert len(rows_of(visitor.client.get(link[1].replace("&amp;", "&")).data)) == 56
    assert audited(web)[0][1]["filtro"] == {"busca": "…"}


def test_the_lists_of_receipts_reminders_and_audit_are_files_too(
    web: Flask, visit: Callable[..., Any], org: Any
) -> None:
    with web.app_context():
        maria = org.militante("=Maria", email="maria@exemplo.org")
        org.cotas("2026-02")
        when = {"autor_id": None, "agora": org.clock.now}
        issue_recibos(Escopo(), (org.pay(maria, 1000),), **when)
        mark_month(Escopo(), dt.date(2026, 2, 1), completo=True, **when)
        filtro = FiltroLembretes(competencia=dt.date(2026, 2, 1))
        asked = Pedido(filtro=filtro, militante_ids=(maria,), canal=Canal.EMAIL)
        register_lembretes(Escopo(), asked, hoje=org.clock.today, **when)
    visitor = visit()
    receipts = rows_of(visitor.client.get("/recibos/lista/csv?ano=2026").data)
    assert receipts[1:] == [["2026/000001", "'=Maria", "17/03/2026", "10,00", "1", ""]]
    assert rows_of(visitor.client.get("/recibos/lista/csv?ano=2025").data)[1:] == []
    reminders = rows_of(visitor.client.get("/lembretes/historico/lista/csv").data)
    assert [row[2] for row in reminders[1:]] == ["'=Maria"]
    trail = rows_of(visitor.client.get("/admin/auditoria/lista/csv?acao=recibo.emitir").data)
    assert [row[3] for row in trail[1:]] == ["recibo.emitir"]
    assert visit(Papel.LEITURA).client.get("/recibos/lista/csv").status_code == 403
    with web.app_context():
        acts = db.session.scalars(sa.select(Auditoria.acao).where(Auditoria.acao.endswith(".exportar"))).all()
    assert acts == ["recibos.exportar"] * 2 + ["lembretes.exportar", "auditoria.exportar"]
