"""Closing a month, and reopening the last closed one."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from controles.auditoria import audit
from controles.db import serialise
from controles.domain.domain_errors import Conflict, Invalid
from controles.domain.field_checks import one_line
from controles.domain.periods import add_months
from controles.fechamento.closed_months import LOCK, is_closed, last_closed
from controles.fechamento.models import Fechamento
from controles.fechamento.pending import pending
from controles.services.transaction import transaction

FIRST_YEAR = 1990


def close_month(
    competencia: dt.date, *, com_pendencias: bool, autor_id: int | None, agora: dt.datetime, hoje: dt.date
) -> None:
    """Close a past month, and all months before it.

    Conflict if it is already closed. Invalid if it has not ended, or if something is still to be done up to it and
    `com_pendencias` does not say that the user has seen this.
    """
    if competencia.day != 1 or competencia.year < FIRST_YEAR:
        raise Invalid("", "Escolha um mês da lista.")
    if add_months(competencia, 1) > hoje:
        raise Invalid("", f"O mês {competencia:%m/%Y} ainda não acabou; feche-o a partir do dia 1 do mês seguinte.")
    with transaction() as session:
        serialise(session.connection(), LOCK)
        closed = last_closed(session)
        if is_closed(closed, competencia):
            raise Conflict(f"O mês {competencia:%m/%Y} já está fechado; outra pessoa pode tê-lo fechado agora.")
        left = pending(session, closed, competencia)
        if left and not com_pendencias:
            raise Invalid("", "Ainda há o que fazer até este mês; marque que quer fechar assim mesmo.")
        row = Fechamento(competencia=competencia, fechado_em=agora, fechado_por_id=autor_id)
        session.add(row)
        try:
            session.flush()
        except IntegrityError as error:
            raise Conflict(f"O mês {competencia:%m/%Y} já está fechado.") from error
        audit.record(
            session,
            acao="mes.fechar",
            tabela="fechamento",
            registro_id=row.id,
            depois={
                "competencia": competencia,
                "linhas_abertas": left.linhas_abertas,
                "sem_identificacao": left.sem_identificacao,
            },
            usuario_id=autor_id,
            agora=agora,
        )


def reopen_month(competencia: dt.date, *, motivo: str, autor_id: int | None, agora: dt.datetime) -> None:
    """Reopen the last closed month; earlier months that were closed separately stay closed.

    Conflict if it is not the last closed one.
    """
    reason = one_line("motivo", motivo, longest=200)
    if reason is None:
        raise Invalid("motivo", "Escreva por que o mês é reaberto.")
    with transaction() as session:
        serialise(session.connection(), LOCK)
        closed = last_closed(session)
        if closed is None or not is_closed(closed, competencia):
            raise Conflict(f"O mês {competencia:%m/%Y} está aberto; outra pessoa pode tê-lo reaberto agora.")
        if closed != competencia:
            raise Conflict(f"Reabra primeiro {closed:%m/%Y}: é o último mês fechado, e começa com o saldo deste.")
        standing = select(Fechamento).where(Fechamento.competencia == competencia, Fechamento.reaberto_em.is_(None))
        row = session.scalars(standing.with_for_update()).one()
        row.reaberto_em, row.reaberto_por_id, row.motivo = agora, autor_id, reason
        session.flush()
        audit.record(
            session,
            acao="mes.reabrir",
            tabela="fechamento",
            registro_id=row.id,
            antes={"competencia": competencia, "fechado_em": row.fechado_em},
            depois={"competencia": competencia, "motivo": reason},
            usuario_id=autor_id,
            agora=agora,
        )
