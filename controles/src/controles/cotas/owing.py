"""Who owes a month's cota, when it is due and how much it is: as of that month, not as of today.

The rule: a cota is owed by everybody who was active, and not exempt, on its due day. So somebody who joins, leaves or
goes on leave after that day owes it, and so does somebody who returns before that day. Whether the month of joining
counts is the organisation's choice.
"""

import datetime as dt
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import ColumnElement, ScalarSelect, and_, case, func, literal, select
from sqlalchemy.orm import QueryableAttribute

from controles.cotas.models import Cota, Dispensa, TipoDispensa
from controles.domain.escopo import Escopo
from controles.militantes.models import Militante, Situacao, ValorCota
from controles.militantes.past_standing import stood
from controles.militantes.scope import in_scope

Value = TypeVar("Value", int, bool)

_DAYS = range(1, 29)


@dataclass(frozen=True, slots=True)
class Month:
    """One competência in SQL: conditions and amounts for each militante."""

    competencia: dt.date
    # Whether people who join in this month, up to the due day, already owe it.
    joiners_owe: bool

    @property
    def vencimento(self) -> ColumnElement[dt.date]:
        """The due day of a militante's cota; date arithmetic differs between databases."""
        return case({day: literal(self.competencia.replace(day=day)) for day in _DAYS}, value=Militante.dia_vencimento)

    @property
    def valor(self) -> ColumnElement[int]:
        """The cota's amount in that month, in centavos."""
        return func.coalesce(self._former(ValorCota.valor), Militante.valor_cota)

    def owing(self, escopo: Escopo) -> tuple[ColumnElement[bool], ...]:
        """The militantes for whom a generation writes a cota, both in its preview and when it is saved."""
        return (in_scope(escopo), self._a_member, stood(Situacao.ATIVO, self.vencimento), ~self._exempt)

    def exempt(self, escopo: Escopo) -> tuple[ColumnElement[bool], ...]:
        """Those who would owe it if they were not exempt."""
        return (in_scope(escopo), self._a_member, stood(Situacao.ATIVO, self.vencimento), self._exempt)

    def on_leave(self, escopo: Escopo) -> tuple[ColumnElement[bool], ...]:
        return (in_scope(escopo), self._a_member, stood(Situacao.LICENCIADO, self.vencimento))

    @property
    def _a_member(self) -> ColumnElement[bool]:
        if self.joiners_owe:
            return Militante.data_filiacao <= self.vencimento
        return Militante.data_filiacao < literal(self.competencia)

    @property
    def _exempt(self) -> ColumnElement[bool]:
        return func.coalesce(self._former(ValorCota.isento), Militante.isento)

    def _former(self, column: QueryableAttribute[Value]) -> ScalarSelect[Value]:
        """The amount or the exemption that was valid until a later month, if there is one."""
        return (
            select(column)
            .where(ValorCota.militante_id == Militante.id, ValorCota.ate > self.competencia)
            .order_by(ValorCota.ate)
            .limit(1)
            .correlate(Militante)
            .scalar_subquery()
        )


def is_cancelled() -> ColumnElement[bool]:
    """A cota whose generation was cancelled before anything was paid on it: the next generation asks for it again."""
    cancelled = select(Dispensa.id).where(Dispensa.tipo == TipoDispensa.CANCELAMENTO, Dispensa.desfeita_em.is_(None))
    return and_(Cota.dispensada_em.is_not(None), Cota.pago == 0, Cota.dispensa_id.in_(cancelled))


def has_cota(competencia: dt.date) -> ColumnElement[bool]:
    """Whether a militante has a cota of this month that is not cancelled."""
    return (
        select(Cota.id)
        .where(Cota.militante_id == Militante.id, Cota.competencia == competencia, ~is_cancelled())
        .correlate(Militante)
        .exists()
    )
