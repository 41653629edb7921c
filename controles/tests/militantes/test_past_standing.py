"""The last change up to a day decides what somebody was on it."""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from flask import Flask

from controles.db import db
from controles.militantes.models import Militante, Situacao
from controles.militantes.past_standing import stood


def test_on_leave_and_back_by_the_day(app: Flask, org: Any) -> None:
    maria = org.militante()
    org.on_leave(maria, dt.date(2026, 2, 1))
    org.back(maria, dt.date(2026, 3, 1))

    def was(day: dt.date) -> list[Situacao]:
        return [one for one in Situacao if db.session.scalars(sa.select(Militante.id).where(stood(one, day))).all()]

    assert was(dt.date(2019, 1, 1)) == [Situacao.ATIVO]
    assert was(dt.date(2026, 1, 31)) == [Situacao.ATIVO]
    assert was(dt.date(2026, 2, 1)) == [Situacao.LICENCIADO]
    assert was(dt.date(2026, 2, 28)) == [Situacao.LICENCIADO]
    assert was(dt.date(2026, 3, 1)) == [Situacao.ATIVO]
    org.end(maria, dt.date(2026, 3, 10))
    assert was(dt.date(2026, 3, 9)) == [Situacao.ATIVO]
    assert was(dt.date(2026, 3, 10)) == [Situacao.DESLIGADO]


def test_of_two_changes_on_one_day_the_later_one_decides(app: Flask, org: Any) -> None:
    maria = org.militante()
    day = dt.date(2026, 2, 1)
    org.on_leave(maria, day)
    org.back(maria, day)
    assert db.session.scalars(sa.select(Militante.id).where(stood(Situacao.ATIVO, day))).all() == [maria]
    assert db.session.scalars(sa.select(Militante.id).where(stood(Situacao.LICENCIADO, day))).all() == []
