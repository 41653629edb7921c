"""Registering many payments at once, for an import: writes the same as `register_pagamento`, in few statements.

The caller's transaction locks the months, and keeps every other writer of payments and cotas out (`keep_others_out`).
Otherwise there could be a deadlock: an audit row is written after each few hundred payments, and a writer that holds a
cota and waits for the audit would wait for this transaction, which waits for the cota.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.auditoria.audit import Change
from controles.caixa.cash_accounts import account_of_payment
from controles.cotas.conditions import is_open
from controles.cotas.models import Cota
from controles.cotas.records import CotaAberta
from controles.db import begin_write
from controles.domain import cpf
from controles.pagamentos.allocation import plan_allocation
from controles.pagamentos.models import Alocacao, Metodo, Pagamento
from controles.pagamentos.records import ParteAlocada
from controles.pagamentos.services import NovoPagamento, audited

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
