"""Invitations as a service: one account for one link, whoever comes and however often."""

import dataclasses
import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from controles.contas import inviting
from controles.contas.administering import block_user, change_role
from controles.contas.models import Convite, Papel, Usuario
from controles.contas.queries import list_convites, waiting_convite
from controles.contas.records import EstadoConvite, NovoConvite
from controles.db import db
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.militantes.models import Nucleo

NewPerson = Callable[..., Any]
NOVO = NovoConvite(nome="Bia", email="Bia@Exemplo.org", papel=Papel.TESOURARIA, nucleo_id=None)
CHOSEN = "uma frase bem comprida"


@pytest.fixture
def boss(new_person: NewPerson) -> Any:
    return new_person(papel=Papel.ADMIN)


def test_a_link_makes_one_account_and_then_nothing(app: Flask, boss: Any, clock: Any) -> None:
    with app.app_context():
        _, token = inviting.invite(NOVO, autor_id=boss.id, agora=clock.now)
        usuario = inviting.accept(token, nome=" Bia  Souza ", password=CHOSEN, agora=clock.now)
        assert (usuario.email, usuario.nome, usuario.papel) == ("bia@exemplo.org", "Bia Souza", Papel.TESOURARIA)
        assert usuario.tf_primary_method is None
        with pytest.raises(Conflict, match="não vale mais"):
            inviting.accept(token, nome="Outra", password=CHOSEN, agora=clock.now)
        (line,) = list_convites(agora=clock.now)
        assert (line.estado, line.usuario_id) == (EstadoConvite.ACEITO, usuario.id)


def test_only_a_digest_of_the_token_is_stored(app: Flask, boss: Any, clock: Any) -> None:
    with app.app_context():
        convite_id, token = inviting.invite(NOVO, autor_id=boss.id, agora=clock.now)
        stored = db.session.get_one(Convite, convite_id)
        columns = {column.key: getattr(stored, column.key) for column in Convite.__table__.columns}
        assert token not in repr(columns)
        assert len(stored.digest) == 32


def test_a_link_ends_with_its_term_by_cancelling_and_by_another_link(app: Flask, boss: Any, clock: Any) -> None:
    with app.app_context():
        convite_id, first = inviting.invite(NOVO, autor_id=boss.id, agora=clock.now)
        last_moment = clock.now + inviting.VALID_FOR - dt.timedelta(seconds=1)
        assert waiting_convite(first, agora=last_moment) is not None
        assert waiting_convite(first, agora=clock.now + inviting.VALID_FOR) is None
        clock.advance(days=8)
        second = inviting.renew(convite_id, autor_id=boss.id, agora=clock.now)
        assert waiting_convite(first, agora=clock.now) is None
        assert waiting_convite(second, agora=clock.now) is not None
        inviting.cancel(convite_id, autor_id=boss.id, agora=clock.now)
        assert waiting_convite(second, agora=clock.now) is None
        for dead in (first, second, "", "x"):
            with pytest.raises(Conflict, match="Peça outro"):
                inviting.accept(dead, nome="Bia", password=CHOSEN, agora=clock.now)
        with pytest.raises(Conflict, match="já foi aceito ou cancelado"):
            inviting.renew(convite_id, autor_id=boss.id, agora=clock.now)
        with pytest.raises(NotFound):
            inviting.renew(convite_id + 1, autor_id=boss.id, agora=clock.now)


@pytest.mark.parametrize("fall", ["blocked", "another role", "one núcleo"])
def test_a_link_opens_nothing_once_its_author_administers_no_more(
    app: Flask, boss: Any, new_person: NewPerson, clock: Any, fall: str
) -> None:
    other = new_person(papel=Papel.ADMIN)
    with app.app_context():
        convite_id, token = inviting.invite(NOVO, autor_id=boss.id, agora=clock.now)
        if fall == "blocked":
            block_user(boss.id, motivo="saiu", autor_id=other.id, agora=clock.now)
        elif fall == "another role":
            change_role(boss.id, Papel.LEITURA, None, autor_id=other.id, agora=clock.now)
        else:
            db.session.execute(update(Usuario).where(Usuario.id == boss.id).values(nucleo_id=_nucleo()))
            db.session.commit()
        assert waiting_convite(token, agora=clock.now) is None
        assert [one.estado for one in list_convites(agora=clock.now)] == [EstadoConvite.SEM_EFEITO]
        # Who administers now can take it over.
        again = inviting.renew(convite_id, autor_id=other.id, agora=clock.now)
        assert waiting_convite(again, agora=clock.now) is not None


def _nucleo() -> int:
    nucleo = Nucleo(nome="Centro", uf="SP", municipio="São Paulo")
    db.session.add(nucleo)
    db.session.flush()
    return nucleo.id


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"nome": "  "}, "nome"),
        ({"email": "bia"}, "email"),
        ({"email": "bia@exemplo"}, "email"),
        ({"email": "a b@exemplo.org"}, "email"),
        ({"papel": Papel.ADMIN, "nucleo_id": 1}, "nucleo_id"),
        ({"nucleo_id": 77}, "nucleo_id"),
        ({"nucleo_id": 2**70}, "nucleo_id"),
    ],
)
def test_what_cannot_be_invited_is_refused_at_its_field(
    app: Flask, boss: Any, clock: Any, changed: dict[str, Any], field: str
) -> None:
    with app.app_context(), pytest.raises(Invalid) as refused:
        inviting.invite(dataclasses.replace(NOVO, **changed), autor_id=boss.id, agora=clock.now)
    assert refused.value.field == field


def test_nobody_is_invited_twice_nor_who_has_an_account(app: Flask, boss: Any, clock: Any) -> None:
    with app.app_context():
        inviting.invite(NOVO, autor_id=boss.id, agora=clock.now)
        with pytest.raises(Invalid, match="à espera"):
            inviting.invite(dataclasses.replace(NOVO, email="BIA@exemplo.ORG"), autor_id=boss.id, agora=clock.now)
        with pytest.raises(Invalid, match="Já há uma conta"):
            inviting.invite(dataclasses.replace(NOVO, email=boss.email), autor_id=boss.id, agora=clock.now)


def test_of_many_who_follow_one_link_at_once_one_has_an_account(any_app: Flask, clock: Any) -> None:
    with any_app.app_context():
        boss = Usuario(email="boss@x.org", nome="B", papel=Papel.ADMIN, active=True, fs_uniquifier="b")
        db.session.add(boss)
        db.session.commit()
        _, token = inviting.invite(NOVO, autor_id=boss.id, agora=clock.now)
    start, outcomes = threading.Barrier(4), []

    def follow(number: int) -> None:
        with any_app.app_context():
            start.wait()
            try:
                inviting.accept(token, nome=f"Bia {number}", password=CHOSEN, agora=clock.now)
                outcomes.append("made")
            except Conflict:
                outcomes.append("told")

    threads = [threading.Thread(target=follow, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made", "told", "told", "told"]
    with any_app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Usuario)) == 2
