"""Writes to militantes: create, update, end."""

import datetime as dt

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from controles import cpf
from controles.admin import audit
from controles.clock import LOCAL_ZONE
from controles.db import MAX_ID
from controles.domain_errors import Conflict, Invalid, NotFound
from controles.escopo import Escopo
from controles.field_checks import one_line, past_date
from controles.militantes.checks import DadosMilitante, checked
from controles.militantes.models import Militante, Nucleo, Situacao, SituacaoHistorico
from controles.militantes.scope import in_scope
from controles.militantes.writing import fill, free_matriculas, snapshot
from controles.services.transaction import transaction

__all__ = ["DadosMilitante", "create_militante", "end_militante", "update_militante"]

# A militante's name, núcleo and standing show in every list; moving to another núcleo moves all that is theirs.


def create_militante(escopo: Escopo, dados: DadosMilitante, *, autor_id: int | None, agora: dt.datetime) -> int:
    """Write a new militante, active from `data_filiacao`; the id comes back. Invalid names the field."""
    dados = checked(dados, hoje=_local_date(agora))
    with transaction() as session:
        _check_nucleo(session, escopo, dados.nucleo_id)
        matricula = dados.matricula or next(free_matriculas(session))
        militante = Militante(matricula=matricula, situacao=Situacao.ATIVO)
        _check_unique(session, militante, matricula, dados.cpf)
        fill(militante, dados)
        session.add(militante)
        _flush(session)
        session.add(
            SituacaoHistorico(militante_id=militante.id, situacao=Situacao.ATIVO, desde=militante.data_filiacao)
        )
        audit.record(
            session,
            acao="militante.criar",
            tabela="militante",
            registro_id=militante.id,
            depois=snapshot(militante),
            usuario_id=autor_id,
            agora=agora,
        )
        return militante.id


def update_militante(
    escopo: Escopo,
    militante_id: int,
    dados: DadosMilitante,
    *,
    versao: int,
    autor_id: int | None,
    agora: dt.datetime,
) -> None:
    """Change what differs. Conflict if somebody changed the militante after `versao` was read."""
    dados = checked(dados, hoje=_local_date(agora))
    with transaction() as session:
        militante = _locked(session, escopo, militante_id, versao)
        if dados.nucleo_id != militante.nucleo_id:
            _check_nucleo(session, escopo, dados.nucleo_id)
        if militante.data_desligamento is not None and dados.data_filiacao > militante.data_desligamento:
            raise Invalid("data_filiacao", "A filiação não pode ser posterior ao desligamento.")
        before, known_cpf = snapshot(militante), militante.cpf_hmac
        matricula = dados.matricula or militante.matricula
        _check_unique(session, militante, matricula, dados.cpf)
        militante.matricula = matricula
        fill(militante, dados)
        after = snapshot(militante)
        changed = {name for name in after if after[name] != before[name]}
        if militante.cpf_hmac != known_cpf:
            # Two numbers can look the same behind the mask.
            changed.add("cpf")
        if not changed:
            return
        _flush(session)
        audit.record(
            session,
            acao="militante.alterar",
            tabela="militante",
            registro_id=militante.id,
            antes={name: before[name] for name in changed},
            depois={name: after[name] for name in changed},
            usuario_id=autor_id,
            agora=agora,
        )


def end_militante(
    escopo: Escopo,
    militante_id: int,
    *,
    data: dt.date,
    motivo: str | None,
    versao: int,
    autor_id: int | None,
    agora: dt.datetime,
) -> None:
    """End a membership on `data`. What is still open stays open, and can be paid."""
    reason = one_line("motivo", motivo, longest=200)
    past_date("data", data, hoje=_local_date(agora))
    with transaction() as session:
        militante = _locked(session, escopo, militante_id, versao)
        if militante.situacao is Situacao.DESLIGADO:
            raise Conflict(f"Este militante já foi desligado em {militante.data_desligamento:%d/%m/%Y}.")
        if data < militante.data_filiacao:
            raise Invalid(
                "data", f"O desligamento não pode ser anterior à filiação, {militante.data_filiacao:%d/%m/%Y}."
            )
        before = {"situacao": militante.situacao, "data_desligamento": None}
        militante.situacao = Situacao.DESLIGADO
        militante.data_desligamento = data
        session.add(
            SituacaoHistorico(militante_id=militante.id, situacao=Situacao.DESLIGADO, desde=data, motivo=reason)
        )
        _flush(session)
        audit.record(
            session,
            acao="militante.desligar",
            tabela="militante",
            registro_id=militante.id,
            antes=before,
            depois={"situacao": Situacao.DESLIGADO, "data_desligamento": data, "motivo": reason},
            usuario_id=autor_id,
            agora=agora,
        )


def _local_date(agora: dt.datetime) -> dt.date:
    return agora.astimezone(LOCAL_ZONE).date()


def _locked(session: Session, escopo: Escopo, militante_id: int, versao: int) -> Militante:
    """The militante as it is now, locked; Conflict if it is not the version that the author saw."""
    found = None
    if 0 < militante_id <= MAX_ID:
        wanted = select(Militante).where(Militante.id == militante_id, in_scope(escopo)).with_for_update()
        found = session.scalars(wanted.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise NotFound("Militante não encontrado.")
    if found.versao != versao:
        raise Conflict(
            "Outra pessoa alterou este militante depois que você abriu a página. "
            "Confira os dados atuais e faça a sua alteração de novo."
        )
    return found


def _check_nucleo(session: Session, escopo: Escopo, nucleo_id: int | None) -> None:
    if escopo.nucleo_id is not None and nucleo_id != escopo.nucleo_id:
        raise Invalid("nucleo_id", "Você só pode cadastrar militantes no seu núcleo.")
    if nucleo_id is None:
        return
    nucleo = session.get(Nucleo, nucleo_id) if 0 < nucleo_id <= MAX_ID else None
    if nucleo is None or not nucleo.ativo:
        raise Invalid("nucleo_id", "Este núcleo não existe ou está inativo; escolha outro.")


def _check_unique(session: Session, militante: Militante, matricula: str, new_cpf: str | None) -> None:
    others = select(Militante.id).where(Militante.id != (militante.id or 0))
    with session.no_autoflush:
        if session.scalars(others.where(Militante.matricula == matricula)).first() is not None:
            raise Invalid("matricula", "Esta matrícula já é de outro militante.")
        if new_cpf and session.scalars(others.where(Militante.cpf_hmac == cpf.vault().digest(new_cpf))).first():
            raise Invalid("cpf", "Este CPF já é de outro militante.")


def _flush(session: Session) -> None:
    """Write what is pending; a race that only the database saw becomes the error that the check would have made."""
    try:
        session.flush()
    except StaleDataError as error:
        raise Conflict("Outra pessoa alterou este militante neste momento; confira os dados atuais.") from error
    except IntegrityError as error:
        cause = str(error.orig)
        if "cpf_hmac" in cause:
            raise Invalid("cpf", "Este CPF já é de outro militante.") from error
        if "matricula" in cause:
            raise Invalid("matricula", "Esta matrícula já é de outro militante.") from error
        raise
