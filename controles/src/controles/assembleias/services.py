"""Issuing the roll of an assembly, and cancelling it."""

import dataclasses
import datetime as dt

from sqlalchemy import String, case, func, insert, literal, null, select
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from controles.assembleias.models import Assembleia, Convocado, Impedimento, Regra
from controles.assembleias.records import NovaAssembleia
from controles.auditoria import audit
from controles.cotas.conditions import is_overdue
from controles.cotas.models import Cota
from controles.db import MAX_ID
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.domain.escopo import Escopo
from controles.domain.field_checks import one_line
from controles.militantes.models import Militante, Nucleo, Situacao
from controles.militantes.past_standing import stood
from controles.organizacao.models import Organizacao, TipoEntidade
from controles.services.transaction import transaction

# An assembly is called some weeks ahead; a date further away is a typing error.
FURTHEST_DAYS = 366
MOST_MONTHS = 60
MOST_DAYS = 3660
WITHOUT_NUCLEO = "Sem núcleo"


def issue_assembleia(
    escopo: Escopo, nova: NovaAssembleia, *, autor_id: int | None, agora: dt.datetime, hoje: dt.date
) -> int:
    """Write who is a member on the day of the assembly and who of them may vote; returns the assembly's id.

    The standing is that of the day, as far as it is known now; overdue cotas are those of today. The roll never changes
    afterwards. Raises Invalid, which names the field, also if a party would keep defaulters from voting.
    """
    nova = _checked(escopo, nova, hoje)
    with transaction() as session:
        organisation = session.scalars(select(Organizacao)).one_or_none()
        if nova.regra is Regra.EM_DIA and organisation is not None and organisation.tipo is TipoEntidade.PARTIDO:
            raise Invalid("regra", "Um partido não pode impedir de votar quem deve: escolha “todos os ativos”.")
        if nova.nucleo_id is not None and session.get(Nucleo, nova.nucleo_id) is None:
            raise Invalid("nucleo_id", "Escolha um núcleo da lista.")
        row = Assembleia(**dataclasses.asdict(nova), emitida_em=agora, emitida_por_id=autor_id)
        session.add(row)
        session.flush()
        written = _write_roll(session, row.id, nova, hoje)
        if not written:
            raise Invalid("data", "Ninguém é membro nesta data; confira a data e o núcleo.")
        audit.record(
            session,
            acao="assembleia.emitir",
            tabela="assembleia",
            registro_id=row.id,
            depois={**dataclasses.asdict(nova), "membros": written},
            usuario_id=autor_id,
            agora=agora,
        )
        return row.id


def cancel_assembleia(
    escopo: Escopo, assembleia_id: int, *, motivo: str, autor_id: int | None, agora: dt.datetime
) -> None:
    """The roll stays, marked as cancelled. Raises Conflict if it is cancelled already."""
    reason = one_line("motivo", motivo, longest=200)
    if reason is None:
        raise Invalid("motivo", "Escreva por que a lista é cancelada.")
    with transaction() as session:
        wanted = select(Assembleia).where(Assembleia.id == min(assembleia_id, MAX_ID), visible(escopo))
        row = session.scalars(wanted.with_for_update().execution_options(populate_existing=True)).one_or_none()
        if row is None:
            raise NotFound("Assembleia não encontrada.")
        if row.cancelada_em is not None:
            raise Conflict("Esta lista já foi cancelada.")
        row.cancelada_em, row.cancelada_por_id, row.motivo = agora, autor_id, reason
        audit.record(
            session,
            acao="assembleia.cancelar",
            tabela="assembleia",
            registro_id=row.id,
            depois={"motivo": reason},
            usuario_id=autor_id,
            agora=agora,
        )


def visible(escopo: Escopo) -> ColumnElement[bool]:
    """The assemblies that a user may see: only those of their núcleo, or all."""
    return literal(True) if escopo.nucleo_id is None else Assembleia.nucleo_id == escopo.nucleo_id


def _write_roll(session: Session, assembleia_id: int, nova: NovaAssembleia, hoje: dt.date) -> int:
    members = select(
        literal(assembleia_id),
        Militante.id,
        func.coalesce(Militante.nome_social, Militante.nome),
        Militante.nome_busca,
        Militante.matricula,
        func.coalesce(Nucleo.nome, WITHOUT_NUCLEO),
        _hindered(nova, hoje),
    ).outerjoin(Nucleo, Nucleo.id == Militante.nucleo_id)
    members = members.where(
        Militante.data_filiacao <= nova.data, ~stood(Situacao.DESLIGADO, nova.data), Militante.anonimizado_em.is_(None)
    )
    if nova.nucleo_id is not None:
        members = members.where(Militante.nucleo_id == nova.nucleo_id)
    columns = ["assembleia_id", "militante_id", "nome", "nome_busca", "matricula", "nucleo", "impedimento"]
    session.execute(insert(Convocado).from_select(columns, members))
    count = select(func.count()).select_from(Convocado).where(Convocado.assembleia_id == assembleia_id)
    return session.scalars(count).one()


def _hindered(nova: NovaAssembleia, hoje: dt.date) -> ColumnElement[str | None]:
    """Why a member may not vote; NULL for those who may."""
    whens: list[tuple[ColumnElement[bool], str]] = [
        (stood(Situacao.LICENCIADO, nova.data), Impedimento.LICENCA.value),
    ]
    if nova.carencia_dias:
        latest = nova.data - dt.timedelta(days=nova.carencia_dias)
        whens.append((Militante.data_filiacao > latest, Impedimento.CARENCIA.value))
    if nova.regra is Regra.EM_DIA:
        owing = (
            select(Cota.militante_id)
            .where(is_overdue(min(hoje, nova.data)))
            .group_by(Cota.militante_id)
            .having(func.count() > nova.meses_tolerados)
        )
        whens.append((Militante.id.in_(owing), Impedimento.DEBITO.value))
    return case(*((condition, literal(reason, String(16))) for condition, reason in whens), else_=null())


def _checked(escopo: Escopo, nova: NovaAssembleia, hoje: dt.date) -> NovaAssembleia:
    nome = one_line("nome", nova.nome, longest=160)
    if nome is None:
        raise Invalid("nome", "Dê um nome à assembleia, por exemplo “Assembleia geral ordinária”.")
    if abs((nova.data - hoje).days) > FURTHEST_DAYS:
        raise Invalid("data", "A data está a mais de um ano de hoje; confira o ano.")
    if not 0 <= nova.meses_tolerados <= MOST_MONTHS:
        raise Invalid("meses_tolerados", f"Escolha de 0 a {MOST_MONTHS} cotas vencidas.")
    if not 0 <= nova.carencia_dias <= MOST_DAYS:
        raise Invalid("carencia_dias", f"A carência vai de 0 a {MOST_DAYS} dias.")
    nucleo_id = nova.nucleo_id
    if escopo.nucleo_id is not None:
        nucleo_id = escopo.nucleo_id
    elif nucleo_id is not None and not 0 < nucleo_id <= MAX_ID:
        raise Invalid("nucleo_id", "Escolha um núcleo da lista.")
    tolerated = nova.meses_tolerados if nova.regra is Regra.EM_DIA else 0
    return dataclasses.replace(nova, nome=nome, nucleo_id=nucleo_id, meses_tolerados=tolerated)
