"""Registering or reversing many payments at once: writes the same as for each one alone, in few statements.

The caller's transaction locks the months, and keeps every other writer of payments and cotas out (`keep_others_out`).
Otherwise there could be a deadlock: an audit row is written after each few hundred payments, and a writer that holds a
cota and waits for the audit would wait for this transaction, which waits for the cota.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.auditoria.audit import Change
from controles.caixa.cash_accounts import account_of_payment
from controles.cotas.conditions import is_open
from controles.cotas.models import Cota
from controles.cotas.records import CotaAberta
from controles.db import begin_write
from controles.domain import cpf
from controles.domain.domain_errors import Conflict
from controles.pagamentos.allocation import plan_allocation
from controles.pagamentos.models import Alocacao, Devolucao, Metodo, Pagamento
from controles.pagamentos.records import ParteAlocada
from controles.pagamentos.services import LONGEST_TEXT, NovoPagamento, audited
from controles.recibos.cancelling import cancel_of_payment
from controles.recibos.models import Recibo

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Entrada:
    """One payment. `competencia`: the only month whose cota it pays, the rest is credit; None: the oldest cotas first.

    If `novo.cota_ids` is (), it pays no cota and is all credit.
    """

    novo: NovoPagamento
    competencia: dt.date | None = None


def keep_others_out(session: Session) -> None:
    """Keep everybody else from writing payments, cotas or militantes until this transaction ends; reading is
    allowed."""
    begin_write(session)
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("LOCK TABLE militante, cota IN EXCLUSIVE MODE"))


def register_many(
    session: Session, entradas: Sequence[Entrada], *, autor_id: int | None, agora: dt.datetime, hoje: dt.date
) -> Iterator[list[int]]:
    """Write payments that were checked, in their order; yields the ids of each few hundred after writing them."""
    contas: dict[tuple[Metodo, dt.date], int | None] = {}
    remaining = iter(entradas)
    while some := list(islice(remaining, _AT_ONCE)):
        yield _write(session, some, contas, autor_id=autor_id, agora=agora, hoje=hoje)


def _write(
    session: Session,
    entradas: Sequence[Entrada],
    contas: dict[tuple[Metodo, dt.date], int | None],
    *,
    autor_id: int | None,
    agora: dt.datetime,
    hoje: dt.date,
) -> list[int]:
    open_cotas = _open_cotas(session, entradas, hoje)
    shares = [_share(one, open_cotas) for one in entradas]
    rows = []
    for entrada in entradas:
        novo = entrada.novo
        place = (novo.metodo, novo.data_credito)
        if place not in contas:
            contas[place] = account_of_payment(session, None, *place)
        rows.append(
            {
                "conta_id": contas[place],
                "militante_id": novo.militante_id,
                "data_credito": novo.data_credito,
                "valor": novo.valor,
                "metodo": novo.metodo,
                "e2eid": novo.e2eid,
                "chave_idempotencia": novo.chave_idempotencia,
                "observacao": novo.observacao,
                "pagador_nome": novo.pagador_nome,
                "pagador_cpf": cpf.vault().encrypt(novo.pagador_cpf) if novo.pagador_cpf else None,
                "grupo": novo.grupo,
                "registrado_em": agora,
                "registrado_por_id": autor_id,
                "estornado": False,
                "estorna_id": None,
                "motivo": None,
            }
        )
    ids = list(session.scalars(insert(Pagamento).returning(Pagamento.id, sort_by_parameter_order=True), rows))
    paid = [
        {"pagamento_id": pagamento_id, "cota_id": parte.cota_id, "centavos": parte.centavos}
        for pagamento_id, partes in zip(ids, shares, strict=True)
        for parte in partes
    ]
    if paid:
        session.execute(insert(Alocacao), paid)
        changed = {parte.cota_id for partes in shares for parte in partes}
        now = {cota.id: cota.pago for cotas in open_cotas.values() for cota in cotas if cota.id in changed}
        session.execute(update(Cota), [{"id": cota_id, "pago": pago} for cota_id, pago in now.items()])
    changes = [
        Change(acao="pagamento.registrar", tabela="pagamento", registro_id=pagamento_id, depois=audited(row, partes))
        for pagamento_id, row, partes in zip(ids, rows, shares, strict=True)
    ]
    audit.record_many(session, changes, usuario_id=autor_id, agora=agora)
    # Objects in the session do not know of rows that were changed by statements.
    session.expire_all()
    return ids


def reverse_many(
    session: Session, ids: Sequence[int], *, motivo: str, data: dt.date, autor_id: int | None, agora: dt.datetime
) -> int:
    """Reverse those of these payments that were not reversed yet, in few statements; returns how many.

    As `reverse_pagamento` does, with the conditions of `register_many`; the caller has checked `data`. Conflict, with
    the payment's number, if something of one was given back.
    """
    done = 0
    for start in range(0, len(ids), _AT_ONCE):
        wanted = select(Pagamento).where(
            Pagamento.id.in_(ids[start : start + _AT_ONCE]),
            Pagamento.estornado.is_(False),
            Pagamento.estorna_id.is_(None),
        )
        originals = session.scalars(wanted.order_by(Pagamento.id)).all()
        _reverse(session, originals, motivo, data, autor_id=autor_id, agora=agora)
        done += len(originals)
    return done


def _reverse(
    session: Session,
    originals: Sequence[Pagamento],
    motivo: str,
    data: dt.date,
    *,
    autor_id: int | None,
    agora: dt.datetime,
) -> None:
    if not originals:
        return
    ids = [original.id for original in originals]
    given_back = (
        select(Devolucao.pagamento_id)
        .where(Devolucao.pagamento_id.in_(ids))
        .group_by(Devolucao.pagamento_id)
        .having(func.sum(Devolucao.centavos) != 0)
    )
    refused = session.scalars(given_back.limit(1)).first()
    if refused is not None:
        raise Conflict(f"Parte do pagamento nº {refused} foi devolvida; estorne a devolução antes.")
    same = ("conta_id", "militante_id", "valor", "metodo")
    rows = [
        {
            **{name: getattr(original, name) for name in same},
            "data_credito": data,
            "estorna_id": original.id,
            "motivo": motivo,
            "e2eid": None,
            "observacao": None,
            "registrado_em": agora,
            "registrado_por_id": autor_id,
            "estornado": False,
        }
        for original in originals
    ]
    new_ids = list(session.scalars(insert(Pagamento).returning(Pagamento.id, sort_by_parameter_order=True), rows))
    session.execute(update(Pagamento), [{"id": pagamento_id, "estornado": True} for pagamento_id in ids])
    partes = _take_back(session, dict(zip(ids, new_ids, strict=True)))
    receipts = select(Recibo.pagamento_id).where(Recibo.pagamento_id.in_(ids), Recibo.cancelado_em.is_(None))
    for pagamento_id in session.scalars(receipts.order_by(Recibo.pagamento_id)).all():
        why = f"Pagamento estornado: {motivo}"[:LONGEST_TEXT]
        cancel_of_payment(session, pagamento_id, motivo=why, autor_id=autor_id, agora=agora)
    changes = [
        Change(acao="pagamento.estornar", tabela="pagamento", registro_id=new_id, depois=audited(row, partes[new_id]))
        for new_id, row in zip(new_ids, rows, strict=True)
    ]
    audit.record_many(session, changes, usuario_id=autor_id, agora=agora)
    session.expire_all()


def _take_back(session: Session, estornos: Mapping[int, int]) -> dict[int, list[ParteAlocada]]:
    """Write the negative of what these payments paid, for their estornos; returns it by estorno."""
    allocated = session.execute(
        select(Alocacao.pagamento_id, Alocacao.cota_id, Alocacao.centavos, Cota.competencia, Cota.pago)
        .join(Cota, Cota.id == Alocacao.cota_id)
        .where(Alocacao.pagamento_id.in_(estornos))
        .order_by(Alocacao.id)
    ).all()
    partes: dict[int, list[ParteAlocada]] = {estorno_id: [] for estorno_id in estornos.values()}
    paid: dict[int, int] = {}
    for pagamento_id, cota_id, centavos, competencia, pago in allocated:
        partes[estornos[pagamento_id]].append(ParteAlocada(cota_id, competencia, -centavos))
        paid[cota_id] = paid.get(cota_id, pago) - centavos
    if paid:
        taken = [
            {"pagamento_id": estorno_id, "cota_id": parte.cota_id, "centavos": parte.centavos}
            for estorno_id, several in partes.items()
            for parte in several
        ]
        session.execute(insert(Alocacao), taken)
        session.execute(update(Cota), [{"id": cota_id, "pago": pago} for cota_id, pago in paid.items()])
    return partes


def _open_cotas(session: Session, entradas: Sequence[Entrada], hoje: dt.date) -> dict[int, list[CotaAberta]]:
    """The open cotas of these payers, oldest first."""
    payers = {one.novo.militante_id for one in entradas if one.novo.militante_id is not None}
    found: dict[int, list[CotaAberta]] = {}
    wanted = (
        select(Cota.militante_id, Cota.id, Cota.competencia, Cota.valor, Cota.pago, Cota.vencimento)
        .where(Cota.militante_id.in_(payers), is_open())
        .order_by(Cota.militante_id, Cota.competencia, Cota.id)
    )
    for militante_id, cota_id, competencia, valor, pago, vencimento in session.execute(wanted):
        found.setdefault(militante_id, []).append(
            CotaAberta(cota_id, competencia, valor, pago, valor - pago, vencimento, vencimento < hoje)
        )
    return found


def _share(entrada: Entrada, open_cotas: Mapping[int, list[CotaAberta]]) -> tuple[ParteAlocada, ...]:
    """What this payment pays; also updates the open cotas, for the next payment."""
    novo = entrada.novo
    cotas = open_cotas.get(novo.militante_id or 0, [])
    if novo.cota_ids is not None:
        return ()
    mine = tuple(cota for cota in cotas if entrada.competencia in (None, cota.competencia))
    partes = plan_allocation(mine, novo.valor)
    paid = {parte.cota_id: parte.centavos for parte in partes}
    for place, cota in enumerate(cotas):
        if cota.id in paid:
            more = paid[cota.id]
            cotas[place] = replace(cota, pago=cota.pago + more, em_aberto=cota.em_aberto - more)
    return partes
