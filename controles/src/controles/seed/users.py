"""Thirty users for tests, of every role and scope. Everybody may know their passwords, so never in production."""

import base64
import hashlib
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from controles.contas.accounts import create_user
from controles.contas.models import Papel, Usuario
from controles.db import serialise
from controles.domain_errors import NotFound
from controles.militantes.models import Nucleo
from controles.services.transaction import transaction

# How many of each role see the whole organisation, and how many one núcleo.
_WHOLE = ((Papel.ADMIN, 2), (Papel.TESOURARIA, 5), (Papel.SECRETARIA, 4), (Papel.LEITURA, 3))
_IN_NUCLEO = ((Papel.TESOURARIA, 8), (Papel.SECRETARIA, 5), (Papel.LEITURA, 3))

_SECRET_BYTES = 20


@dataclass(frozen=True, slots=True)
class KnownUser:
    """A user as the table describes them; `local` counts núcleos from 0, None is the whole organisation."""

    email: str
    nome: str
    papel: Papel
    local: int | None
    password: str
    totp_secret: str


@dataclass(frozen=True, slots=True)
class SeededUser:
    email: str
    papel: Papel
    nucleo: str | None
    password: str
    totp_secret: str
    # False: was there before, and was left as it was.
    created: bool


def known_users() -> tuple[KnownUser, ...]:
    """The thirty, the same on every machine."""
    users = [_user(papel, number, None) for papel, count in _WHOLE for number in range(1, count + 1)]
    users += [_user(papel, number, number - 1) for papel, count in _IN_NUCLEO for number in range(1, count + 1)]
    return tuple(users)


def seed_users() -> tuple[SeededUser, ...]:
    """Create those of the thirty that are missing; whoever is there stays as they are. NotFound without núcleos."""
    with transaction() as session:
        # Two at once would both find the same user missing.
        serialise(session.connection(), "seed.users")
        nucleos = session.scalars(select(Nucleo).where(Nucleo.ativo).order_by(Nucleo.id).limit(8)).all()
        if not nucleos:
            raise NotFound(
                "Ainda não há núcleos a que ligar os usuários, e nada foi alterado. "
                "Rode antes: flask --app controles seed --profile demo"
            )
        users = []
        for user in known_users():
            nucleo = None if user.local is None else nucleos[user.local % len(nucleos)]
            users.append(_seed(session, user, nucleo))
    return tuple(users)


def _seed(session: Session, user: KnownUser, nucleo: Nucleo | None) -> SeededUser:
    usuario = session.scalar(select(Usuario).where(Usuario.email == user.email))
    missing = usuario is None
    if usuario is None:
        usuario = create_user(
            session,
            email=user.email,
            nome=user.nome,
            papel=user.papel,
            nucleo_id=None if nucleo is None else nucleo.id,
            password=user.password,
            totp_secret=user.totp_secret,
        )
    return SeededUser(
        email=user.email,
        papel=usuario.papel,
        nucleo=usuario.nucleo.nome if usuario.nucleo else None,
        password=user.password,
        totp_secret=user.totp_secret,
        created=missing,
    )


def _user(papel: Papel, number: int, local: int | None) -> KnownUser:
    scope = "nacional" if local is None else "nucleo"
    handle = f"{papel.value}-{scope}-{number}"
    kind = "Administração" if papel is Papel.ADMIN else papel.value.capitalize()
    secret = hashlib.sha256(f"controles test user {handle}".encode()).digest()[:_SECRET_BYTES]
    return KnownUser(
        # example.org is reserved: no message can reach anybody.
        email=f"{handle}@example.org",
        nome=f"{kind} {'Nacional' if local is None else 'de Núcleo'} {number}",
        papel=papel,
        local=local,
        password=f"teste-{handle}",
        totp_secret=base64.b32encode(secret).decode("ascii"),
    )
