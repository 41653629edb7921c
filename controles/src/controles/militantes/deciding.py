"""The national office's decision about a request that a núcleo was refused without a reason."""

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.auditoria.models import Auditoria
from controles.auditoria.withheld import TABLE
from controles.db import MAX_BIG_ID, serialise
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.militantes.models import Militante, Nucleo
from controles.services.transaction import transaction

# The audit's name for decisions; the record's number is the request's number in the audit.
DECISIONS = "pedido"


class Decisao(StrEnum):
    """`MOVER`: it is the same person, who belongs to the núcleo that asked. `RECUSAR`: nothing changes."""

    MOVER = "mover"
    RECUSAR = "recusar"


def can_move(about: dict[str, Any]) -> bool:
    """Whether a request contains somebody's CPF: only that shows that both entries are about the same person."""
    return about.get("campo") == "cpf" and bool(about.get("militante_id")) and bool(about.get("nucleo_id"))


def decide_pedido(pedido_id: int, decisao: Decisao, *, autor_id: int | None, agora: dt.datetime) -> None:
    """Decide one request; Conflict if somebody has already decided it.

    `MOVER` moves the militante with the CPF, with the whole history, to the núcleo that asked; other data that this
    núcleo typed is not used. Invalid if the request cannot be decided in this way.
    """
    with transaction() as session:
        # Serialised: if two people decide at once, the second one sees the first one's decision.
        serialise(session.connection(), "militantes.pedidos")
        about = _undecided(session, pedido_id)
        depois: dict[str, object] = {"nucleo_id": about.get("nucleo_id"), "militante_id": about.get("militante_id")}
        if decisao is Decisao.MOVER:
            _move(session, about, autor_id=autor_id, agora=agora)
        audit.record(
            session,
            acao=f"pedido.{decisao}",
            tabela=DECISIONS,
            registro_id=pedido_id,
            depois=depois,
            usuario_id=autor_id,
            agora=agora,
        )


def _undecided(session: Session, pedido_id: int) -> dict[str, Any]:
    row = session.get(Auditoria, pedido_id) if 0 < pedido_id <= MAX_BIG_ID else None
    if row is None or row.tabela != TABLE:
        raise NotFound("Este pedido não existe.")
    decided = select(Auditoria.id).where(Auditoria.tabela == DECISIONS, Auditoria.registro_id == pedido_id)
    if session.scalars(decided.limit(1)).first() is not None:
        raise Conflict("Este pedido já foi decidido por outra pessoa.")
    return row.depois or {}


def _move(session: Session, about: dict[str, Any], *, autor_id: int | None, agora: dt.datetime) -> None:
    if not can_move(about):
        raise Invalid("decisao", "Só um pedido com o CPF de alguém pode ser decidido assim.")
    nucleo = session.get(Nucleo, about["nucleo_id"])
    if nucleo is None or not nucleo.ativo:
        raise Invalid("decisao", "O núcleo que pediu não existe mais ou está inativo; recuse o pedido.")
    wanted = select(Militante).where(Militante.id == about["militante_id"]).with_for_update()
    militante = session.scalars(wanted.execution_options(populate_existing=True)).one_or_none()
    if militante is None or militante.anonimizado_em is not None:
        raise Conflict("A ficha deste pedido não existe mais; recuse o pedido.")
    before = militante.nucleo_id
    if before == nucleo.id:
        raise Conflict("A pessoa já está no núcleo que pediu; recuse o pedido, que não tem mais efeito.")
    militante.nucleo_id = nucleo.id
    session.flush()
    audit.record(
        session,
        acao="militante.alterar",
        tabela="militante",
        registro_id=militante.id,
        antes={"nucleo_id": before},
        depois={"nucleo_id": nucleo.id, "versao": militante.versao},
        usuario_id=autor_id,
        agora=agora,
    )
