"""One movement of money that pays for several people: one payment for each, written together or not at all."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from controles.cotas.conditions import is_open
from controles.cotas.models import Cota
from controles.domain.domain_errors import Invalid
from controles.domain.escopo import Escopo
from controles.fechamento.closed_months import hold_months_unread
from controles.pagamentos.locks import lock_cotas, lock_militante
from controles.pagamentos.services import NovoPagamento, register_within
from controles.services.transaction import transaction


def register_together(
    escopo: Escopo,
    partes: Sequence[tuple[int, int]],
    comum: NovoPagamento,
    *,
    autor_id: int | None,
    agora: dt.datetime,
    hoje: dt.date,
) -> tuple[int, ...]:
    """Write one payment for each (militante_id, centavos); returns their ids. `comum` says the rest, for all of them.

    Its key counts for all: sent twice, the form writes nothing more. Errors are those of `register_pagamento`.
    """
    with transaction() as session:
        hold_months_unread(session)
        return register_parts(session, escopo, partes, comum, autor_id=autor_id, agora=agora, hoje=hoje)


def register_parts(
    session: Session,
    escopo: Escopo,
    partes: Sequence[tuple[int, int]],
    comum: NovoPagamento,
    *,
    autor_id: int | None,
    agora: dt.datetime,
    hoje: dt.date,
) -> tuple[int, ...]:
    """`register_together` as a part of the caller's transaction, which holds the months."""
    people = [militante_id for militante_id, _ in partes]
    if not partes or len(set(people)) != len(partes):
        raise Invalid("", "Escolha ao menos uma pessoa, e cada uma só uma vez.")
    for militante_id in sorted(people):
        lock_militante(session, escopo, militante_id)
    # All at once: after the audit row of the first payment nothing may wait for a lock.
    lock_cotas(session, session.scalars(select(Cota.id).where(Cota.militante_id.in_(people), is_open())).all())
    ids = []
    for militante_id, centavos in partes:
        chave = f"{comum.chave_idempotencia}-{militante_id}" if comum.chave_idempotencia else None
        novo = replace(comum, militante_id=militante_id, valor=centavos, chave_idempotencia=chave)
        ids.append(register_within(session, escopo, novo, autor_id=autor_id, agora=agora, hoje=hoje))
    return tuple(ids)
