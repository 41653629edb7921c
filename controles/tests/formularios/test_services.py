"""What was typed waits for its user alone, sealed, for a day."""

import datetime as dt
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.contas.models import Papel, Usuario
from controles.db import db
from controles.formularios.models import FormularioGuardado
from controles.formularios.sealing import Guardado, form_seal
from controles.formularios.services import KEPT_FOR, forget, keep, kept

TYPED = Guardado((("nome", "Maria da Silva"), ("cota_ids", "1"), ("cota_ids", "2")), {"nome": ("Curto demais.",)})


@pytest.fixture
def users(app: Flask) -> tuple[int, int]:
    made = [Usuario(email=f"{name}@x.org", nome=name, papel=Papel.ADMIN, fs_uniquifier=name) for name in ("ana", "bia")]
    db.session.add_all(made)
    db.session.commit()
    return made[0].id, made[1].id


def test_what_was_kept_comes_back_for_its_user_alone(users: Any, agora: dt.datetime) -> None:
    ana, bia = users
    token = keep(TYPED, usuario_id=ana, agora=agora)
    assert kept(token, usuario_id=ana, agora=agora) == TYPED
    assert kept(token, usuario_id=bia, agora=agora) is None
    assert kept("x" * 100, usuario_id=ana, agora=agora) is None
    stored = db.session.scalars(sa.select(FormularioGuardado)).one()
    assert b"Maria" not in stored.conteudo
    assert token.encode() not in stored.id


def test_a_form_is_kept_under_its_own_number_in_place_of_what_was_there(users: Any, agora: dt.datetime) -> None:
    ana, bia = users
    first = keep(TYPED, usuario_id=ana, agora=agora, token="a" * 32)
    again = Guardado((("nome", "Outra"),))
    assert keep(again, usuario_id=ana, agora=agora, token=first) == first
    assert kept(first, usuario_id=ana, agora=agora) == again
    # Another user who knows the number neither reads nor replaces it.
    assert keep(TYPED, usuario_id=bia, agora=agora, token=first) != first
    assert kept(first, usuario_id=ana, agora=agora) == again


def test_what_was_saved_or_is_a_day_old_is_gone(users: Any, agora: dt.datetime) -> None:
    ana, _ = users
    saved = keep(TYPED, usuario_id=ana, agora=agora)
    forget(saved, usuario_id=ana)
    assert kept(saved, usuario_id=ana, agora=agora) is None
    old = keep(TYPED, usuario_id=ana, agora=agora)
    assert kept(old, usuario_id=ana, agora=agora + KEPT_FOR) is None
    keep(TYPED, usuario_id=ana, agora=agora + KEPT_FOR)
    assert db.session.scalars(sa.select(sa.func.count()).select_from(FormularioGuardado)).one() == 1


def test_old_forms_are_looked_for_every_ten_minutes_and_not_each_time(
    users: Any, agora: dt.datetime, statements: Any
) -> None:
    ana, _ = users
    later = agora + 2 * KEPT_FOR
    keep(TYPED, usuario_id=ana, agora=agora)
    keep(TYPED, usuario_id=ana, agora=later)
    with statements() as seen:
        keep(TYPED, usuario_id=ana, agora=later + dt.timedelta(minutes=9))
    assert [statement.split()[0] for statement in seen if "formulario_guardado" in statement] == ["INSERT"]
    keep(TYPED, usuario_id=ana, agora=later + KEPT_FOR)
    assert db.session.scalars(sa.select(sa.func.count()).select_from(FormularioGuardado)).one() == 2


def test_a_mark_that_was_made_up_is_nobodys(app: Flask) -> None:
    seal = form_seal()
    assert seal.owner(seal.sign_owner(7)) == 7
    for forged in ("", "7", "7.x", seal.sign_owner(7).replace("7", "8", 1)):
        assert seal.owner(forged) is None
