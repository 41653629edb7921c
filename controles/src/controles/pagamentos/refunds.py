"""Giving money back: which payments a refund takes it from, and undoing that.

The movement of money itself is written by `caixa.refunding`, or is a line of a statement (`banco.matching`). A payment
of which something was given back cannot be reversed, or what is left of it would be less than nothing.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from controles.domain.domain_errors import Conflict, Invalid
from controles.domain.escopo import Escopo
from controles.domain.money import format_brl
from controles.pagamentos.locks import lock_militante, lock_pagamento
from controles.pagamentos.models import Alocacao, Devolucao, Pagamento

# What refunds are called in the balancete.
CATEGORY = "devolução de contribuição"


@dataclass(frozen=True, slots=True)
class ParteDevolvida:
    """What is given back of one payment; `militante_id` None: it is unidentified."""

    pagamento_id: int
    militante_id: int | None
    centavos: int


def returned_of(session: Session, pagamento_id: int) -> int:
    """What was given back of this payment, in centavos, net of estornos."""
    total = select(func.coalesce(func.sum(Devolucao.centavos), 0)).where(Devolucao.pagamento_id == pagamento_id)
    return int(session.scalars(total).one())


def lock_credit(session: Session, militante_id: int, valor: int, day: dt.date) -> tuple[ParteDevolvida, ...]:
    """`valor` of this militante's credit, locked; newest money first, so that the oldest is left for cotas.

    Invalid for `valor` if the militante's payments up to that day leave less.
    """
    lock_militante(session, Escopo(), militante_id)
    sources = sources_of_credit(session, militante_id, ate=day)
    partes, missing = [], valor
    for pagamento_id, rest in reversed(sources):
        centavos = min(rest, missing)
        if centavos > 0:
            partes.append(ParteDevolvida(pagamento_id, militante_id, centavos))
            missing -= centavos
    if missing:
        credit = format_brl(valor - missing)
        raise Invalid(
            "valor", f"O crédito, do que foi pago até {day:%d/%m/%Y}, é de {credit}; não se devolve mais do que isso."
        )
    return tuple(partes)


def lock_unidentified(session: Session, pagamento_id: int, valor: int, day: dt.date) -> tuple[ParteDevolvida, ...]:
    """An unidentified payment, locked. It is given back whole, since nobody knows whose the rest would be."""
    pagamento = lock_pagamento(session, Escopo(), pagamento_id)
    if pagamento.militante_id is not None or pagamento.estorna_id is not None or pagamento.estornado:
        raise Conflict("Este pagamento já foi identificado ou estornado; não há o que devolver assim.")
    if returned_of(session, pagamento_id):
        raise Conflict("Este pagamento já foi devolvido.")
    if valor != pagamento.valor:
        raise Invalid("valor", f"O pagamento é de {format_brl(pagamento.valor)}, e é devolvido inteiro.")
    if day < pagamento.data_credito:
        raise Invalid("data", f"A devolução não pode ser anterior ao pagamento, de {pagamento.data_credito:%d/%m/%Y}.")
    return (ParteDevolvida(pagamento_id, None, valor),)


def sources_of_credit(session: Session, militante_id: int, *, ate: dt.date | None = None) -> list[tuple[int, int]]:
    """The payments, up to a day, that were not reversed and of which something is left: id and rest, oldest first.

    The caller has locked the militante.
    """
    allocated = (
        select(func.coalesce(func.sum(Alocacao.centavos), 0))
        .where(Alocacao.pagamento_id == Pagamento.id)
        .correlate(Pagamento)
        .scalar_subquery()
    )
    returned = (
        select(func.coalesce(func.sum(Devolucao.centavos), 0))
        .where(Devolucao.pagamento_id == Pagamento.id)
        .correlate(Pagamento)
        .scalar_subquery()
    )
    rest = Pagamento.valor - allocated - returned
    wanted = select(Pagamento.id, rest).where(
        Pagamento.militante_id == militante_id,
        Pagamento.estorna_id.is_(None),
        Pagamento.estornado.is_(False),
        rest > 0,
    )
    if ate is not None:
        wanted = wanted.where(Pagamento.data_credito <= ate)
    rows = session.execute(wanted.order_by(Pagamento.data_credito, Pagamento.id))
    return [(pagamento_id, int(centavos)) for pagamento_id, centavos in rows]


def write(
    session: Session,
    partes: Iterable[ParteDevolvida],
    *,
    lancamento_id: int | None = None,
    linha_id: int | None = None,
) -> None:
    """Write what the movement or the line gives back."""
    for parte in partes:
        session.add(
            Devolucao(
                pagamento_id=parte.pagamento_id,
                militante_id=parte.militante_id,
                centavos=parte.centavos,
                lancamento_id=lancamento_id,
                linha_id=linha_id,
            )
        )
    session.flush()


def lock_given_back(
    session: Session, *, lancamento_id: int | None = None, linha_id: int | None = None
) -> Sequence[ParteDevolvida]:
    """What a movement or a line gives back now, as the rows that undo it; the militantes are locked."""
    of_movement = (
        Devolucao.lancamento_id == lancamento_id if lancamento_id is not None else Devolucao.linha_id == linha_id
    )
    rows = session.execute(
        select(Devolucao.pagamento_id, Devolucao.militante_id, func.sum(Devolucao.centavos))
        .where(of_movement)
        .group_by(Devolucao.pagamento_id, Devolucao.militante_id)
        .having(func.sum(Devolucao.centavos) != 0)
    ).all()
    for militante_id in sorted({militante_id for _, militante_id, _ in rows if militante_id is not None}):
        lock_militante(session, Escopo(), militante_id)
    return [ParteDevolvida(pagamento_id, militante_id, -int(total)) for pagamento_id, militante_id, total in rows]
