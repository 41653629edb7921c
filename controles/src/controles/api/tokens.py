"""Tokens for programs: each belongs to a user, and is worth no more than what that user may read at that moment.

Only the digest of a token is stored, so it is shown once.
"""

import datetime as dt
import hashlib
import secrets
from collections.abc import Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from controles.api.models import TokenApi, UsoApi
from controles.api.records import NovoToken, Portador
from controles.auditoria import audit
from controles.db import MAX_ID, serialise
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.domain.field_checks import one_line
from controles.services.transaction import transaction

# What every token begins with, so that a scanner of files recognises one that was published by mistake.
PREFIX = "controles_"
LONGEST_NAME = 60
LONGEST_DAYS = 365
MOST_VALID = 20
# How long a token's last use may be out of date: a program that reads all day writes once in this time.
NOTED_EVERY = dt.timedelta(minutes=5)
_LOCK = "api.tokens"


def make_token(novo: NovoToken, *, usuario_id: int, agora: dt.datetime) -> tuple[int, str]:
    """Make a token of this user; returns its id and the token, which cannot be read again. Raises Invalid."""
    nome = one_line("nome", novo.nome, longest=LONGEST_NAME)
    if nome is None:
        raise Invalid("nome", "Escreva para que é o token; por esse nome ele será revogado.")
    if not novo.acessos:
        raise Invalid("acessos", "Marque ao menos uma coisa que o programa pode ler.")
    if not 1 <= novo.dias <= LONGEST_DAYS:
        raise Invalid("dias", f"Escolha um prazo de 1 a {LONGEST_DAYS} dias.")
    with transaction() as session:
        serialise(session.connection(), _LOCK)
        valid = select(func.count()).where(
            TokenApi.usuario_id == usuario_id, TokenApi.revogado_em.is_(None), TokenApi.expira_em > agora
        )
        if session.scalars(valid).one() >= MOST_VALID:
            raise Invalid("", f"Você já tem {MOST_VALID} tokens que valem; revogue um antes de fazer outro.")
        token = PREFIX + secrets.token_urlsafe(32)
        row = TokenApi(
            usuario_id=usuario_id,
            nome=nome,
            digest=digest(token),
            acessos=" ".join(sorted(novo.acessos)),
            criado_em=agora,
            expira_em=agora + dt.timedelta(days=novo.dias),
        )
        session.add(row)
        session.flush()
        about = {"nome": nome, "acessos": row.acessos, "expira_em": row.expira_em, "usuario_id": usuario_id}
        _record(session, "token.criar", row.id, usuario_id, agora, about)
        return row.id, token


def revoke_token(token_id: int, *, usuario_id: int, agora: dt.datetime) -> None:
    """End one of this user's tokens at once. Raises NotFound if it is nobody's or somebody else's, and Conflict if it
    was revoked before."""
    with transaction() as session:
        row = None
        if 0 < token_id <= MAX_ID:
            wanted = select(TokenApi).where(TokenApi.id == token_id, TokenApi.usuario_id == usuario_id)
            row = session.scalars(wanted.with_for_update().execution_options(populate_existing=True)).one_or_none()
        if row is None:
            raise NotFound("Este token não existe.")
        if row.revogado_em is not None:
            raise Conflict("Este token já estava revogado.")
        row.revogado_em = agora
        _record(session, "token.revogar", row.id, usuario_id, agora, {"usuario_id": usuario_id})


def revoke_tokens_of(session: Session, usuario_id: int, *, autor_id: int | None, agora: dt.datetime) -> int:
    """End all tokens of a user, in the caller's transaction; returns how many there were."""
    rows = session.scalars(
        select(TokenApi)
        .where(TokenApi.usuario_id == usuario_id, TokenApi.revogado_em.is_(None), TokenApi.expira_em > agora)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    for row in rows:
        row.revogado_em = agora
    session.flush()
    for row in rows:
        _record(session, "token.revogar", row.id, autor_id, agora, {"usuario_id": usuario_id})
    return len(rows)


def note_use(portador: Portador, recurso: str, *, hoje: dt.date, agora: dt.datetime) -> None:
    """Store that the token reads this resource; the first time of each day is audited, before anything is read."""
    if portador.ultimo_em is not None and agora - portador.ultimo_em < NOTED_EVERY:
        return
    with transaction() as session:
        # Two first requests at once: the second waits here and finds the row.
        serialise(session.connection(), _LOCK)
        key = (portador.token_id, recurso, hoje)
        row = session.get(UsoApi, key, populate_existing=True)
        if row is not None:
            row.ultimo_em = agora
            return
        session.add(UsoApi(token_id=portador.token_id, recurso=recurso, dia=hoje, ultimo_em=agora))
        about = {"recurso": recurso, "nucleo_id": portador.nucleo_id}
        _record(session, "api.ler", portador.token_id, portador.usuario_id, agora, about)


def digest(token: str) -> bytes:
    """What is stored of the token. It has 256 random bits, so a slow hash would add no protection."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def _record(
    session: Session,
    acao: str,
    token_id: int,
    autor_id: int | None,
    agora: dt.datetime,
    depois: Mapping[str, object],
) -> None:
    audit.record(
        session,
        acao=acao,
        tabela="token_api",
        registro_id=token_id,
        depois=depois,
        usuario_id=autor_id,
        agora=agora,
    )
