"""Whom a reminder is for: what is previewed and what is recorded are the same people."""

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.db import db
from controles.domain.escopo import Escopo
from controles.lembretes.models import Lembrete, Regra
from controles.lembretes.queries import preview
from controles.lembretes.records import FiltroLembretes

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


def test_the_preview_and_the_recording_mean_the_same_people(ana: int, org: Any, reminding: Any, hoje: dt.date) -> None:
    others = [org.militante(f"Pessoa {letter}", email=f"{letter}@exemplo.org") for letter in "bcd"]
    org.cotas("2026-01", "2026-02", "2026-03")
    org.pay(others[0], 6000)
    org.pay(others[1], 2000)
    reminding.complete()
    for regra in Regra:
        filtro = FiltroLembretes(competencia=FEBRUARY, regra=regra)
        shown = [linha.id for linha in preview(WHOLE, filtro, hoje=hoje).linhas]
        assert len(reminding.register(ana, *others, regra=regra)) == len(shown)
        assert {row.militante_id for row in rows() if row.regra is regra} == set(shown)
        assert preview(WHOLE, filtro, hoje=hoje).linhas == ()
