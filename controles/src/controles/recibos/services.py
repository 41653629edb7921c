"""Issuing receipts, one or many, and cancelling one."""

import datetime as dt
import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.cotas.models import Cota
from controles.db import MAX_BIG_ID, serialise
from controles.domain.clock import LOCAL_ZONE
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.domain.escopo import Escopo
from controles.domain.field_checks import one_line
from controles.militantes.models import Militante
from controles.militantes.scope import owner_in_scope
from controles.organizacao.models import Organizacao
from controles.pagamentos.models import Alocacao, Pagamento
from controles.recibos.cancelling import mark_cancelled
from controles.recibos.contents import as_stored, heading_lines
from controles.recibos.models import Recibo
from controles.recibos.records import ConteudoRecibo, Emitidos
from controles.services.transaction import transaction

# Held while a year's next number is chosen, so that no number is given twice or left out.
LOCK = "recibo"
MOST_AT_ONCE = 500
# Without letters and digits that look alike; ten of them cannot be guessed.
_CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
CODE_LENGTH = 10


def issue_recibos(
    escopo: Escopo, pagamento_ids: Sequence[int], *, autor_id: int | None, agora: dt.datetime
) -> Emitidos:
    """Issue a receipt for each of these payments; a payment that has one keeps it, whatever has changed since.

    Returns ids in the order of `pagamento_ids`. Payments without a militante get none, and are counted. Raises NotFound
    if a payment is not in the escopo, Conflict if one was reversed, Invalid for more than 500.
    """
    wanted = list(dict.fromkeys(pagamento_ids))
    if len(wanted) > MOST_AT_ONCE:
        raise Invalid("", f"São mais de {MOST_AT_ONCE} recibos; escolha um período menor ou um núcleo.")
    with transaction() as session:
        serialise(session.connection(), LOCK)
        payments = _payments(session, escopo, wanted)
        named = [payments[one] for one in wanted if payments[one].militante_id is not None]
        standing = _standing(session, [pagamento.id for pagamento in named])
        missing = [pagamento for pagamento in named if pagamento.id not in standing]
        made = _issue(session, missing, autor_id=autor_id, agora=agora) if missing else {}
        ids = standing | made
        return Emitidos(tuple(ids[one.id] for one in named), tuple(made.values()), len(wanted) - len(named))


def cancel_recibo(escopo: Escopo, recibo_id: int, *, motivo: str, autor_id: int | None, agora: dt.datetime) -> None:
    """Cancel one; its payment stays, and may get another receipt. Raises Conflict if it is cancelled already."""
    reason = one_line("motivo", motivo, longest=200)
    if reason is None:
        raise Invalid("motivo", "Escreva por que o recibo é cancelado.")
    if not 0 < recibo_id <= MAX_BIG_ID:
        raise NotFound("Recibo não encontrado.")
    with transaction() as session:
        visible = select(Pagamento.id).where(owner_in_scope(escopo, Pagamento.militante_id))
        wanted = select(Recibo).where(Recibo.id == recibo_id, Recibo.pagamento_id.in_(visible))
        recibo = session.scalars(
            wanted.with_for_update(of=Recibo).execution_options(populate_existing=True)
        ).one_or_none()
        if recibo is None:
            raise NotFound("Recibo não encontrado.")
        if recibo.cancelado_em is not None:
            raise Conflict("Este recibo já foi cancelado.")
        mark_cancelled(session, recibo, motivo=reason, autor_id=autor_id, agora=agora)


def _payments(session: Session, escopo: Escopo, wanted: Sequence[int]) -> dict[int, Pagamento]:
    """The payments, locked against reversal until this transaction ends."""
    possible = [one for one in wanted if 0 < one <= MAX_BIG_ID]
    visible = select(Pagamento).where(Pagamento.id.in_(possible), owner_in_scope(escopo, Pagamento.militante_id))
    locked = visible.order_by(Pagamento.id).with_for_update(read=True, of=Pagamento)
    found = {row.id: row for row in session.scalars(locked.execution_options(populate_existing=True))}
    if len(found) != len(wanted):
        raise NotFound("Pagamento não encontrado.")
    for pagamento in found.values():
        if pagamento.estornado or pagamento.estorna_id is not None:
            raise Conflict(f"O pagamento nº {pagamento.id} foi estornado ou é um estorno: não há recibo dele.")
    return found


def _standing(session: Session, pagamento_ids: Sequence[int]) -> dict[int, int]:
    rows = session.execute(
        select(Recibo.pagamento_id, Recibo.id).where(
            Recibo.pagamento_id.in_(pagamento_ids), Recibo.cancelado_em.is_(None)
        )
    )
    return {row[0]: row[1] for row in rows}


def _issue(
    session: Session, payments: Sequence[Pagamento], *, autor_id: int | None, agora: dt.datetime
) -> dict[int, int]:
    """The id of each payment's new receipt."""
    ano = agora.astimezone(LOCAL_ZONE).year
    last = session.scalars(select(func.max(Recibo.numero)).where(Recibo.ano == ano)).one() or 0
    organisation = session.scalars(select(Organizacao)).one_or_none()
    people = _people(session, [pagamento.militante_id or 0 for pagamento in payments])
    parts = _parts(session, [pagamento.id for pagamento in payments])
    made = []
    for numero, pagamento in enumerate(payments, start=last + 1):
        militante = people[pagamento.militante_id or 0]
        conteudo = ConteudoRecibo(
            organizacao=organisation.nome if organisation else "",
            linhas=heading_lines(organisation) if organisation else (),
            municipio=organisation.municipio if organisation else None,
            militante=militante.nome_exibido,
            matricula=militante.matricula,
            pagamento_id=pagamento.id,
            valor=pagamento.valor,
            data_credito=pagamento.data_credito,
            metodo=pagamento.metodo,
            partes=tuple(parts.get(pagamento.id, ())),
        )
        made.append(
            Recibo(
                ano=ano,
                numero=numero,
                pagamento_id=pagamento.id,
                valor=pagamento.valor,
                codigo="".join(secrets.choice(_CODE_LETTERS) for _ in range(CODE_LENGTH)),
                conteudo=as_stored(conteudo),
                cpf_cifrado=militante.cpf_cifrado,
                emitido_em=agora,
                emitido_por_id=autor_id,
            )
        )
    session.add_all(made)
    session.flush()
    depois: dict[str, Any] = {"ano": ano, "de": last + 1, "ate": last + len(made)}
    if len(made) == 1:
        depois["pagamento_id"] = made[0].pagamento_id
    audit.record(
        session,
        acao="recibo.emitir",
        tabela="recibo",
        registro_id=made[0].id,
        depois=depois,
        usuario_id=autor_id,
        agora=agora,
    )
    return {recibo.pagamento_id: recibo.id for recibo in made}


def _people(session: Session, ids: Sequence[int]) -> dict[int, Militante]:
    wanted = select(Militante).where(Militante.id.in_(set(ids))).execution_options(populate_existing=True)
    return {militante.id: militante for militante in session.scalars(wanted)}


def _parts(session: Session, ids: Sequence[int]) -> dict[int, list[tuple[dt.date, int]]]:
    found: dict[int, list[tuple[dt.date, int]]] = {}
    rows = session.execute(
        select(Alocacao.pagamento_id, Cota.competencia, Alocacao.centavos)
        .join(Cota, Cota.id == Alocacao.cota_id)
        .where(Alocacao.pagamento_id.in_(ids))
        .order_by(Cota.competencia)
    )
    for pagamento_id, competencia, centavos in rows:
        found.setdefault(pagamento_id, []).append((competencia, centavos))
    return found
