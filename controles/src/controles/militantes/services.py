"""Writes to militantes: create and update. What changes their standing is in `standing`."""

import datetime as dt

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from controles import cpf
from controles.admin import audit
from controles.clock import LOCAL_ZONE
from controles.db import MAX_ID
from controles.domain_errors import Invalid
from controles.escopo import Escopo
from controles.militantes.checks import DadosMilitante, checked
from controles.militantes.models import Militante, Nucleo, Situacao, SituacaoHistorico
from controles.militantes.writing import (
    changed_fields,
    fill,
    flush_militante,
    free_matriculas,
    is_another_cpf,
    keep_former_amounts,
    locked_militante,
    snapshot,
)
from controles.services.transaction import transaction

__all__ = ["DadosMilitante", "create_militante", "update_militante"]

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
        flush_militante(session)
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
        militante = locked_militante(session, escopo, militante_id, versao)
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
        changed = changed_fields(before, after, cpf_changed=is_another_cpf(known_cpf, dados.cpf))
        if not changed:
            return
        keep_former_amounts(session, {militante.id: before}, {militante.id: after}, hoje=_local_date(agora))
        if "data_filiacao" in changed:
            _move_the_first_day(session, militante, before["data_filiacao"])
        flush_militante(session)
        audit.record(
            session,
            acao="militante.alterar",
            tabela="militante",
            registro_id=militante.id,
            antes={name: before[name] for name in changed},
            depois={name: after[name] for name in changed} | {"versao": militante.versao},
            usuario_id=autor_id,
            agora=agora,
        )


def _move_the_first_day(session: Session, militante: Militante, before: object) -> None:
    """The history begins on the day of joining."""
    session.execute(
        update(SituacaoHistorico)
        .where(
            SituacaoHistorico.militante_id == militante.id,
            SituacaoHistorico.desde == before,
            SituacaoHistorico.situacao == Situacao.ATIVO,
            SituacaoHistorico.volta.is_(False),
            SituacaoHistorico.motivo.is_(None),
        )
        .values(desde=militante.data_filiacao)
        .execution_options(synchronize_session=False)
    )


def _local_date(agora: dt.datetime) -> dt.date:
    return agora.astimezone(LOCAL_ZONE).date()


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
        if new_cpf and session.scalars(others.where(Militante.cpf_hmac.in_(cpf.vault().digests(new_cpf)))).first():
            raise Invalid("cpf", "Este CPF já é de outro militante.")
