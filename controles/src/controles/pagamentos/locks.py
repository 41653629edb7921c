"""Rows locked before a payment is decided, always in this order: the militante, the payment, the cotas by id.

Whoever changes what a cota has been paid holds the militante's lock, so two payments of one militante come one after
the other, and two of different ones never wait for each other before the audit row. On SQLite the whole database is
locked instead (`db.begin_write`), and the clauses here compile to nothing.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from controles.cotas.conditions import is_open
from controles.cotas.models import Cota
from controles.db import MAX_BIG_ID, MAX_ID
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.domain.escopo import Escopo
from controles.militantes.models import Militante
from controles.militantes.scope import in_scope, owner_in_scope
from controles.pagamentos.models import Pagamento


def lock_militante(session: Session, escopo: Escopo, militante_id: int) -> None:
    """NotFound if the escopo does not show such a militante."""
    found = None
    if 0 < militante_id <= MAX_ID:
        wanted = select(Militante.id).where(Militante.id == militante_id, in_scope(escopo))
        # Rows that refer to this militante may be added meanwhile; the militante may not be changed.
        found = session.scalars(wanted.with_for_update(key_share=True)).one_or_none()
    if found is None:
        raise NotFound("Militante não encontrado.")


def lock_pagamento(session: Session, escopo: Escopo, pagamento_id: int) -> Pagamento:
    """The payment, its militante locked first; NotFound if the escopo does not show it."""
    if not 0 < pagamento_id <= MAX_BIG_ID:
        raise NotFound("Pagamento não encontrado.")
    visible = (Pagamento.id == pagamento_id, owner_in_scope(escopo, Pagamento.militante_id))
    found = session.execute(select(Pagamento.militante_id).where(*visible)).one_or_none()
    if found is None:
        raise NotFound("Pagamento não encontrado.")
    if found[0] is not None:
        lock_militante(session, escopo, found[0])
    locked = select(Pagamento).where(Pagamento.id == pagamento_id).with_for_update()
    return session.scalars(locked.execution_options(populate_existing=True)).one()


def lock_open_cotas(session: Session, militante_id: int, wanted: Sequence[int] | None) -> dict[int, Cota]:
    """The militante's open cotas, or those of them that are `wanted`.

    Invalid if one of these is another's; Conflict if one is not open any more.
    """
    if wanted is None:
        return _locked(session, Cota.militante_id == militante_id, is_open())
    ids = sorted({cota_id for cota_id in wanted if 0 < cota_id <= MAX_BIG_ID})
    if len(ids) != len(wanted):
        raise Invalid("cota_ids", "A lista de cotas tem repetições ou números que não existem; escolha de novo.")
    cotas = _locked(session, Cota.militante_id == militante_id, Cota.id.in_(ids))
    if len(cotas) != len(ids):
        raise Invalid("cota_ids", "Uma das cotas escolhidas não é deste militante; escolha de novo.")
    for cota in cotas.values():
        if cota.em_aberto == 0:
            raise Conflict(
                f"A cota de {cota.competencia:%m/%Y} não está mais em aberto: outra pessoa a quitou ou dispensou. "
                "Confira as cotas e registre de novo."
            )
    return cotas


def lock_cotas(session: Session, ids: Sequence[int]) -> dict[int, Cota]:
    """These cotas by id, open or not."""
    return _locked(session, Cota.id.in_(ids))


def _locked(session: Session, *conditions: ColumnElement[bool]) -> dict[int, Cota]:
    # One order for everybody: two transactions that lock the same rows cannot wait for each other.
    query = select(Cota).where(*conditions).order_by(Cota.id).with_for_update()
    return {cota.id: cota for cota in session.scalars(query.execution_options(populate_existing=True))}
