"""What the code of a card proves, and to whom it names nobody."""

import datetime as dt
from typing import Any

from flask import Flask

from controles.carteiras.queries import active_members, carteira_of, prove
from controles.carteiras.services import issue_carteiras, revoke_carteira
from controles.domain.escopo import Escopo

WHOLE = Escopo()


def test_a_code_proves_an_active_member_for_as_long_as_that_is_true(app: Flask, org: Any) -> None:
    maria = org.militante("Maria da Silva")
    when = {"autor_id": None, "agora": org.clock.now}
    issue_carteiras(WHOLE, (maria,), hoje=org.clock.today, **when)
    card = carteira_of(WHOLE, maria)
    assert card is not None

    def proves(day: dt.date = org.clock.today) -> bool:
        found = prove(card.codigo, hoje=day)
        assert found is not None
        assert "Maria" not in repr(found)
        return found.vale

    assert proves()
    assert proves(dt.date(2027, 3, 31))
    assert not proves(dt.date(2027, 4, 1))
    org.on_leave(maria, org.clock.today)
    assert not proves()
    org.back(maria, org.clock.today)
    assert proves()
    revoke_carteira(WHOLE, card.id, motivo="perdida", **when)
    assert not proves()
    assert prove("nenhuma", hoje=org.clock.today) is None


def test_the_active_of_a_nucleo_by_name(app: Flask, org: Any) -> None:
    near, far = org.nucleo("Perto"), org.nucleo("Longe")
    bia, ana = (org.militante(name, nucleo_id=near) for name in ("Bia", "Ana"))
    other = org.militante("Caio", nucleo_id=far)
    org.end(org.militante("Saiu", nucleo_id=near), org.clock.today)
    assert active_members(WHOLE, None, limit=9) == (ana, bia, other)
    assert active_members(WHOLE, near, limit=9) == (ana, bia)
    assert active_members(Escopo(far), near, limit=9) == ()
    assert active_members(WHOLE, None, limit=1) == (ana,)
