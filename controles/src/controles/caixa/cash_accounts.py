"""Which accounts are kept by hand, and from when: a caixa has no statement; a bank account has one, or will get one."""

import datetime as dt

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from controles.banco.models import ContaBancaria, Extrato, LinhaExtrato, TipoConta
from controles.caixa.models import Lancamento
from controles.db import MAX_ID
from controles.domain.domain_errors import Invalid
from controles.pagamentos.models import Metodo, Pagamento


def account(session: Session, conta_id: int | None, field: str, day: dt.date) -> ContaBancaria:
    """An account that is in use and has begun by `day`; otherwise Invalid for `field`."""
    found = session.get(ContaBancaria, conta_id) if conta_id is not None and 0 < conta_id <= MAX_ID else None
    if found is None or not found.ativa:
        raise Invalid(field, "Escolha uma conta em uso.")
    if day < found.inicio:
        raise Invalid(
            "data",
            f"A conta “{found.nome}” começa em {found.inicio:%d/%m/%Y}; o que houve antes está no saldo inicial.",
        )
    return found


def refuse_covered(session: Session, conta: ContaBancaria, day: dt.date) -> None:
    """Raise Invalid if a statement of this account covers that day: its lines would count twice."""
    covered = select(Extrato.id).where(Extrato.conta_id == conta.id, Extrato.de <= day, Extrato.ate >= day).limit(1)
    if session.scalars(covered).first() is not None:
        raise Invalid(
            "data",
            f"O extrato da conta “{conta.nome}” já foi importado para esse dia; diga no lançamento do extrato o que "
            "ele foi, em vez de escrevê-lo de novo.",
        )


def entered_by_hand(session: Session, conta_id: int, de: dt.date, ate: dt.date) -> int:
    """The number of movements of an account in these days that were entered by hand and not reversed."""
    wanted = select(func.count()).where(
        or_(Lancamento.conta_id == conta_id, (Lancamento.outra_conta_id == conta_id) & Lancamento.linha_id.is_(None)),
        Lancamento.data.between(de, ate),
        Lancamento.estorna_id.is_(None),
        Lancamento.estornado.is_(False),
    )
    return session.scalars(wanted).one()


def is_used(session: Session, conta_id: int) -> bool:
    """Whether the account has any movement."""
    for wanted in (
        select(LinhaExtrato.id).where(LinhaExtrato.conta_id == conta_id),
        select(Lancamento.id).where(or_(Lancamento.conta_id == conta_id, Lancamento.outra_conta_id == conta_id)),
        select(Pagamento.id).where(Pagamento.conta_id == conta_id),
    ):
        if session.scalars(wanted.limit(1)).first() is not None:
            return True
    return False


def account_of_payment(session: Session, conta_id: int | None, metodo: Metodo, day: dt.date) -> int | None:
    """The caixa that a payment goes into: the chosen one; for cash, else the first one; None if a statement will show
    it.

    Invalid if the chosen account is not a caixa, or the payment is not in cash.
    """
    if conta_id is not None:
        if metodo is not Metodo.DINHEIRO:
            raise Invalid("conta_id", "Só dinheiro entra num caixa; o que entra no banco vem pelo extrato.")
        chosen = account(session, conta_id, "conta_id", day)
        if chosen.tipo is not TipoConta.CAIXA:
            raise Invalid("conta_id", "Escolha um caixa: o que entra numa conta do banco vem pelo extrato.")
        return chosen.id
    if metodo is not Metodo.DINHEIRO:
        return None
    first = select(ContaBancaria.id).where(
        ContaBancaria.tipo == TipoConta.CAIXA, ContaBancaria.ativa, ContaBancaria.inicio <= day
    )
    return session.scalars(first.order_by(ContaBancaria.id).limit(1)).one_or_none()
