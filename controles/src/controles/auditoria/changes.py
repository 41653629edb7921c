"""What somebody else, or the same person in another tab, has changed in a record since a form was opened."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select

from controles.auditoria.models import Auditoria
from controles.contas.models import Usuario
from controles.db import db

_LOOKED_AT = 100


@dataclass(frozen=True, slots=True)
class Mudada:
    """One changed field: its value when the form was opened, and who changed it last, and when.

    `autor_id` and `autor` are None if an import or a command did.
    """

    antes: object
    autor_id: int | None
    autor: str | None
    quando: dt.datetime


def changed_since(tabela: str, registro_id: int, versao: int) -> dict[str, Mudada]:
    """The fields of a record that changed after this version, according to the audit.

    Only for tables whose audit rows state the version that each change made.
    """
    rows = db.session.execute(
        select(Auditoria.antes, Auditoria.depois, Auditoria.usuario_id, Usuario.nome, Auditoria.quando)
        .outerjoin(Usuario, Usuario.id == Auditoria.usuario_id)
        .where(Auditoria.tabela == tabela, Auditoria.registro_id == registro_id)
        .order_by(Auditoria.id.desc())
        .limit(_LOOKED_AT)
    ).all()
    found: dict[str, Mudada] = {}
    for antes, depois, autor_id, autor, quando in rows:
        written = _version(depois)
        if written is None:
            continue
        if written <= versao:
            break
        for name, before in (antes or {}).items():
            # Newest first: the first author found is the last one, and earlier rows give the earlier value.
            last = found.get(name)
            found[name] = Mudada(before, autor_id, autor, quando) if last is None else _older(last, before)
    return found


def _older(last: Mudada, before: object) -> Mudada:
    return Mudada(before, last.autor_id, last.autor, last.quando)


def _version(depois: Mapping[str, object] | None) -> int | None:
    written = (depois or {}).get("versao")
    return written if isinstance(written, int) else None
