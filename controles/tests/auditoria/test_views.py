"""The audit on the screen, and its commands."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.auditoria import audit
from controles.auditoria.models import Auditoria, AuditoriaPonta
from controles.auditoria.tips import EVERY, Tip, TipLog, parse_tip, tips_in_logs
from controles.contas.models import Papel
from controles.db import db
from controles.services.transaction import transaction
from controles.web.logs import application_logs


def write(clock: Any, **values: Any) -> int:
    with transaction() as session:
        return audit.record(session, **{"acao": "teste", "usuario_id": None, "agora": clock.now} | values)


@pytest.fixture
def filled(web: Flask, clock: Any) -> Flask:
    with web.app_context():
        write(
            clock,
            acao="militante.editar",
            tabela="militante",
            registro_id=7,
            antes={"nome": "Ana"},
            depois={"nome": "Bia"},
        )
        write(
            clock,
            acao="militante.criar",
            tabela="militante",
            registro_id=8,
            depois={"nome": "<b>Caio</b>", "isento": True},
        )
        write(clock, acao="conta.entrar", tabela="usuario", registro_id=1, depois={"com": "codigo", "valor": 123456})
    return web


def test_each_row_shows_before_and_after(filled: Flask, visit: Callable[..., Any]) -> None:
    page = visit().get("/admin/auditoria")
    assert "<del>Ana</del> → <ins>Bia</ins>" in page
    assert "<ins>&lt;b&gt;Caio&lt;/b&gt;</ins>" in page
    assert "<b>isento</b> <ins>sim</ins>" in page
    assert "1.234,56</ins>" in page
    assert page.index("conta.entrar") < page.index("<del>Ana</del>")


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("acao=militante", [2, 1]),
        ("acao=militante.criar", [2]),
        ("acao=milit", []),
        ("tabela=usuario", [3]),
        ("tabela=militante&registro_id=7", [1]),
        ("registro_id=99999999999999999999", []),
        ("usuario_id=-1", []),
        ("de=2026-03-17&ate=2026-03-17", [3, 2, 1]),
        ("de=2026-03-18", []),
        ("ate=2026-03-16", []),
        ("de=0001-01-01&ate=9999-12-31", [3, 2, 1]),
    ],
)
def test_the_filters_of_the_address_choose_rows(
    filled: Flask, visit: Callable[..., Any], query: str, numbers: list[int]
) -> None:
    page = visit().get(f"/admin/auditoria?{query}")
    shown = [number for number in (3, 2, 1) if f"nº {number}<" in page]
    assert shown == numbers


def test_pages_follow_each_other(web: Flask, visit: Callable[..., Any], clock: Any) -> None:
    with web.app_context():
        for _ in range(60):
            write(clock)
    visitor = visit()
    page = visitor.get("/admin/auditoria")
    assert "nº 60<" in page
    assert "nº 10<" not in page
    (following,) = [part.split('"')[0] for part in page.split('rel="next" href="')[1:]]
    assert "nº 10<" in visitor.get(following.replace("&amp;", "&"))


@pytest.mark.parametrize("papel", [Papel.TESOURARIA, Papel.SECRETARIA, Papel.LEITURA])
def test_it_is_for_the_administration_alone(filled: Flask, visit: Callable[..., Any], papel: Papel) -> None:
    visitor = visit(papel)
    visitor.get("/admin/auditoria", status=403)
    assert visitor.submit("/admin/auditoria/conferir").status_code == 403
    assert "Auditoria" not in visitor.get("/")


def test_an_administrator_of_one_nucleo_does_not_see_it(filled: Flask, visit: Callable[..., Any], org: Any) -> None:
    with filled.app_context():
        nucleo = org.nucleo()
    visit(Papel.ADMIN, nucleo).get("/admin/auditoria", status=403)


def test_a_whole_chain_is_said_with_its_tip(filled: Flask, visit: Callable[..., Any]) -> None:
    page = visit().submit("/admin/auditoria/conferir").text
    with filled.app_context():
        tip = audit.present_tip(db.session)
    assert "A auditoria confere: 3 linhas" in page
    assert str(tip) in page


def test_a_chain_that_lost_its_end_is_told_by_the_tip_in_the_form(
    filled: Flask, visit: Callable[..., Any], as_owner: Any
) -> None:
    with filled.app_context():
        tip = audit.present_tip(db.session)
        digest = db.session.scalars(sa.select(Auditoria.digest).where(Auditoria.id == 2)).one()
        as_owner(sa.delete(Auditoria).where(Auditoria.id == 3))
        as_owner(sa.update(AuditoriaPonta).values(ultimo_id=2, digest=digest))
    visitor = visit()
    page = visitor.submit("/admin/auditoria/conferir", ponta=str(tip)).text
    assert "A auditoria não confere" in page
    assert "linhas foram retiradas" in page
    refused = visitor.submit("/admin/auditoria/conferir", ponta="3")
    assert refused.status_code == 400
    assert "não é uma ponta da auditoria" in refused.text


def test_the_command_checks_against_the_log(app: Flask, clock: Any, as_owner: Any) -> None:
    run = app.test_cli_runner().invoke
    assert "está vazia" in run(args=["audit", "tip"]).output
    for _ in range(3):
        write(clock)
    whole = run(args=["audit", "verify"])
    assert whole.exit_code == 0, whole.output
    assert "A auditoria confere: 3 linhas" in whole.output
    tip = run(args=["audit", "tip"]).output.strip()
    assert tip in whole.output
    assert "não é uma ponta" in run(args=["audit", "verify", "--tip", "x"]).output
    as_owner(sa.update(Auditoria).where(Auditoria.id == 2).values(acao="outra"))
    broken = run(args=["audit", "verify", "--tip", tip])
    assert broken.exit_code == 1
    assert "a linha 2 foi alterada" in broken.output


def test_the_log_holds_a_tip_a_day_and_one_every_hundred_rows(
    app: Flask, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controles.auditoria.tips._tip_log", TipLog())

    def logged() -> list[int]:
        return [tip.row_id for tip in tips_in_logs(application_logs(app.extensions["settings"].log_dir))]

    write(clock)
    write(clock)
    assert logged() == [1]
    clock.advance(days=1)
    write(clock)
    assert logged() == [1, 3]
    with transaction() as session:
        changes = [audit.Change(acao="teste")] * EVERY
        audit.record_many(session, changes, usuario_id=None, agora=clock.now)
    assert logged() == [1, 3, 103]
    clock.advance(days=1)
    audit.record(db.session, acao="teste", usuario_id=None, agora=clock.now)
    db.session.rollback()
    assert logged() == [1, 3, 103]


def test_a_chain_that_the_log_knows_to_be_longer_does_not_pass(
    app: Flask, clock: Any, as_owner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controles.auditoria.tips._tip_log", TipLog())
    with transaction() as session:
        audit.record_many(session, [audit.Change(acao="teste")] * 3, usuario_id=None, agora=clock.now)
    digest = db.session.scalars(sa.select(Auditoria.digest).where(Auditoria.id == 2)).one()
    as_owner(sa.delete(Auditoria).where(Auditoria.id == 3))
    as_owner(sa.update(AuditoriaPonta).values(ultimo_id=2, digest=digest))
    answer = app.test_cli_runner().invoke(args=["audit", "verify"])
    assert answer.exit_code == 1
    assert "já teve a linha 3" in answer.output


def test_lines_of_a_log_that_are_no_tips_are_passed_over(tmp_path: Path) -> None:
    lines = [
        json.dumps({"event": "audit_tip", "tip": "12-0123456789abcdef"}),
        json.dumps({"event": "request", "tip": "13-0123456789abcdef", "said": "audit_tip"}),
        json.dumps({"event": "audit_tip", "tip": 7}),
        json.dumps({"event": "audit_tip"}),
        '["audit_tip"]',
        "audit_tip {",
        "\udcff\x00",
    ]
    (tmp_path / "controles.log").write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    assert tips_in_logs([tmp_path / "controles.log", tmp_path / "no.log"]) == (Tip(12, "0123456789abcdef"),)


@pytest.mark.parametrize("text", ["", "1", "0-0123456789abcdef", "1-0123", "1-0123456789abcdeg", "-1-0123456789abcdef"])
def test_what_is_no_tip_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="não é uma ponta da auditoria"):
        parse_tip(text)
