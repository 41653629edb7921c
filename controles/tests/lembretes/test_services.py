"""Recording reminders: to whom, when, and never twice."""

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.auditoria.models import Auditoria
from controles.db import db
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.domain.escopo import Escopo
from controles.lembretes.models import Canal, Estado, Lembrete, Regra
from controles.lembretes.queries import get_month
from controles.lembretes.services import mark_month, send_again, set_silent

WHOLE = Escopo()
FEBRUARY = dt.date(2026, 2, 1)


@pytest.fixture
def ana(app: Flask, org: Any) -> int:
    militante_id: int = org.militante("Ana Souza", email="ana@exemplo.org", telefone="11987654321")
    org.cotas("2026-01", "2026-02", "2026-03")
    return militante_id


def rows() -> list[Lembrete]:
    db.session.expire_all()
    return list(db.session.scalars(sa.select(Lembrete).order_by(Lembrete.id)))


def test_nobody_is_reminded_of_a_month_before_it_is_marked_complete(ana: int, reminding: Any) -> None:
    with pytest.raises(Conflict, match="completo"):
        reminding.register(ana)
    reminding.complete()
    reminding.complete(completo=False)
    with pytest.raises(Conflict, match="completo"):
        reminding.register(ana)
    assert rows() == []
    reminding.complete()
    assert len(reminding.register(ana)) == 1


def test_a_reminder_says_what_was_overdue_and_stands_in_the_audit(ana: int, reminding: Any) -> None:
    reminding.complete()
    (lembrete_id,) = reminding.register(ana)
    (row,) = rows()
    assert (row.id, row.meses, row.valor, row.estado) == (lembrete_id, 3, 6000, Estado.A_ENVIAR)
    last = db.session.scalars(sa.select(Auditoria).order_by(Auditoria.id.desc()).limit(1)).one()
    assert last.depois is not None
    assert (last.acao, last.depois["militantes"]) == ("lembrete.registrar", [ana])


def test_the_same_person_month_and_rule_is_reminded_once_whatever_the_channel(ana: int, reminding: Any) -> None:
    reminding.complete()
    assert reminding.register(ana)
    assert reminding.register(ana) == ()
    assert reminding.register(ana, canal=Canal.WHATSAPP) == ()
    assert len(reminding.register(ana, regra=Regra.TRES_MESES)) == 1
    assert len(rows()) == 2


def test_of_people_who_press_at_once_one_reminds(at_once: Any, ana: int, reminding: Any) -> None:
    reminding.complete()
    results = at_once(*[lambda: reminding.register(ana) for _ in range(6)])
    assert sorted(map(len, results)) == [0, 0, 0, 0, 0, 1]
    assert len(rows()) == 1


@pytest.mark.parametrize(
    "case", ["paid", "waived", "left", "silent", "exempt of this month", "no address", "owes too little"]
)
def test_who_is_not_to_be_reminded_is_passed_over(ana: int, org: Any, reminding: Any, hoje: dt.date, case: str) -> None:
    reminding.complete()
    filtro: dict[str, Any] = {}
    if case == "paid":
        org.pay(ana, 4000)
    elif case == "waived":
        org.waive(db.session.scalars(sa.text("SELECT id FROM cota WHERE competencia = '2026-02-01'")).one())
    elif case == "left":
        org.end(ana, hoje)
    elif case == "silent":
        silence(org, ana, "avisou que sai")
    elif case == "exempt of this month":
        filtro = {"competencia": dt.date(2025, 12, 1)}
        reminding.complete(filtro["competencia"])
    elif case == "no address":
        ana = org.militante("Bia", telefone="11987654321", data_filiacao=dt.date(2026, 1, 1))
        org.cotas("2026-02")
    else:
        org.pay(ana, 2000)
        filtro = {"regra": Regra.TRES_MESES}
    assert reminding.register(ana, **filtro) == ()
    assert rows() == []


def silence(org: Any, militante_id: int, motivo: str | None) -> None:
    when = {"autor_id": None, "agora": org.clock.now, "hoje": org.clock.today}
    set_silent(WHOLE, militante_id, motivo=motivo, **when)


def test_who_has_left_or_is_silent_is_reminded_if_that_is_asked_for(
    ana: int, org: Any, reminding: Any, hoje: dt.date
) -> None:
    reminding.complete()
    silence(org, ana, "avisou que sai")
    assert len(reminding.register(ana, avisaram=True)) == 1
    org.end(ana, hoje)
    silence(org, ana, None)
    assert len(reminding.register(ana, regra=Regra.TRES_MESES, desligados=True)) == 1


def test_silence_ends_when_its_reason_is_taken_away(ana: int, org: Any, reminding: Any) -> None:
    reminding.complete()
    silence(org, ana, "pediu")
    silence(org, ana, None)
    assert len(reminding.register(ana)) == 1


def test_the_months_mark_says_who_and_when(ana: int, org: Any, reminding: Any) -> None:
    assert not get_month(FEBRUARY).completo
    reminding.complete()
    assert (get_month(FEBRUARY).completo, get_month(FEBRUARY).quando) == (True, org.clock.now)
    with pytest.raises(Invalid, match="tesouraria geral"):
        mark_month(Escopo(1), FEBRUARY, completo=True, autor_id=None, agora=org.clock.now)


def test_another_nucleo_s_people_do_not_exist(app: Flask, org: Any, reminding: Any) -> None:
    near, far = org.nucleo("Perto"), org.nucleo("Longe")
    militante_id = org.militante("Zulmira", nucleo_id=far, email="z@exemplo.org")
    org.cotas("2026-02")
    reminding.complete()
    with pytest.raises(NotFound):
        reminding.register(militante_id, escopo=Escopo(near))
    with pytest.raises(NotFound):
        set_silent(Escopo(near), militante_id, motivo="x", autor_id=None, agora=org.clock.now, hoje=org.clock.today)
    (lembrete_id,) = reminding.register(militante_id)
    with pytest.raises(NotFound):
        send_again(Escopo(near), lembrete_id, autor_id=None, agora=org.clock.now)


def test_a_reminder_that_waits_or_was_sent_is_not_sent_again(ana: int, org: Any, reminding: Any) -> None:
    reminding.complete()
    (lembrete_id,) = reminding.register(ana)
    with pytest.raises(Conflict):
        send_again(WHOLE, lembrete_id, autor_id=None, agora=org.clock.now)
