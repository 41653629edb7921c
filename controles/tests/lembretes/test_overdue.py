"""What several militantes owe, in one statement."""

import datetime as dt
from typing import Any

from flask import Flask

from controles.db import db
from controles.lembretes.overdue import overdue_of


def test_each_has_their_overdue_months_and_who_owes_nothing_is_left_out(
    app: Flask, org: Any, hoje: dt.date, statements: Any
) -> None:
    ana, bia = org.militante("Ana"), org.militante("Bia")
    org.cotas("2026-01", "2026-02", "2026-04")
    org.pay(ana, 2500)
    org.pay(bia, 4000)
    with statements() as seen:
        owed = overdue_of(db.session, [ana, bia], hoje)
    assert owed == {ana: ((dt.date(2026, 2, 1),), 1500)}
    assert len(seen) == 1
    assert overdue_of(db.session, [], hoje) == {}
