"""Keeps forms until they are saved, for at most a day."""

import datetime as dt
import secrets

from sqlalchemy import delete, select

from controles.db import db
from controles.formularios.models import FormularioGuardado
from controles.formularios.sealing import Guardado, digest, form_seal
from controles.services.transaction import transaction

KEPT_FOR = dt.timedelta(days=1)
SWEPT_AT_ONCE = 100
LONGEST_TOKEN = 64


def new_token() -> str:
    """The number for a form that is opened now."""
    return secrets.token_urlsafe(24)


def keep(guardado: Guardado, *, usuario_id: int, agora: dt.datetime, token: str | None = None) -> str:
    """Keep a form under its token, replacing what was kept there; returns the token.

    If the token belongs to another user, the form is kept under a new one.
    """
    token = token if token and len(token) <= LONGEST_TOKEN else new_token()
    with transaction() as session:
        _sweep(agora)
        row = session.get(FormularioGuardado, digest(token), populate_existing=True)
        if row is not None and row.usuario_id != usuario_id:
            token, row = new_token(), None
        sealed = form_seal().seal(guardado, _owner(usuario_id, token))
        if row is None:
            session.add(FormularioGuardado(id=digest(token), usuario_id=usuario_id, conteudo=sealed, guardado_em=agora))
        else:
            row.conteudo, row.guardado_em = sealed, agora
    return token


def kept(token: str, *, usuario_id: int, agora: dt.datetime) -> Guardado | None:
    """What this user has kept under a token; None if there is nothing, or nothing any more."""
    if not token or len(token) > LONGEST_TOKEN:
        return None
    sealed = db.session.scalars(
        select(FormularioGuardado.conteudo).where(
            FormularioGuardado.id == digest(token),
            FormularioGuardado.usuario_id == usuario_id,
            FormularioGuardado.guardado_em > agora - KEPT_FOR,
        )
    ).one_or_none()
    return None if sealed is None else form_seal().open(sealed, _owner(usuario_id, token))


def forget(token: str, *, usuario_id: int) -> None:
    """Delete what was kept, because it is saved."""
    with transaction() as session:
        session.execute(
            delete(FormularioGuardado).where(
                FormularioGuardado.id == digest(token), FormularioGuardado.usuario_id == usuario_id
            ),
            execution_options={"synchronize_session": False},
        )


def _sweep(agora: dt.datetime) -> None:
    old = db.session.scalars(
        select(FormularioGuardado.id)
        .where(FormularioGuardado.guardado_em <= agora - KEPT_FOR)
        .limit(SWEPT_AT_ONCE)
        .with_for_update(skip_locked=True)
    ).all()
    if old:
        db.session.execute(
            delete(FormularioGuardado).where(FormularioGuardado.id.in_(old)),
            execution_options={"synchronize_session": False},
        )


def _owner(usuario_id: int, token: str) -> bytes:
    return f"{usuario_id}:{token}".encode()
