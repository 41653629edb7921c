"""What is left to do: of the months that are still open, up to the one that is to be closed."""

import datetime as dt
from typing import Any

from flask import Flask

from controles.db import db
from controles.fechamento.pending import pending
from controles.fechamento.records import Pendencias

JANUARY, FEBRUARY = dt.date(2026, 1, 1), dt.date(2026, 2, 1)


def test_payments_of_nobody_count_until_they_are_reversed(sqlite_app: Flask, org: Any) -> None:
    org.pay(None, 500, data_credito=dt.date(2026, 1, 31))
    org.pay(None, 600, data_credito=dt.date(2026, 2, 1))
    org.pay(None, 700, data_credito=dt.date(2026, 3, 1))
    org.reverse(org.pay(None, 800, data_credito=dt.date(2026, 2, 2)))
    assert pending(db.session, None, FEBRUARY) == Pendencias(0, 2)
    assert pending(db.session, JANUARY, FEBRUARY) == Pendencias(0, 1)
    assert not pending(db.session, None, dt.date(2025, 12, 1))
