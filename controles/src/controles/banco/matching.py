"""Conciliação: saying what a line of a statement was, and undoing that.

The line is locked first, then what a payment locks, in its order. Of two people, the second one finds the line matched,
and is told so.
"""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.banco.models import Conciliacao, Destino, LinhaExtrato
from controles.caixa.services import undo_other_side, write_other_side
from controles.cotas.conditions import is_open
from controles.cotas.models import Cota
from controles.db import MAX_BIG_ID
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.domain.escopo import Escopo
from controles.domain.field_checks import one_line
from controles.domain.money import format_brl
from controles.domain.text import search_form
from controles.fechamento.closed_months import closed_words, hold_months, is_closed
from controles.militantes.models import Militante, Nucleo
from controles.pagamentos.locks import lock_cotas, lock_militante, lock_pagamento
from controles.pagamentos.models import Alocacao, Metodo, Pagamento
from controles.pagamentos.refunds import CATEGORY, lock_credit, lock_given_back, lock_unidentified
from controles.pagamentos.refunds import write as write_returned
from controles.pagamentos.services import NovoPagamento, reverse_within
from controles.pagamentos.together import register_parts
from controles.pix.txids import charged_in
from controles.services.transaction import transaction

WHOLE = Escopo()
_TAKEN = "Outra pessoa já conciliou este lançamento; confira o que ficou dele."


def match_pagamento(linha_id: int, pagamento_id: int, *, autor_id: int | None, agora: dt.datetime) -> None:
    """Say that a line is a payment that is already registered.

    Conflict if the line or the payment is already matched; Invalid if the amounts differ or the payment was reversed.
    """
    with transaction() as session:
        linha = _lock_open(session, linha_id)
        pagamento = lock_pagamento(session, WHOLE, pagamento_id)
        if pagamento.estorna_id is not None or pagamento.estornado:
            raise Invalid("pagamento_id", "Este pagamento foi estornado; escolha outro.")
        if pagamento.valor != linha.valor:
            raise Invalid("pagamento_id", f"O pagamento é de {format_brl(pagamento.valor)}; o lançamento, não.")
        if pagamento.conta_id is not None:
            raise Invalid("pagamento_id", "Este pagamento foi em dinheiro e está num caixa; escolha outro.")
        used = select(Conciliacao.linha_id).where(
            Conciliacao.pagamento_id == pagamento_id, Conciliacao.desfeita_em.is_(None)
        )
        if session.scalars(used).first() is not None:
            raise Conflict("Este pagamento já foi conciliado com outro lançamento.")
        _write(session, linha, [(Destino.PAGAMENTO, linha.valor, pagamento_id, False, None)], autor_id, agora)


def match_grupo(linha_id: int, grupo: str, *, autor_id: int | None, agora: dt.datetime) -> int:
    """Say that a line is several payments that are already registered and were one movement of money; returns how many.

    Conflict if one of them is matched already; Invalid if those that were not reversed do not add up to the line.
    """
    with transaction() as session:
        linha = _lock_open(session, linha_id)
        wanted = (
            select(Pagamento)
            .where(
                Pagamento.grupo == grupo,
                Pagamento.estorna_id.is_(None),
                Pagamento.estornado.is_(False),
                Pagamento.conta_id.is_(None),
            )
            .order_by(Pagamento.militante_id, Pagamento.id)
            .with_for_update()
        )
        found = session.scalars(wanted.execution_options(populate_existing=True)).all()
        # Once more: whoever held a lock may have reversed it.
        found = [one for one in found if not one.estornado]
        total = sum(one.valor for one in found)
        if total != linha.valor:
            raise Invalid(
                "", f"Esses pagamentos somam {format_brl(total)}, e o lançamento é de {format_brl(linha.valor)}."
            )
        used = select(Conciliacao.id).join(Pagamento, Pagamento.id == Conciliacao.pagamento_id)
        if session.scalars(used.where(Pagamento.grupo == grupo, Conciliacao.desfeita_em.is_(None))).first() is not None:
            raise Conflict("Um desses pagamentos já foi conciliado com outro lançamento.")
        rows = [(Destino.PAGAMENTO, one.valor, one.id, False, None) for one in found]
        _write(session, linha, rows, autor_id, agora)
        return len(rows)


def match_militantes(
    linha_id: int,
    partes: Sequence[tuple[int, int]],
    *,
    outro: bool,
    autor_id: int | None,
    agora: dt.datetime,
    hoje: dt.date,
) -> tuple[int, ...]:
    """Register the payment that a line represents, one for each (militante_id, centavos); returns their ids.

    As for a typed payment, the oldest open cotas are paid first and the rest is credit. `outro`: the user has seen that
    there is a similar payment; otherwise Alike is raised. Invalid if the parts do not add up to the line, or if the
    line is a withdrawal.
    """
    with transaction() as session:
        linha = _lock_open(session, linha_id)
        if linha.valor < 0:
            raise Invalid("", "Este dinheiro saiu da conta; marque-o como despesa, transferência ou outro.")
        total = sum(centavos for _, centavos in partes)
        if total != linha.valor or any(centavos <= 0 for _, centavos in partes):
            raise Invalid("", f"As partes somam {format_brl(total)}, e o lançamento é de {format_brl(linha.valor)}.")
        comum = NovoPagamento(
            militante_id=None,
            data_credito=linha.data,
            valor=linha.valor,
            metodo=_metodo(linha),
            cota_ids=_charged(session, linha, partes[0][0]) if len(partes) == 1 else None,
            # A PIX has one number, which cannot belong to several parts.
            e2eid=linha.e2eid if len(partes) == 1 and (linha.e2eid or "").startswith("E") else None,
            observacao=f"lançamento nº {linha.id} do extrato",
            grupo=f"linha-{linha.id}" if len(partes) > 1 else None,
            ask_if_alike=not outro,
        )
        try:
            ids = register_parts(session, WHOLE, partes, comum, autor_id=autor_id, agora=agora, hoje=hoje)
        except IntegrityError as error:
            raise Conflict("Este PIX acaba de ser registrado por outra pessoa; confira o lançamento.") from error
        rows = [
            (Destino.PAGAMENTO, centavos, pagamento_id, True, None)
            for (_, centavos), pagamento_id in zip(partes, ids, strict=True)
        ]
        _write(session, linha, rows, autor_id, agora)
        return ids


def mark(
    linha_id: int,
    destino: Destino,
    categoria: str | None,
    *,
    outra_conta_id: int | None = None,
    nucleo_id: int | None = None,
    autor_id: int | None,
    agora: dt.datetime,
) -> None:
    """Say that a line is an expense, a transfer, or something else described by `categoria`.

    `outra_conta_id`: the other account of a transfer; if it is a caixa, the other side is written there.
    """
    if destino is Destino.PAGAMENTO:
        raise Invalid("destino", "Escolha de quem é o pagamento.")
    words = one_line("categoria", categoria, longest=80)
    if words is None:
        raise Invalid("categoria", "Escreva o que foi, por exemplo aluguel ou tarifa do banco.")
    with transaction() as session:
        linha = _lock_open(session, linha_id)
        if destino is Destino.DESPESA and linha.valor > 0:
            raise Invalid("destino", "Este dinheiro entrou na conta; não pode ser uma despesa.")
        if outra_conta_id is not None and destino is not Destino.TRANSFERENCIA:
            raise Invalid("outra_conta_id", "Só uma transferência tem outra conta; marque transferência, ou nenhuma.")
        if nucleo_id is not None and session.get(Nucleo, nucleo_id) is None:
            raise Invalid("nucleo_id", "Escolha um núcleo da lista.")
        if outra_conta_id is not None:
            write_other_side(session, linha, outra_conta_id, words, autor_id=autor_id, agora=agora)
        _write(session, linha, [(destino, linha.valor, None, False, words)], autor_id, agora, nucleo_id=nucleo_id)


def match_refund(
    linha_id: int,
    *,
    militante_id: int | None = None,
    pagamento_id: int | None = None,
    autor_id: int | None,
    agora: dt.datetime,
) -> None:
    """Say that a line of money paid out gave back a militante's credit, or an unidentified payment.

    Invalid if the line is money received, or is more than there is to give back.
    """
    with transaction() as session:
        linha = _lock_open(session, linha_id)
        if linha.valor > 0:
            raise Invalid("", "Este dinheiro entrou na conta; uma devolução sai dela.")
        nucleo_id = None
        if militante_id is not None:
            partes = lock_credit(session, militante_id, -linha.valor, linha.data)
            nucleo_id = session.scalars(select(Militante.nucleo_id).where(Militante.id == militante_id)).one()
        else:
            partes = lock_unidentified(session, pagamento_id or 0, -linha.valor, linha.data)
        write_returned(session, partes, linha_id=linha.id)
        rows = [(Destino.DESPESA, linha.valor, None, False, CATEGORY)]
        _write(session, linha, rows, autor_id, agora, nucleo_id=nucleo_id)


def undo(linha_id: int, *, autor_id: int | None, agora: dt.datetime, hoje: dt.date) -> None:
    """Open a line again. Payments that matching registered are reversed, today; other payments stay as they are.

    Conflict if the line is open.
    """
    with transaction() as session:
        linha = _lock(session, linha_id)
        if linha.destino is None:
            raise Conflict("Este lançamento já está em aberto.")
        former = linha.destino
        rows = session.scalars(
            select(Conciliacao)
            .where(Conciliacao.linha_id == linha.id, Conciliacao.desfeita_em.is_(None))
            .order_by(Conciliacao.pagamento_id)
        ).all()
        to_reverse = _lock_registered(session, rows)
        write_returned(session, lock_given_back(session, linha_id=linha.id), linha_id=linha.id)
        for row in rows:
            if row.pagamento_id in to_reverse:
                reverse_within(
                    session,
                    WHOLE,
                    row.pagamento_id,
                    motivo=f"conciliação do lançamento nº {linha.id} desfeita",
                    data=hoje,
                    autor_id=autor_id,
                    agora=agora,
                )
            row.desfeita_em, row.desfeita_por_id = agora, autor_id
        undo_other_side(session, linha, autor_id=autor_id, agora=agora)
        linha.destino = None
        session.flush()
        audit.record(
            session,
            acao="extrato.desfazer",
            tabela="linha_extrato",
            registro_id=linha.id,
            antes={"destino": former},
            depois={"destino": None},
            usuario_id=autor_id,
            agora=agora,
        )


def _lock(session: Session, linha_id: int) -> LinhaExtrato:
    """The line, locked. NotFound if there is none; Conflict if its month is closed."""
    closed = hold_months(session)
    found = None
    if 0 < linha_id <= MAX_BIG_ID:
        wanted = select(LinhaExtrato).where(LinhaExtrato.id == linha_id).with_for_update()
        found = session.scalars(wanted.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise NotFound("Lançamento não encontrado.")
    if is_closed(closed, found.data):
        raise Conflict(f"{closed_words(found.data)} Para conciliar o lançamento, peça à administração que o reabra.")
    return found


def _lock_open(session: Session, linha_id: int) -> LinhaExtrato:
    linha = _lock(session, linha_id)
    if linha.destino is not None:
        raise Conflict(_TAKEN)
    return linha


def _lock_registered(session: Session, rows: Sequence[Conciliacao]) -> set[int]:
    """The payments that matching registered and that were not reversed, with everything locked that reversing writes
    to."""
    wanted = [row.pagamento_id for row in rows if row.registrou and row.pagamento_id is not None]
    by_owner = session.execute(
        select(Pagamento.id).where(Pagamento.id.in_(wanted)).order_by(Pagamento.militante_id, Pagamento.id)
    )
    locked = [lock_pagamento(session, WHOLE, pagamento_id) for (pagamento_id,) in by_owner.all()]
    ids = {pagamento.id for pagamento in locked if not pagamento.estornado}
    lock_cotas(session, session.scalars(select(Alocacao.cota_id).where(Alocacao.pagamento_id.in_(ids))).all())
    return ids


def _write(
    session: Session,
    linha: LinhaExtrato,
    rows: Sequence[tuple[Destino, int, int | None, bool, str | None]],
    autor_id: int | None,
    agora: dt.datetime,
    *,
    nucleo_id: int | None = None,
) -> None:
    linha.destino = rows[0][0]
    for destino, centavos, pagamento_id, registrou, categoria in rows:
        session.add(
            Conciliacao(
                linha_id=linha.id,
                destino=destino,
                pagamento_id=pagamento_id,
                registrou=registrou,
                centavos=centavos,
                categoria=categoria,
                nucleo_id=nucleo_id,
                feita_em=agora,
                feita_por_id=autor_id,
            )
        )
    session.flush()
    audit.record(
        session,
        acao="extrato.conciliar",
        tabela="linha_extrato",
        registro_id=linha.id,
        antes={"destino": None},
        depois={
            "destino": linha.destino,
            "valor": linha.valor,
            "pagamentos": [pagamento_id for _, _, pagamento_id, _, _ in rows if pagamento_id is not None],
            "categoria": rows[0][4],
        },
        usuario_id=autor_id,
        agora=agora,
    )


def _charged(session: Session, linha: LinhaExtrato, militante_id: int) -> tuple[int, ...] | None:
    """The open cotas that the line's PIX code asked this militante to pay; None: the code says nothing, or they are not
    open any more."""
    charged = charged_in(linha.descricao)
    if charged is None or charged.militante_id != militante_id or not charged.meses:
        return None
    lock_militante(session, WHOLE, militante_id)
    wanted = select(Cota.id).where(Cota.militante_id == militante_id, Cota.competencia.in_(charged.meses), is_open())
    return tuple(session.scalars(wanted).all()) or None


def _metodo(linha: LinhaExtrato) -> Metodo:
    words = search_form(linha.descricao).split()
    if linha.e2eid or "pix" in words:
        return Metodo.PIX
    return Metodo.BOLETO if {"boleto", "cobranca"} & set(words) else Metodo.TRANSFERENCIA
