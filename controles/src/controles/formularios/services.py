"""Keeps forms until they are saved, for at most a day."""

import datetime as dt
import secrets

from sqlalchemy import Table, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from controles.db import db
from controles.formularios.models import FormularioGuardado
from controles.formularios.sealing import Guardado, digest, form_seal
from controles.services.transaction import transaction

KEPT_FOR = dt.timedelta(days=1)
SWEPT_AT_ONCE = 100
SWEPT_EVERY = dt.timedelta(minutes=10)
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
        if _is_due(agora):
            _sweep(agora)
        if not _write(session, guardado, token, usuario_id, agora):
            token = new_token()
            _write(session, guardado, token, usuario_id, agora)
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


def _write(session: Session, guardado: Guardado, token: str, usuario_id: int, agora: dt.datetime) -> bool:
    """False if another user keeps something there."""
    table = FormularioGuardado.__table__
    assert isinstance(table, Table)
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    row = dialect.insert(table).values(
        id=digest(token),
        usuario_id=usuario_id,
        conteudo=form_seal().seal(guardado, _owner(usuario_id, token)),
        guardado_em=agora,
    )
    written = row.on_conflict_do_update(
        index_elements=[table.c.id],
        set_={"conteudo": row.excluded.conteudo, "guardado_em": row.excluded.guardado_em},
        where=table.c.usuario_id == usuario_id,
    )
    return session.execute(written.returning(table.c.id)).first() is not None


def _is_due(agora: dt.datetime) -> bool:
    """Whether this process is to look for old rows now: what is a day old is not shown, so there is no hurry."""
    if abs(agora - _looked_for_old_rows["at"]) < SWEPT_EVERY:
        return False
    _looked_for_old_rows["at"] = agora
    return True


_looked_for_old_rows = {"at": dt.datetime.min.replace(tzinfo=dt.UTC)}


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
