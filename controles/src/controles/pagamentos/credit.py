"""Credit: money not allocated to cotas is used for cotas later, and unidentified money gets its owner later."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.cotas.models import Cota
from controles.domain.domain_errors import Conflict, Invalid
from controles.domain.escopo import Escopo
from controles.fechamento.closed_months import closed_words, hold_months, is_closed
from controles.pagamentos.allocation import allocate, as_open, plan_allocation
from controles.pagamentos.locks import lock_militante, lock_open_cotas, lock_pagamento
from controles.pagamentos.records import ParteAlocada
from controles.pagamentos.refunds import returned_of, sources_of_credit
from controles.services.transaction import transaction


def use_credit(
    escopo: Escopo,
    militante_id: int,
    *,
    cota_ids: tuple[int, ...] | None,
    autor_id: int | None,
    agora: dt.datetime,
    hoje: dt.date,
) -> int:
    """Pay open cotas from a militante's credit, oldest money and oldest cotas first; returns the centavos used.

    `cota_ids` None: all open cotas. Conflict if there is no credit, nothing open, or if a requested cota is no longer
    open.
    """
    with transaction() as session:
        lock_militante(session, escopo, militante_id)
        sources = sources_of_credit(session, militante_id)
        if not sources:
            raise Conflict("Este militante não tem crédito a usar.")
        cotas = lock_open_cotas(session, militante_id, cota_ids)
        if not cotas:
            raise Conflict("Nenhuma cota está em aberto; o crédito continua guardado.")
        used = _spend(session, sources, cotas, hoje)
        audit.record(
            session,
            acao="credito.usar",
            tabela="militante",
            registro_id=militante_id,
            depois={
                "centavos": sum(parte.centavos for _, partes in used for parte in partes),
                "partes": [
                    {"pagamento_id": pagamento_id, "competencia": parte.competencia, "centavos": parte.centavos}
                    for pagamento_id, partes in used
                    for parte in partes
                ],
            },
            usuario_id=autor_id,
            agora=agora,
        )
        return sum(parte.centavos for _, partes in used for parte in partes)


def identify_pagamento(
    escopo: Escopo,
    pagamento_id: int,
    militante_id: int,
    *,
    cota_ids: tuple[int, ...] | None,
    autor_id: int | None,
    agora: dt.datetime,
    hoje: dt.date,
) -> None:
    """Say who made an unidentified payment, and what it pays; the rest is their credit.

    `cota_ids` as when a payment is registered. Conflict if it already has an owner, was reversed, or is in a closed
    month, whose sums by núcleo it would change.
    """
    if escopo.nucleo_id is not None:
        raise Invalid("militante_id", "Só a tesouraria geral identifica pagamentos.")
    with transaction() as session:
        closed = hold_months(session)
        # Other payments of this militante wait here; nobody else can be paying with this payment yet.
        lock_militante(session, escopo, militante_id)
        pagamento = lock_pagamento(session, escopo, pagamento_id)
        if pagamento.militante_id is not None:
            raise Conflict(
                "Este pagamento já foi identificado; se está na pessoa errada, estorne-o e registre de novo."
            )
        if pagamento.estorna_id is not None or pagamento.estornado:
            raise Conflict("Este pagamento foi estornado; não há mais o que identificar.")
        if returned_of(session, pagamento_id):
            raise Conflict("Este pagamento foi devolvido a quem o fez; estorne a devolução antes de identificá-lo.")
        if is_closed(closed, pagamento.data_credito):
            raise Conflict(
                f"{closed_words(pagamento.data_credito)} Estorne este pagamento com data de um mês aberto e registre-o "
                "na pessoa certa, com a mesma data do estorno."
            )
        cotas = lock_open_cotas(session, militante_id, cota_ids)
        partes = plan_allocation(tuple(as_open(cota, hoje) for cota in cotas.values()), pagamento.valor)
        pagamento.militante_id = militante_id
        session.flush()
        allocate(session, pagamento.id, partes, cotas)
        audit.record(
            session,
            acao="pagamento.identificar",
            tabela="pagamento",
            registro_id=pagamento_id,
            antes={"militante_id": None},
            depois={
                "militante_id": militante_id,
                "cotas": [
                    {"id": parte.cota_id, "competencia": parte.competencia, "centavos": parte.centavos}
                    for parte in partes
                ],
            },
            usuario_id=autor_id,
            agora=agora,
        )


def _spend(
    session: Session, sources: Sequence[tuple[int, int]], cotas: dict[int, Cota], hoje: dt.date
) -> list[tuple[int, tuple[ParteAlocada, ...]]]:
    used = []
    for pagamento_id, rest in sources:
        still_open = tuple(as_open(cota, hoje) for cota in cotas.values() if cota.em_aberto)
        partes = plan_allocation(still_open, rest)
        if not partes:
            break
        allocate(session, pagamento_id, partes, cotas)
        used.append((pagamento_id, partes))
    return used
