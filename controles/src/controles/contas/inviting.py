"""Invitations: a link creates one account, once. It is valid until it expires, is cancelled, or its sender loses the
right to invite.

The link contains a random token, and only its digest is stored. So the link is shown once; if it is lost, a new one is
made, which makes the old one invalid.
"""

import datetime as dt
import hashlib
import re
import secrets
from collections.abc import Mapping

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from controles.auditoria import audit
from controles.contas.accounts import create_user
from controles.contas.models import Convite, Papel, Usuario
from controles.contas.records import NovoConvite
from controles.db import MAX_ID, serialise
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.domain.field_checks import one_line
from controles.militantes.models import Nucleo
from controles.services.transaction import transaction

VALID_FOR = dt.timedelta(days=7)
OVER = (
    "Este convite não vale mais: já foi usado, foi cancelado ou passou do prazo. "
    "Peça outro a quem administra Controles na sua organização."
)
_TAKEN = "Já há uma conta com este e-mail; entre com ela, ou peça à administração que refaça o seu acesso."
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_LOCK = "contas.convites"


def invite(novo: NovoConvite, *, autor_id: int, agora: dt.datetime) -> tuple[int, str]:
    """Write an invitation; returns its id, and the token of its link, which cannot be read again.

    Raises Invalid, which names the field.
    """
    with transaction() as session:
        serialise(session.connection(), _LOCK)
        checked = _checked(session, novo, agora)
        token = secrets.token_urlsafe(32)
        convite = Convite(
            nome=checked.nome,
            email=checked.email,
            papel=checked.papel,
            nucleo_id=checked.nucleo_id,
            digest=digest(token),
            criado_em=agora,
            criado_por_id=autor_id,
            expira_em=agora + VALID_FOR,
        )
        session.add(convite)
        session.flush()
        _record(session, "convite.criar", convite, autor_id, agora, {"papel": checked.papel})
        return convite.id, token


def renew(convite_id: int, *, autor_id: int, agora: dt.datetime) -> str:
    """Replace an invitation's link by a new one, valid for seven days from now; returns its token."""
    with transaction() as session:
        convite = _locked(session, convite_id)
        if convite.aceito_em is not None or convite.cancelado_em is not None:
            raise Conflict("Este convite já foi aceito ou cancelado; se a pessoa precisa de um acesso, convide-a.")
        _refuse_account(session, convite.email)
        token = secrets.token_urlsafe(32)
        convite.digest, convite.expira_em, convite.criado_por_id = digest(token), agora + VALID_FOR, autor_id
        _record(session, "convite.renovar", convite, autor_id, agora, {})
        return token


def cancel(convite_id: int, *, autor_id: int, agora: dt.datetime) -> None:
    """Make the link invalid. Raises Conflict if somebody has used it."""
    with transaction() as session:
        convite = _locked(session, convite_id)
        if convite.aceito_em is not None:
            raise Conflict("Este convite já foi aceito; para tirar o acesso, bloqueie a conta em “Usuários”.")
        if convite.cancelado_em is None:
            convite.cancelado_em = agora
            _record(session, "convite.cancelar", convite, autor_id, agora, {})


def accept(token: str, *, nome: str, password: str, agora: dt.datetime) -> Usuario:
    """Create the account that the link describes, with the password that the person chose; next they set up their
    phone.

    Raises Conflict, with a sentence for somebody without an account, if the link is not valid, or if the address has an
    account by now.
    """
    try:
        with transaction() as session:
            # If two people use one link at once, the second waits here and then finds it used.
            serialise(session.connection(), _LOCK)
            convite = session.scalars(
                select(Convite)
                .where(Convite.digest == digest(token), is_waiting(agora))
                .execution_options(populate_existing=True)
            ).one_or_none()
            if convite is None:
                raise Conflict(OVER)
            if session.scalar(select(Usuario.id).where(Usuario.email == convite.email)) is not None:
                raise Conflict(_TAKEN)
            name = one_line("nome", nome, longest=160)
            if name is None:
                raise Invalid("nome", "Escreva o seu nome.")
            usuario = create_user(
                session,
                email=convite.email,
                nome=name,
                papel=convite.papel,
                nucleo_id=convite.nucleo_id,
                password=password,
                totp_secret=None,
                autor_id=convite.criado_por_id,
            )
            convite.aceito_em, convite.usuario_id = agora, usuario.id
            _record(session, "convite.aceitar", convite, usuario.id, agora, {"usuario_id": usuario.id})
            return usuario
    except IntegrityError as error:
        if "email" in str(error.orig):
            raise Conflict(_TAKEN) from error
        raise


def digest(token: str) -> bytes:
    """What is stored of the token. It has 256 random bits, so a slow hash would add no protection."""
    return hashlib.sha256(token.encode()).digest()


def is_waiting(agora: dt.datetime) -> ColumnElement[bool]:
    """Whether an invitation's link can be used."""
    return and_(Convite.aceito_em.is_(None), Convite.cancelado_em.is_(None), Convite.expira_em > agora, may_invite())


def may_invite() -> ColumnElement[bool]:
    """Whether the user who made an invitation, or its latest link, may still create accounts."""
    author = aliased(Usuario)
    return (
        select(author.id)
        .where(
            author.id == Convite.criado_por_id,
            author.active,
            author.papel == Papel.ADMIN,
            author.nucleo_id.is_(None),
        )
        .correlate(Convite)
        .exists()
    )


def _checked(session: Session, novo: NovoConvite, agora: dt.datetime) -> NovoConvite:
    nome = one_line("nome", novo.nome, longest=160)
    if nome is None:
        raise Invalid("nome", "Escreva o nome de quem é convidado.")
    email = (one_line("email", novo.email, longest=254) or "").lower()
    if not _EMAIL.fullmatch(email):
        raise Invalid("email", "Escreva um e-mail inteiro, por exemplo maria@exemplo.org.")
    _refuse_account(session, email)
    waiting = select(Convite.id).where(Convite.email == email, is_waiting(agora))
    if session.scalars(waiting.limit(1)).first() is not None:
        raise Invalid("email", "Já há um convite à espera para este e-mail; na lista, gere outro link ou cancele-o.")
    if novo.papel is Papel.ADMIN and novo.nucleo_id is not None:
        raise Invalid("nucleo_id", "A administração é da organização toda; deixe o alcance sem núcleo.")
    if novo.nucleo_id is not None and (not 0 < novo.nucleo_id <= MAX_ID or session.get(Nucleo, novo.nucleo_id) is None):
        raise Invalid("nucleo_id", "Este núcleo não existe; escolha outro.")
    return NovoConvite(nome=nome, email=email, papel=novo.papel, nucleo_id=novo.nucleo_id)


def _refuse_account(session: Session, email: str) -> None:
    if session.scalar(select(Usuario.id).where(func.lower(Usuario.email) == email)) is not None:
        raise Invalid("email", "Já há uma conta com este e-mail; ela está em “Usuários”.")


def _locked(session: Session, convite_id: int) -> Convite:
    serialise(session.connection(), _LOCK)
    found = session.get(Convite, convite_id, populate_existing=True) if 0 < convite_id <= MAX_ID else None
    if found is None:
        raise NotFound("Convite não encontrado.")
    return found


def _record(
    session: Session,
    acao: str,
    convite: Convite,
    autor_id: int | None,
    agora: dt.datetime,
    depois: Mapping[str, object],
) -> None:
    audit.record(
        session,
        acao=acao,
        tabela="convite",
        registro_id=convite.id,
        depois=depois,
        usuario_id=autor_id,
        agora=agora,
    )
