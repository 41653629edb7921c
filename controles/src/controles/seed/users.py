"""Thirty users for tests, of every role and scope. Their passwords are public, so never use them in production."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from controles.contas.accounts import create_user
from controles.contas.models import Papel, Usuario
from controles.db import serialise
from controles.domain.domain_errors import NotFound
from controles.militantes.models import Nucleo
from controles.services.transaction import transaction
from controles.settings.published import KnownUser, known_users


@dataclass(frozen=True, slots=True)
class SeededUser:
    email: str
    papel: Papel
    nucleo: str | None
    password: str
    totp_secret: str
    # False: it existed before, and was left unchanged.
    created: bool


def seed_users() -> tuple[SeededUser, ...]:
    """Create the missing ones of the thirty; existing ones are left unchanged. NotFound if there are no núcleos."""
    with transaction() as session:
        # Otherwise two processes could both find the same user missing.
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
            papel=Papel(user.papel),
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
