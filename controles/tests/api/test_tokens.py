"""Tokens: made with a reason and an end, revoked at once, stored as a digest; on SQLite and PostgreSQL."""

import datetime as dt
import threading
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from controles.api.models import TokenApi, UsoApi
from controles.api.queries import get_portador, list_tokens
from controles.api.records import Acesso, EstadoToken, NovoToken
from controles.api.tokens import LONGEST_DAYS, MOST_VALID, PREFIX, make_token, note_use, revoke_token
from controles.auditoria.models import Auditoria
from controles.contas.administering import reset_access, revoke_tokens
from controles.contas.models import Papel, Usuario
from controles.db import db
from controles.domain.domain_errors import Conflict, Invalid, NotFound

COTAS = NovoToken(nome=" planilha  da Ana ", acessos=frozenset({Acesso.COTAS}), dias=30)


@pytest.fixture
def user(app: Flask) -> int:
    return _user("ana")


def _user(name: str) -> int:
    usuario = Usuario(email=f"{name}@exemplo.org", nome=name, papel=Papel.TESOURARIA, fs_uniquifier=name)
    db.session.add(usuario)
    db.session.commit()
    return usuario.id


def test_a_token_is_valid_until_its_end_or_until_it_is_revoked(user: int, clock: Any) -> None:
    agora, hoje = clock.now, clock.today
    token_id, token = make_token(COTAS, usuario_id=user, agora=agora)
    assert token.startswith(PREFIX)
    found = get_portador(token, "cotas", hoje=hoje, agora=agora + dt.timedelta(days=30, seconds=-1))
    assert found is not None
    assert (found.usuario_id, found.acessos, found.ultimo_em) == (user, frozenset({Acesso.COTAS}), None)
    assert get_portador(token, "cotas", hoje=hoje, agora=agora + dt.timedelta(days=30)) is None
    assert token.encode() not in db.session.scalars(sa.select(TokenApi.digest)).one()
    revoke_token(token_id, usuario_id=user, agora=agora)
    assert get_portador(token, "cotas", hoje=hoje, agora=agora) is None
    with pytest.raises(Conflict, match="já estava revogado"):
        revoke_token(token_id, usuario_id=user, agora=agora)
    (line,) = list_tokens(user, agora=agora)
    assert (line.nome, line.estado, line.usado_em) == ("planilha da Ana", EstadoToken.REVOGADO, None)
    acts = db.session.scalars(sa.select(Auditoria.acao).where(Auditoria.tabela == "token_api").order_by(Auditoria.id))
    assert list(acts) == ["token.criar", "token.revogar"]


def test_nobody_revokes_a_token_of_somebody_else(user: int, agora: dt.datetime) -> None:
    token_id, _ = make_token(COTAS, usuario_id=user, agora=agora)
    other = _user("bia")
    for number in (token_id, 0, -1, 10**12):
        with pytest.raises(NotFound):
            revoke_token(number, usuario_id=other, agora=agora)


@pytest.mark.parametrize(
    ("novo", "field"),
    [
        (NovoToken(nome="  ", acessos=frozenset(Acesso), dias=30), "nome"),
        (NovoToken(nome="a" * 61, acessos=frozenset(Acesso), dias=30), "nome"),
        (NovoToken(nome="x", acessos=frozenset(), dias=30), "acessos"),
        (NovoToken(nome="x", acessos=frozenset(Acesso), dias=0), "dias"),
        (NovoToken(nome="x", acessos=frozenset(Acesso), dias=LONGEST_DAYS + 1), "dias"),
    ],
)
def test_what_is_missing_is_said_at_its_field(user: int, agora: dt.datetime, novo: NovoToken, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        make_token(novo, usuario_id=user, agora=agora)
    assert refused.value.field == field
    assert list_tokens(user, agora=agora) == ()


def test_one_person_has_so_many_valid_tokens_and_no_more(user: int, agora: dt.datetime) -> None:
    made = [make_token(COTAS, usuario_id=user, agora=agora)[0] for _ in range(MOST_VALID)]
    with pytest.raises(Invalid, match="revogue um"):
        make_token(COTAS, usuario_id=user, agora=agora)
    revoke_token(made[0], usuario_id=user, agora=agora)
    make_token(COTAS, usuario_id=user, agora=agora)


def test_resetting_somebodys_access_ends_their_tokens_and_no_others(user: int, agora: dt.datetime) -> None:
    other = _user("bia")
    _, mine = make_token(COTAS, usuario_id=user, agora=agora)
    _, theirs = make_token(COTAS, usuario_id=other, agora=agora)
    reset_access(user, motivo="perdeu o celular", autor_id=other, agora=agora)
    assert get_portador(mine, "cotas", hoje=agora.date(), agora=agora) is None
    assert get_portador(theirs, "cotas", hoje=agora.date(), agora=agora) is not None
    assert [revoke_tokens(other, autor_id=user, agora=agora) for _ in range(2)] == [1, 0]
    assert get_portador(theirs, "cotas", hoje=agora.date(), agora=agora) is None


def test_reading_writes_once_in_some_minutes_and_is_audited_once_a_day(user: int, clock: Any, statements: Any) -> None:
    _, token = make_token(COTAS, usuario_id=user, agora=clock.now)

    def read() -> int:
        portador = get_portador(token, "cotas", hoje=clock.today, agora=clock.now)
        assert portador is not None
        with statements() as sent:
            note_use(portador, "cotas", hoje=clock.today, agora=clock.now)
        return len(sent)

    assert read() > 0
    clock.advance(minutes=4)
    assert read() == 0
    clock.advance(minutes=1)
    assert read() > 0
    (line,) = list_tokens(user, agora=clock.now)
    assert line.usado_em == clock.now
    clock.advance(days=1)
    assert read() > 0
    audited = sa.select(sa.func.count()).where(Auditoria.acao == "api.ler")
    assert db.session.scalars(audited).one() == 2


def test_two_first_readings_at_once_are_one_row_and_one_audit_row(app: Flask, user: int, clock: Any) -> None:
    _, token = make_token(COTAS, usuario_id=user, agora=clock.now)
    portador = get_portador(token, "cotas", hoje=clock.today, agora=clock.now)
    assert portador is not None
    together, failed = threading.Barrier(4), []

    def read() -> None:
        with app.app_context():
            together.wait()
            try:
                note_use(portador, "cotas", hoje=clock.today, agora=clock.now)
            except Exception as error:  # noqa: BLE001 - the test shows whatever it was
                failed.append(error)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert db.session.scalars(sa.select(sa.func.count()).select_from(UsoApi)).one() == 1
    assert db.session.scalars(sa.select(sa.func.count()).where(Auditoria.acao == "api.ler")).one() == 1
