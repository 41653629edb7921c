"""Writes to militantes: create and update. What changes their standing is in `standing`."""

import datetime as dt

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.auditoria.withheld import Withheld, on_record, refuse_past_the_limit
from controles.db import MAX_ID
from controles.domain import cpf
from controles.domain.clock import LOCAL_ZONE
from controles.domain.domain_errors import Invalid
from controles.domain.escopo import Escopo
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

_WITHHELD = "militante.conferir"

__all__ = ["DadosMilitante", "create_militante", "update_militante"]

# A militante's name, núcleo and standing appear in every list; moving to another núcleo moves all their data.


def create_militante(escopo: Escopo, dados: DadosMilitante, *, autor_id: int | None, agora: dt.datetime) -> int:
    """Write a new militante, active from `data_filiacao`; returns the id. Invalid names the field."""
    dados = checked(dados, hoje=_local_date(agora))
    with on_record(autor_id=autor_id, agora=agora), transaction() as session:
        _check_nucleo(session, escopo, dados.nucleo_id)
        matricula = dados.matricula or next(free_matriculas(session))
        militante = Militante(matricula=matricula, situacao=Situacao.ATIVO)
        _check_unique(session, escopo, militante, matricula, dados, autor_id=autor_id, agora=agora)
        fill(militante, dados)
        session.add(militante)
        _flush(session, escopo, dados)
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
    """Change the fields that differ. Conflict if somebody changed the militante after `versao` was read."""
    dados = checked(dados, hoje=_local_date(agora))
    with on_record(autor_id=autor_id, agora=agora), transaction() as session:
        militante = locked_militante(session, escopo, militante_id, versao)
        if dados.nucleo_id != militante.nucleo_id:
            _check_nucleo(session, escopo, dados.nucleo_id)
        if militante.data_desligamento is not None and dados.data_filiacao > militante.data_desligamento:
            raise Invalid("data_filiacao", "A filiação não pode ser posterior ao desligamento.")
        before, known_cpf = snapshot(militante), militante.cpf_hmac
        matricula = dados.matricula or militante.matricula
        _check_unique(session, escopo, militante, matricula, dados, autor_id=autor_id, agora=agora)
        militante.matricula = matricula
        fill(militante, dados)
        after = snapshot(militante)
        changed = changed_fields(before, after, cpf_changed=is_another_cpf(known_cpf, dados.cpf))
        if not changed:
            return
        keep_former_amounts(session, {militante.id: before}, {militante.id: after}, hoje=_local_date(agora))
        if "data_filiacao" in changed:
            _move_the_first_day(session, militante, before["data_filiacao"])
        _flush(session, escopo, dados)
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
    """The history begins on the day of joining, so it moves with that day."""
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


def _check_unique(
    session: Session,
    escopo: Escopo,
    militante: Militante,
    matricula: str,
    dados: DadosMilitante,
    *,
    autor_id: int | None,
    agora: dt.datetime,
) -> None:
    """Raise Invalid for a number of another militante whom the author may see; a number elsewhere is not revealed."""
    digests = cpf.vault().digests(dados.cpf) if dados.cpf else []
    asks_for_cpf = bool(digests) and militante.cpf_hmac not in digests
    # A new militante already has the matrícula that was typed for it.
    asks_for_matricula = dados.matricula is not None and (militante not in session or matricula != militante.matricula)
    if asks_for_cpf or asks_for_matricula:
        refuse_past_the_limit(session, escopo, _WITHHELD, autor_id=autor_id, agora=agora)
    others = select(Militante.id, Militante.nucleo_id).where(Militante.id != (militante.id or 0))
    with session.no_autoflush:
        same_matricula = session.execute(others.where(Militante.matricula == matricula)).first()
        same_cpf = session.execute(others.where(Militante.cpf_hmac.in_(digests))).first() if digests else None
    for field, known, sentence in (
        ("matricula", same_matricula, "Esta matrícula já é de outro militante."),
        ("cpf", same_cpf, "Este CPF já é de outro militante."),
    ):
        if known is None:
            continue
        if escopo.nucleo_id not in {None, known.nucleo_id}:
            raise _withheld(escopo, dados, campo=field, militante_id=known.id)
        raise Invalid(field, sentence)


def _flush(session: Session, escopo: Escopo, dados: DadosMilitante) -> None:
    try:
        flush_militante(session)
    except Invalid as error:
        # Somebody elsewhere was faster by a moment.
        raise error if escopo.nucleo_id is None else _withheld(escopo, dados, campo=error.field) from error


def _withheld(escopo: Escopo, dados: DadosMilitante, *, campo: str, militante_id: int | None = None) -> Withheld:
    known = {"nucleo_id": escopo.nucleo_id, "nome": dados.nome, "campo": campo, "militante_id": militante_id}
    return Withheld(_WITHHELD, known)
