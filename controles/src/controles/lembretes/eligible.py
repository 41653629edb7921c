"""Who gets a reminder; preview and recording use the same condition."""

import datetime as dt

from sqlalchemy import ColumnElement, false, func, select

from controles.cotas.conditions import is_overdue
from controles.cotas.models import Cota
from controles.domain.escopo import Escopo
from controles.lembretes.models import Lembrete, Regra, SemLembrete
from controles.lembretes.records import FiltroLembretes
from controles.militantes.models import Militante, Situacao
from controles.militantes.scope import in_scope

FEWEST_OF_RULE = {Regra.AVISO: 1, Regra.TRES_MESES: 3}


def eligible(escopo: Escopo, filtro: FiltroLembretes, *, hoje: dt.date) -> tuple[ColumnElement[bool], ...]:
    """Those who owe the filter's competência today, by its rule, and did not get a reminder for it by that rule."""
    if filtro.competencia is None:
        return (false(),)
    of_them = Cota.militante_id == Militante.id
    owes = select(Cota.id).where(of_them, Cota.competencia == filtro.competencia, is_overdue(hoje))
    reminded = select(Lembrete.id).where(
        Lembrete.militante_id == Militante.id,
        Lembrete.regra == filtro.regra,
        Lembrete.competencia == filtro.competencia,
    )
    wanted = [
        in_scope(escopo),
        Militante.anonimizado_em.is_(None),
        owes.correlate(Militante).exists(),
        ~reminded.correlate(Militante).exists(),
    ]
    fewest = FEWEST_OF_RULE[filtro.regra]
    if fewest > 1:
        months = select(func.count()).select_from(Cota).where(of_them, is_overdue(hoje))
        wanted.append(months.correlate(Militante).scalar_subquery() >= fewest)
    if not filtro.desligados:
        wanted.append(Militante.situacao != Situacao.DESLIGADO)
    if not filtro.avisaram:
        wanted.append(~is_silent())
    return tuple(wanted)


def is_silent() -> ColumnElement[bool]:
    """The militantes who are not to be reminded."""
    silent = select(SemLembrete.militante_id).where(SemLembrete.militante_id == Militante.id, SemLembrete.ativo)
    return silent.correlate(Militante).exists()
