"""Writes about reminders: which month is complete, who is not to be reminded, and the reminders themselves."""

import datetime as dt
from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.db import MAX_BIG_ID, MAX_ID, serialise
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.domain.escopo import Escopo
from controles.domain.field_checks import one_line
from controles.lembretes.eligible import eligible
from controles.lembretes.models import Canal, Estado, Lembrete, MesCompleto, SemLembrete
from controles.lembretes.overdue import overdue_of
from controles.lembretes.records import Pedido
from controles.militantes.models import Militante
from controles.militantes.scope import in_scope, owner_in_scope
from controles.services.transaction import transaction

# As many as one page of the preview: nobody gets a message that the user has not seen.
MOST_AT_ONCE = 200
# The states from which somebody may send it again; a reminder that was sent, or is pending, is never sent twice.
TO_SEND_AGAIN = frozenset({Estado.FALHOU, Estado.ENVIANDO, Estado.CANCELADO})


def mark_month(
    escopo: Escopo, competencia: dt.date, *, completo: bool, autor_id: int | None, agora: dt.datetime
) -> None:
    """Record whether all payments of a month were entered. Invalid in the scope of one núcleo, or if it is no first
    day."""
    if escopo.nucleo_id is not None:
        raise Invalid("competencia", "Só a tesouraria geral diz que um mês está completo.")
    if competencia.day != 1:
        raise Invalid("competencia", "Escolha um mês da lista.")
    with transaction() as session:
        serialise(session.connection(), "mes_completo")
        row = session.get(MesCompleto, competencia, populate_existing=True)
        if (row is not None and row.completo) is completo:
            return
        if row is None:
            row = MesCompleto(competencia=competencia)
            session.add(row)
        row.completo, row.quando, row.por_id = completo, agora, autor_id
        _record(session, "lembrete.mes", None, {"competencia": competencia, "completo": completo}, autor_id, agora)


def set_silent(
    escopo: Escopo,
    militante_id: int,
    *,
    motivo: str | None,
    autor_id: int | None,
    agora: dt.datetime,
    hoje: dt.date,
) -> None:
    """Do not remind this militante any more, for a reason; without a reason, remind them again."""
    reason = one_line("motivo", motivo, longest=200)
    with transaction() as session:
        serialise(session.connection(), "lembrete")
        _seen(session, escopo, militante_id)
        row = session.get(SemLembrete, militante_id, populate_existing=True)
        before = row.motivo if row is not None and row.ativo else None
        if before == reason:
            return
        if row is None:
            row = SemLembrete(militante_id=militante_id)
            session.add(row)
        row.ativo, row.motivo, row.desde = reason is not None, reason or row.motivo, hoje
        change = {"sem_lembrete": reason}
        _record(session, "lembrete.silenciar", militante_id, change, autor_id, agora, tabela="militante")


def register_lembretes(
    escopo: Escopo, pedido: Pedido, *, autor_id: int | None, agora: dt.datetime, hoje: dt.date
) -> tuple[int, ...]:
    """Record one reminder for each requested militante to whom the filter still applies; returns their ids.

    People who meanwhile were reminded, paid, or left are skipped. E-mails then wait for `sending`; a reminder by
    WhatsApp counts as sent, because only its sender knows. Conflict if the month is not complete; NotFound if one of
    them is not in the escopo.
    """
    if not 0 < len(set(pedido.militante_ids)) <= MOST_AT_ONCE:
        raise Invalid("", f"Marque de uma a {MOST_AT_ONCE} pessoas.")
    with transaction() as session:
        # Serialised: if two people press at once, the second one finds that everybody was reminded.
        serialise(session.connection(), "lembrete")
        for militante_id in sorted(set(pedido.militante_ids)):
            _seen(session, escopo, militante_id)
        competencia = pedido.filtro.competencia
        month = session.get(MesCompleto, competencia, populate_existing=True) if competencia else None
        if competencia is None or month is None or not month.completo:
            raise Conflict("O mês ainda não está marcado como completo; registre os pagamentos e marque-o primeiro.")
        reachable = {
            Canal.EMAIL: Militante.email.is_not(None),
            Canal.WHATSAPP: Militante.telefone.is_not(None),
        }[pedido.canal]
        wanted = select(Militante.id).where(
            Militante.id.in_(pedido.militante_ids), reachable, *eligible(escopo, pedido.filtro, hoje=hoje)
        )
        owed = overdue_of(session, session.scalars(wanted.order_by(Militante.id)).all(), hoje)
        by_hand = pedido.canal is Canal.WHATSAPP
        rows = [
            Lembrete(
                militante_id=militante_id,
                regra=pedido.filtro.regra,
                competencia=competencia,
                canal=pedido.canal,
                estado=Estado.ENVIADO if by_hand else Estado.A_ENVIAR,
                meses=len(months),
                valor=centavos,
                criado_em=agora,
                criado_por_id=autor_id,
                enviado_em=agora if by_hand else None,
            )
            for militante_id, (months, centavos) in owed.items()
        ]
        session.add_all(rows)
        session.flush()
        made = tuple(row.id for row in rows)
        if made:
            change = {
                "competencia": competencia,
                "regra": pedido.filtro.regra,
                "canal": pedido.canal,
                "militantes": list(owed),
            }
            _record(session, "lembrete.registrar", made[0] if len(made) == 1 else None, change, autor_id, agora)
        return made


def send_again(escopo: Escopo, lembrete_id: int, *, autor_id: int | None, agora: dt.datetime) -> None:
    """Allow a reminder that did not arrive, or whose fate is unknown, to be sent once more.

    Conflict if it was sent or is already pending.
    """
    with transaction() as session:
        serialise(session.connection(), "lembrete")
        found = None
        if 0 < lembrete_id <= MAX_BIG_ID:
            visible = select(Lembrete).where(Lembrete.id == lembrete_id, owner_in_scope(escopo, Lembrete.militante_id))
            locked = visible.with_for_update().execution_options(populate_existing=True)
            found = session.scalars(locked).one_or_none()
        if found is None:
            raise NotFound("Lembrete não encontrado.")
        if found.estado not in TO_SEND_AGAIN:
            raise Conflict("Este lembrete já foi enviado, ou espera a vez; não é enviado de novo.")
        before = found.estado
        found.estado, found.erro = Estado.A_ENVIAR, None
        change = {"estado": found.estado, "antes": before}
        _record(session, "lembrete.de_novo", found.id, change, autor_id, agora)


def _seen(session: Session, escopo: Escopo, militante_id: int) -> None:
    found = None
    if 0 < militante_id <= MAX_ID:
        wanted = select(Militante.id).where(Militante.id == militante_id, in_scope(escopo))
        found = session.scalars(wanted).one_or_none()
    if found is None:
        raise NotFound("Militante não encontrado.")


def _record(
    session: Session,
    acao: str,
    registro_id: int | None,
    depois: Mapping[str, object],
    autor_id: int | None,
    agora: dt.datetime,
    *,
    tabela: str = "lembrete",
) -> None:
    session.flush()
    audit.record(
        session, acao=acao, tabela=tabela, registro_id=registro_id, depois=depois, usuario_id=autor_id, agora=agora
    )
