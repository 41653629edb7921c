"""What a militante's standing was on some day, from the changes that were recorded."""

import datetime as dt

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import aliased

from controles.militantes.models import Militante, Situacao, SituacaoHistorico

_Later = aliased(SituacaoHistorico)


def stood(situacao: Situacao, day: ColumnElement[dt.date] | dt.date) -> ColumnElement[bool]:
    """Whether a militante had this standing on `day`, which may differ from one militante to the next.

    The last change up to that day decides; without any change the militante is active.
    """
    superseded = (
        select(_Later.id)
        .where(
            _Later.militante_id == SituacaoHistorico.militante_id,
            _Later.desde <= day,
            or_(
                _Later.desde > SituacaoHistorico.desde,
                and_(_Later.desde == SituacaoHistorico.desde, _Later.id > SituacaoHistorico.id),
            ),
        )
        .correlate(SituacaoHistorico, Militante)
        .exists()
    )

    def last_is(condition: ColumnElement[bool]) -> ColumnElement[bool]:
        return (
            select(SituacaoHistorico.id)
            .where(
                SituacaoHistorico.militante_id == Militante.id,
                SituacaoHistorico.desde <= day,
                condition,
                ~superseded,
            )
            .correlate(Militante)
            .exists()
        )

    if situacao is Situacao.ATIVO:
        return ~last_is(SituacaoHistorico.situacao != Situacao.ATIVO)
    return last_is(SituacaoHistorico.situacao == situacao)
