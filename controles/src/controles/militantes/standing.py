"""Writes to a militante's standing: leave and return, the end of a membership, its undoing, and joining again.

One table says which change may follow which. Each change adds a row to the history and one to the audit, and affects
open cotas according to its day: a cota is owed by everybody who is active on its due day.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.cotas.models import Cota, TipoDispensa
from controles.cotas.waiving import reopen_of, waive
from controles.domain.clock import LOCAL_ZONE
from controles.domain.domain_errors import Conflict, Invalid
from controles.domain.escopo import Escopo
from controles.domain.field_checks import one_line, past_date
from controles.fechamento.closed_months import hold_months
from controles.militantes.models import Militante, Situacao, SituacaoHistorico
from controles.militantes.writing import flush_militante, locked_militante
from controles.services.transaction import transaction

# Each change, and the standings from which it is allowed.
ALLOWED: Mapping[str, frozenset[Situacao]] = {
    "militante.licenciar": frozenset({Situacao.ATIVO}),
    "militante.retornar": frozenset({Situacao.LICENCIADO}),
    "militante.desligar": frozenset({Situacao.ATIVO, Situacao.LICENCIADO}),
    "militante.desfazer_desligamento": frozenset({Situacao.DESLIGADO}),
    "militante.readmitir": frozenset({Situacao.DESLIGADO}),
}
LONGEST_LEAVE = dt.timedelta(days=366 * 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mudanca:
    """A requested change of standing; `versao` is the version that its author saw."""

    militante_id: int
    data: dt.date
    motivo: str | None
    versao: int
    autor_id: int | None
    agora: dt.datetime

    @property
    def hoje(self) -> dt.date:
        return self.agora.astimezone(LOCAL_ZONE).date()

    def reason(self) -> str | None:
        return one_line("motivo", self.motivo, longest=200)


def start_leave(escopo: Escopo, mudanca: Mudanca, *, prevista_ate: dt.date | None) -> int:
    """Put an active militante on leave. Their open cotas due from that day on are waived; returns how many."""
    past_date("data", mudanca.data, hoje=mudanca.hoje)
    if prevista_ate is not None and not mudanca.data < prevista_ate <= mudanca.data + LONGEST_LEAVE:
        raise Invalid("prevista_ate", "A volta prevista precisa ser depois do começo, e em até dez anos.")
    with transaction() as session:
        militante = _locked(session, escopo, mudanca, "militante.licenciar")
        _check_order(session, militante, mudanca.data)
        militante.situacao = Situacao.LICENCIADO
        _remember(session, militante, mudanca, prevista_ate=prevista_ate)
        waived = _waive_from(session, militante, mudanca, TipoDispensa.LICENCA, "licença")
        _audit(
            session,
            "militante.licenciar",
            militante,
            mudanca,
            Situacao.ATIVO,
            {"prevista_ate": prevista_ate, "cotas_dispensadas": waived},
        )
        return waived


def end_leave(escopo: Escopo, mudanca: Mudanca) -> int:
    """End a leave. Cotas that it waived and that are due from that day on are open again; returns how many."""
    past_date("data", mudanca.data, hoje=mudanca.hoje)
    with transaction() as session:
        militante = _locked(session, escopo, mudanca, "militante.retornar")
        _check_order(session, militante, mudanca.data)
        militante.situacao = Situacao.ATIVO
        _remember(session, militante, mudanca, otherwise="retorno de licença")
        reopened = reopen_of(session, militante.id, (TipoDispensa.LICENCA,), due_from=mudanca.data)
        _audit(session, "militante.retornar", militante, mudanca, Situacao.LICENCIADO, {"cotas_reabertas": reopened})
        return reopened


def end_membership(escopo: Escopo, mudanca: Mudanca) -> int:
    """End a membership. Open cotas due from that day on are waived, earlier ones stay open; returns how many."""
    past_date("data", mudanca.data, hoje=mudanca.hoje)
    with transaction() as session:
        militante = _locked(session, escopo, mudanca, "militante.desligar")
        before = militante.situacao
        if mudanca.data < militante.data_filiacao:
            raise Invalid(
                "data", f"O desligamento não pode ser anterior à filiação, {militante.data_filiacao:%d/%m/%Y}."
            )
        _check_order(session, militante, mudanca.data)
        militante.situacao = Situacao.DESLIGADO
        militante.data_desligamento = mudanca.data
        _remember(session, militante, mudanca)
        waived = _waive_from(session, militante, mudanca, TipoDispensa.DESLIGAMENTO, "desligamento")
        _audit(
            session,
            "militante.desligar",
            militante,
            mudanca,
            before,
            {"data_desligamento": mudanca.data, "cotas_dispensadas": waived},
            antes={"data_desligamento": None},
        )
        return waived


def undo_end(escopo: Escopo, mudanca: Mudanca) -> int:
    """Undo a desligamento as if it had not happened: the former standing is restored, and what it waived is open again.

    `data` is ignored. The history keeps both.
    """
    with transaction() as session:
        militante = _locked(session, escopo, mudanca, "militante.desfazer_desligamento")
        ended = militante.data_desligamento
        assert ended is not None
        militante.situacao = _standing_before(session, militante.id)
        militante.data_desligamento = None
        reason = mudanca.reason()
        session.add(
            SituacaoHistorico(
                militante_id=militante.id,
                situacao=militante.situacao,
                desde=ended,
                motivo=f"desligamento desfeito{f': {reason}' if reason else ''}"[:200],
                volta=True,
            )
        )
        flush_militante(session)
        reopened = reopen_of(session, militante.id, (TipoDispensa.DESLIGAMENTO,), due_from=ended)
        _audit(
            session,
            "militante.desfazer_desligamento",
            militante,
            mudanca,
            Situacao.DESLIGADO,
            {"data_desligamento": None, "cotas_reabertas": reopened},
            antes={"data_desligamento": ended},
        )
        return reopened


def rejoin(escopo: Escopo, mudanca: Mudanca) -> int:
    """Take back a former member: the same person, with their history, active from `data` on.

    Cotas that the desligamento waived and that are due from then on are open again; returns how many.
    """
    past_date("data", mudanca.data, hoje=mudanca.hoje)
    with transaction() as session:
        militante = _locked(session, escopo, mudanca, "militante.readmitir")
        ended = militante.data_desligamento
        assert ended is not None
        if mudanca.data <= ended:
            raise Invalid(
                "data",
                f"A readmissão precisa ser depois do desligamento, {ended:%d/%m/%Y}; se a pessoa nunca saiu, "
                "desfaça o desligamento.",
            )
        militante.situacao = Situacao.ATIVO
        militante.data_desligamento = None
        _remember(session, militante, mudanca, otherwise="readmissão", volta=True)
        reopened = reopen_of(session, militante.id, (TipoDispensa.DESLIGAMENTO,), due_from=mudanca.data)
        _audit(
            session,
            "militante.readmitir",
            militante,
            mudanca,
            Situacao.DESLIGADO,
            {"data_desligamento": None, "cotas_reabertas": reopened},
            antes={"data_desligamento": ended},
        )
        return reopened


def _locked(session: Session, escopo: Escopo, mudanca: Mudanca, acao: str) -> Militante:
    """The militante, locked; Conflict if it is not the version that the author saw, or the change is not allowed."""
    # Before the row is locked: cotas are waived and opened again below, except those of closed months.
    hold_months(session)
    militante = locked_militante(session, escopo, mudanca.militante_id, mudanca.versao)
    if militante.situacao not in ALLOWED[acao]:
        raise Conflict(_cannot(militante))
    return militante


def _cannot(militante: Militante) -> str:
    match militante.situacao:
        case Situacao.DESLIGADO:
            return f"Este militante já foi desligado em {militante.data_desligamento:%d/%m/%Y}."
        case Situacao.LICENCIADO:
            return "Este militante está de licença."
        case Situacao.ATIVO:
            return "Este militante está ativo."


def _check_order(session: Session, militante: Militante, data: dt.date) -> None:
    last = session.scalars(
        select(SituacaoHistorico.desde)
        .where(SituacaoHistorico.militante_id == militante.id)
        .order_by(SituacaoHistorico.desde.desc(), SituacaoHistorico.id.desc())
        .limit(1)
    ).one_or_none()
    if last is not None and data < last:
        raise Invalid("data", f"A situação mudou por último em {last:%d/%m/%Y}; use essa data ou uma posterior.")


def _standing_before(session: Session, militante_id: int) -> Situacao:
    """The last standing that was not the end of a membership."""
    found = session.scalars(
        select(SituacaoHistorico.situacao)
        .where(SituacaoHistorico.militante_id == militante_id, SituacaoHistorico.situacao != Situacao.DESLIGADO)
        .order_by(SituacaoHistorico.desde.desc(), SituacaoHistorico.id.desc())
        .limit(1)
    ).one_or_none()
    return found or Situacao.ATIVO


def _remember(
    session: Session,
    militante: Militante,
    mudanca: Mudanca,
    *,
    otherwise: str | None = None,
    prevista_ate: dt.date | None = None,
    volta: bool = False,
) -> None:
    session.add(
        SituacaoHistorico(
            militante_id=militante.id,
            situacao=militante.situacao,
            desde=mudanca.data,
            motivo=mudanca.reason() or otherwise,
            prevista_ate=prevista_ate,
            volta=volta,
        )
    )
    flush_militante(session)


def _waive_from(session: Session, militante: Militante, mudanca: Mudanca, tipo: TipoDispensa, why: str) -> int:
    return waive(
        session,
        Cota.militante_id == militante.id,
        Cota.vencimento >= mudanca.data,
        tipo=tipo,
        motivo=f"{why} em {mudanca.data:%d/%m/%Y}",
        militante_id=militante.id,
        competencia=None,
        autor_id=mudanca.autor_id,
        agora=mudanca.agora,
        audited=False,
    ).quantidade


def _audit(
    session: Session,
    acao: str,
    militante: Militante,
    mudanca: Mudanca,
    before: Situacao,
    depois: Mapping[str, object],
    *,
    antes: Mapping[str, object] | None = None,
) -> None:
    audit.record(
        session,
        acao=acao,
        tabela="militante",
        registro_id=militante.id,
        antes={"situacao": before, **(antes or {})},
        depois={
            "situacao": militante.situacao,
            "data": mudanca.data,
            "motivo": mudanca.reason(),
            "versao": militante.versao,
            **depois,
        },
        usuario_id=mudanca.autor_id,
        agora=mudanca.agora,
    )
