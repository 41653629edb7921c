"""What the núcleos could not register themselves, for the national office to handle."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from controles.auditoria.models import Auditoria
from controles.auditoria.withheld import TABLE
from controles.contas.models import Usuario
from controles.db import db
from controles.militantes.deciding import DECISIONS, can_move
from controles.militantes.models import Militante, Nucleo

MOST_SHOWN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Pedido:
    """One refusal. `campo`: what is registered elsewhere (cpf, matricula or pix), or limite if it was not looked up."""

    id: int
    quando: dt.datetime
    autor: str | None
    nucleo: str | None
    campo: str
    nome: str | None
    # The militante who already has it.
    militante_id: int | None
    pagamento_id: int | None
    # Whether the person can be moved to the núcleo that asked.
    pode_mover: bool
    # The decision, "mover" or "recusar", and who made it; None if there is none.
    decisao: str | None


def list_pedidos() -> tuple[Pedido, ...]:
    """All requests, newest first."""
    session = db.session
    rows = session.execute(
        select(Auditoria.id, Auditoria.quando, Usuario.nome, Auditoria.acao, Auditoria.depois)
        .outerjoin(Usuario, Usuario.id == Auditoria.usuario_id)
        .where(Auditoria.tabela == TABLE)
        .order_by(Auditoria.id.desc())
        .limit(MOST_SHOWN)
    ).all()
    details: list[dict[str, Any]] = [depois or {} for *_, depois in rows]
    nucleos = _names(session, Nucleo, {one.get("nucleo_id") for one in details})
    payers = _names(session, Militante, {one.get("militante_id") for one in details if "pagamento_id" in one})
    anonymous = _anonymous(session, {one.get("militante_id") for one in details})
    decided = _decisions(session, [pedido_id for pedido_id, *_ in rows])
    found = []
    for (pedido_id, quando, autor, acao, _), about in zip(rows, details, strict=True):
        is_pix = acao.startswith("pagamento.")
        campo = "limite" if about.get("limite_do_dia") else "pix" if is_pix else str(about.get("campo"))
        found.append(
            Pedido(
                id=pedido_id,
                quando=quando,
                autor=autor,
                nucleo=nucleos.get(about.get("nucleo_id")),
                campo=campo,
                nome=anonymous.get(about.get("militante_id"))
                or (payers.get(about.get("militante_id")) if is_pix else about.get("nome")),
                militante_id=None if is_pix else about.get("militante_id"),
                pagamento_id=about.get("pagamento_id"),
                pode_mover=can_move(about),
                decisao=decided.get(pedido_id),
            )
        )
    return tuple(found)


def _decisions(session: Session, pedidos: list[int]) -> dict[int | None, str]:
    wanted = select(Auditoria.registro_id, Auditoria.acao).where(
        Auditoria.tabela == DECISIONS, Auditoria.registro_id.in_(pedidos)
    )
    return {pedido_id: acao.partition(".")[2] for pedido_id, acao in session.execute(wanted)}


def _names(session: Session, kind: type[Nucleo] | type[Militante], ids: set[Any]) -> dict[Any, str]:
    wanted = select(kind.id, kind.nome).where(kind.id.in_({one for one in ids if isinstance(one, int)}))
    return dict(session.execute(wanted).tuples().all())


def _anonymous(session: Session, ids: set[Any]) -> dict[Any, str]:
    """What a núcleo typed named the person, so those who were anonymised since are shown as they are now."""
    wanted = select(Militante.id, Militante.nome).where(
        Militante.id.in_({one for one in ids if isinstance(one, int)}), Militante.anonimizado_em.is_not(None)
    )
    return dict(session.execute(wanted).tuples().all())
