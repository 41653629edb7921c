"""Sends recorded reminders by e-mail, each at most once.

A reminder is claimed in a transaction of its own, sent, and then its result is written. If the process ends between
claim and result, it stays ENVIANDO: it is unknown whether it was sent, so a person decides, never a program.
"""

import datetime as dt
import smtplib
from collections import Counter
from collections.abc import Callable

from sqlalchemy import ColumnElement, func, select

from controles.auditoria import audit
from controles.db import db
from controles.domain.clock import LOCAL_ZONE
from controles.domain.escopo import Escopo
from controles.lembretes.mail import Letter, Mailer, MailUnavailable, Refused, Send
from controles.lembretes.message import SUBJECT, text
from controles.lembretes.models import Estado, Lembrete
from controles.lembretes.overdue import overdue_of
from controles.lembretes.records import Envio
from controles.militantes.models import Militante
from controles.militantes.scope import owner_in_scope
from controles.organizacao.records import DadosOrganizacao
from controles.services.transaction import transaction

Clock = Callable[[], dt.datetime]


def send_waiting(
    escopo: Escopo,
    mailer: Mailer,
    organizacao: DadosOrganizacao,
    *,
    autor_id: int | None,
    clock: Clock,
    budget: dt.timedelta | None = None,
) -> Envio:
    """Send pending reminders, oldest first, until there are none or `budget` is used up.

    People who no longer owe anything get no message. Several of these may run at once: each reminder is claimed by one.
    """
    done: Counter[Estado] = Counter()
    started, problem = clock(), None
    try:
        with mailer.opened() as send:
            while budget is None or clock() - started < budget:
                state = _one(escopo, send, organizacao, autor_id=autor_id, clock=clock)
                if state is None:
                    break
                done[state] += 1
    except MailUnavailable as error:
        problem = str(error)
    except (OSError, smtplib.SMTPException):
        problem = (
            "O servidor de e-mail deixou de responder no meio de um envio; esse lembrete está marcado como incerto no "
            "histórico. Confira lá antes de enviar de novo."
        )
    waiting = select(func.count()).select_from(Lembrete).where(*_waiting(escopo))
    return Envio(
        enviados=done[Estado.ENVIADO],
        falhas=done[Estado.FALHOU],
        cancelados=done[Estado.CANCELADO],
        restantes=db.session.scalars(waiting).one(),
        problema=problem,
    )


def _waiting(escopo: Escopo) -> tuple[ColumnElement[bool], ...]:
    return (Lembrete.estado == Estado.A_ENVIAR, owner_in_scope(escopo, Lembrete.militante_id))


def _one(
    escopo: Escopo, send: Send, organizacao: DadosOrganizacao, *, autor_id: int | None, clock: Clock
) -> Estado | None:
    """The result of the next reminder; None if there is none."""
    claimed = _claim(escopo, organizacao, autor_id=autor_id, agora=clock())
    if claimed is None or isinstance(claimed, Estado):
        return claimed
    lembrete_id, to, body = claimed
    try:
        send(Letter(to, SUBJECT, body))
    except Refused as error:
        _finish(lembrete_id, Estado.FALHOU, str(error), autor_id=autor_id, agora=clock())
        return Estado.FALHOU
    except MailUnavailable:
        _finish(lembrete_id, Estado.A_ENVIAR, None, autor_id=autor_id, agora=clock())
        raise
    _finish(lembrete_id, Estado.ENVIADO, None, autor_id=autor_id, agora=clock())
    return Estado.ENVIADO


def _claim(
    escopo: Escopo, organizacao: DadosOrganizacao, *, autor_id: int | None, agora: dt.datetime
) -> tuple[int, str, str] | Estado | None:
    """The next reminder, now ENVIANDO, with its address and text; or its result, if it is not to be sent."""
    hoje = agora.astimezone(LOCAL_ZONE).date()
    with transaction() as session:
        wanted = select(Lembrete).where(*_waiting(escopo)).order_by(Lembrete.id).limit(1)
        locked = wanted.with_for_update(skip_locked=True, of=Lembrete).execution_options(populate_existing=True)
        row = session.scalars(locked).one_or_none()
        if row is None:
            return None
        militante = session.get_one(Militante, row.militante_id, populate_existing=True)
        months, valor = overdue_of(session, [row.militante_id], hoje).get(row.militante_id, ((), 0))
        if row.competencia not in months or militante.anonimizado_em is not None:
            row.estado = Estado.CANCELADO
        elif not militante.email:
            row.estado, row.erro = Estado.FALHOU, "A ficha não tem mais um endereço de e-mail."
        else:
            row.estado, row.meses, row.valor = Estado.ENVIANDO, len(months), valor
            body = text(militante.nome_exibido, months, valor, organizacao, militante_id=militante.id)
            return row.id, militante.email, body
        _record(row, autor_id=autor_id, agora=agora)
        return row.estado


def _finish(lembrete_id: int, estado: Estado, erro: str | None, *, autor_id: int | None, agora: dt.datetime) -> None:
    with transaction() as session:
        row = session.get_one(Lembrete, lembrete_id, populate_existing=True)
        row.estado, row.erro = estado, erro
        if estado is Estado.ENVIADO:
            row.enviado_em = agora
        _record(row, autor_id=autor_id, agora=agora)


def _record(row: Lembrete, *, autor_id: int | None, agora: dt.datetime) -> None:
    db.session.flush()
    audit.record(
        db.session,
        acao="lembrete.enviar",
        tabela="lembrete",
        registro_id=row.id,
        depois={"estado": row.estado, "erro": row.erro},
        usuario_id=autor_id,
        agora=agora,
    )
