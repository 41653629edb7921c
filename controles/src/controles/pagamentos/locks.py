"""The rows that are locked before a payment is decided, always in this order: militante, payment, cotas by id.

Whoever changes what was paid on a cota holds the militante's lock. So two payments of one militante are serialised, and
payments of different ones do not wait for each other before the audit row. On SQLite the whole database is locked
instead (`db.begin_write`), and the clauses here compile to nothing.
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
    """Lock the militante; NotFound if there is none in the escopo."""
    found = None
    if 0 < militante_id <= MAX_ID:
        wanted = select(Militante.id).where(Militante.id == militante_id, in_scope(escopo))
        # Others may add rows that refer to this militante meanwhile, but not change the militante.
        found = session.scalars(wanted.with_for_update(key_share=True)).one_or_none()
    if found is None:
        raise NotFound("Militante não encontrado.")


def lock_pagamento(session: Session, escopo: Escopo, pagamento_id: int) -> Pagamento:
    """The payment, with its militante locked first; NotFound if it is not in the escopo."""
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
    """The militante's open cotas, locked; only those in `wanted`, if it is given.

    Invalid if one of these belongs to another militante; Conflict if one is no longer open.
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
    """These cotas by id, locked, whether or not they are open."""
    return _locked(session, Cota.id.in_(ids))


def _locked(session: Session, *conditions: ColumnElement[bool]) -> dict[int, Cota]:
    # Always in the same order, so that two transactions that lock the same rows cannot deadlock.
    query = select(Cota).where(*conditions).order_by(Cota.id).with_for_update()
    return {cota.id: cota for cota in session.scalars(query.execution_options(populate_existing=True))}
