"""Issuing membership cards, and revoking one that was lost."""

import datetime as dt
import secrets
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.carteiras.models import Carteira
from controles.carteiras.records import Emitidas
from controles.db import MAX_BIG_ID, MAX_ID, serialise
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.domain.escopo import Escopo
from controles.domain.field_checks import one_line
from controles.militantes.models import Militante, Situacao
from controles.militantes.scope import in_scope, owner_in_scope
from controles.services.transaction import transaction

LOCK = "carteira"
MOST_AT_ONCE = 400
CODE_BYTES = 12
EXPIRED = "Vencida: outra foi emitida."


def last_day_of_card(hoje: dt.date) -> dt.date:
    """A card is valid until the end of March of next year, so that all are renewed in the first quarter."""
    return dt.date(hoje.year + 1, 3, 31)


def issue_carteiras(
    escopo: Escopo, militante_ids: Sequence[int], *, autor_id: int | None, agora: dt.datetime, hoje: dt.date
) -> Emitidas:
    """Issue a card to each of these people, valid until March of next year; somebody with a valid card keeps it.

    People who are not active get none, and are counted. Raises NotFound if one of them is not in the escopo, Invalid
    for more than 400.
    """
    wanted = list(dict.fromkeys(militante_ids))
    if len(wanted) > MOST_AT_ONCE:
        raise Invalid("", f"São mais de {MOST_AT_ONCE} carteirinhas de uma vez; escolha um núcleo.")
    with transaction() as session:
        # Otherwise two users who issue at once could both find that somebody has no card.
        serialise(session.connection(), LOCK)
        people = _people(session, escopo, wanted)
        active = [one for one in wanted if people[one] is Situacao.ATIVO]
        known = _standing(session, active)
        kept = {one: card.id for one, card in known.items() if card.valida_ate >= hoje}
        for one, card in known.items():
            if one not in kept:
                card.revogada_em, card.revogada_por_id, card.motivo = agora, autor_id, EXPIRED
        session.flush()
        made = [
            Carteira(
                militante_id=one,
                codigo=secrets.token_urlsafe(CODE_BYTES),
                valida_ate=last_day_of_card(hoje),
                emitida_em=agora,
                emitida_por_id=autor_id,
            )
            for one in active
            if one not in kept
        ]
        session.add_all(made)
        session.flush()
        if made:
            _record(session, "carteira.emitir", made[0].id, {"quantas": len(made)}, autor_id=autor_id, agora=agora)
        ids = kept | {card.militante_id: card.id for card in made}
        return Emitidas(tuple(ids[one] for one in active), tuple(card.id for card in made), len(wanted) - len(active))


def revoke_carteira(escopo: Escopo, carteira_id: int, *, motivo: str, autor_id: int | None, agora: dt.datetime) -> None:
    """Make the card invalid. Raises Conflict if it is revoked already."""
    reason = one_line("motivo", motivo, longest=200)
    if reason is None:
        raise Invalid("motivo", "Escreva por que a carteirinha deixa de valer.")
    with transaction() as session:
        wanted = select(Carteira).where(
            Carteira.id == min(carteira_id, MAX_BIG_ID), owner_in_scope(escopo, Carteira.militante_id)
        )
        card = session.scalars(
            wanted.with_for_update(of=Carteira).execution_options(populate_existing=True)
        ).one_or_none()
        if card is None:
            raise NotFound("Carteirinha não encontrada.")
        if card.revogada_em is not None:
            raise Conflict("Esta carteirinha já não valia mais.")
        card.revogada_em, card.revogada_por_id, card.motivo = agora, autor_id, reason
        _record(session, "carteira.revogar", card.id, {"motivo": reason}, autor_id=autor_id, agora=agora)


def _people(session: Session, escopo: Escopo, wanted: Sequence[int]) -> dict[int, Situacao]:
    possible = [one for one in wanted if 0 < one <= MAX_ID]
    rows = session.execute(
        select(Militante.id, Militante.situacao).where(
            Militante.id.in_(possible), in_scope(escopo), Militante.anonimizado_em.is_(None)
        )
    )
    found = {row[0]: row[1] for row in rows}
    if len(found) != len(wanted):
        raise NotFound("Militante não encontrado.")
    return found


def _standing(session: Session, militante_ids: Sequence[int]) -> dict[int, Carteira]:
    wanted = select(Carteira).where(Carteira.militante_id.in_(militante_ids), Carteira.revogada_em.is_(None))
    rows = session.scalars(wanted.with_for_update().execution_options(populate_existing=True))
    return {card.militante_id: card for card in rows}


def _record(
    session: Session,
    acao: str,
    registro_id: int,
    depois: dict[str, object],
    *,
    autor_id: int | None,
    agora: dt.datetime,
) -> None:
    audit.record(
        session, acao=acao, tabela="carteira", registro_id=registro_id, depois=depois, usuario_id=autor_id, agora=agora
    )
