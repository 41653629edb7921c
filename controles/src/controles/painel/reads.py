"""The panel's statements, each of which reads an index once; `queries` turns their results into figures."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Date,
    Select,
    String,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    true,
    union,
    union_all,
)
from sqlalchemy.orm import QueryableAttribute

from controles.cotas.conditions import is_overdue
from controles.cotas.models import Cota
from controles.cotas.pieces import in_piece
from controles.db import db
from controles.domain.escopo import Escopo
from controles.domain.periods import month_of, months_between
from controles.militantes.models import Militante, Situacao, SituacaoHistorico
from controles.militantes.scope import in_scope, owner_in_scope
from controles.pagamentos.amounts import net_valor
from controles.pagamentos.models import Metodo, Pagamento
from controles.painel.bands import FAIXAS
from controles.painel.records import FaixaAtraso

# What the panel's sums of cotas have as columns: a competência or a band, and five numbers.
Sums = tuple[dt.date | None, str | None, int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class MonthOfCotas:
    """The sums of one competência, in centavos; the counts exclude waived cotas."""

    competencia: dt.date
    previsto: int
    recebido: int
    dispensado: int
    quitadas: int
    cotas: int

    @classmethod
    def none(cls, competencia: dt.date) -> "MonthOfCotas":
        """A competência without any cotas."""
        return cls(competencia, previsto=0, recebido=0, dispensado=0, quitadas=0, cotas=0)

    def __add__(self, other: "MonthOfCotas") -> "MonthOfCotas":
        return MonthOfCotas(
            self.competencia,
            previsto=self.previsto + other.previsto,
            recebido=self.recebido + other.recebido,
            dispensado=self.dispensado + other.dispensado,
            quitadas=self.quitadas + other.quitadas,
            cotas=self.cotas + other.cotas,
        )

    @property
    def aberto(self) -> int:
        return self.previsto - self.recebido - self.dispensado


def militantes_by_situacao(escopo: Escopo) -> dict[Situacao, int]:
    rows = db.session.execute(
        select(Militante.situacao, func.count()).where(in_scope(escopo)).group_by(Militante.situacao)
    )
    return dict(rows.all())


def joins_by_day(escopo: Escopo, first: dt.date, last: dt.date) -> dict[dt.date, int]:
    return _per_day(Militante.data_filiacao, escopo, first, last)


def leaves_by_day(escopo: Escopo, first: dt.date, last: dt.date) -> dict[dt.date, int]:
    return _per_day(Militante.data_desligamento, escopo, first, last)


def cotas_and_arrears(
    escopo: Escopo, first: dt.date, last: dt.date, hoje: dt.date, *, people: int | None = None
) -> tuple[dict[dt.date, MonthOfCotas], tuple[FaixaAtraso, ...]]:
    """Competências from `first` to `last` that have cotas at all; and every band of arrears, empty ones too. In one
    statement. people: of one range of militantes (`in_piece`)."""
    months = _months(escopo, first, last, people)
    rows = db.session.execute(union_all(months, _bands(escopo, hoje, people)))
    found: dict[dt.date, MonthOfCotas] = {}
    bands: dict[str, FaixaAtraso] = {}
    for competencia, band, *sums in rows:
        numbers = [int(value) for value in sums]
        if competencia is not None:
            found[competencia] = MonthOfCotas(competencia, *numbers)
        elif band is not None:
            bands[band] = FaixaAtraso(band, *numbers[:2])
    return found, tuple(bands.get(name, FaixaAtraso(name, 0, 0)) for name, _, _ in FAIXAS)


def _months(escopo: Escopo, first: dt.date, last: dt.date, people: int | None) -> Select[*Sums]:
    # Named one by one with a range of militantes: then the index is entered at each month, and reads that range alone.
    months = Cota.competencia.in_(months_between(first, last))
    span = Cota.competencia.between(first, last) if people is None else months
    return (
        select(
            Cota.competencia,
            cast(null(), String),
            func.sum(Cota.valor),
            func.sum(Cota.pago),
            func.coalesce(func.sum(Cota.valor - Cota.pago).filter(Cota.dispensada_em.is_not(None)), 0),
            # A waived cota is never fully paid (a CHECK ensures that), so no second condition is needed.
            func.count().filter(Cota.pago == Cota.valor),
            func.count() - func.count(Cota.dispensada_em),
        )
        .where(span, owner_in_scope(escopo, Cota.militante_id), _of(people))
        .group_by(Cota.competencia)
    )


def cash_by_month(escopo: Escopo, first: dt.date, last: dt.date) -> dict[tuple[dt.date, Metodo], int]:
    """Net cash by month and method. The database groups by day, because the index is sorted by day."""
    rows = db.session.execute(
        select(Pagamento.data_credito, Pagamento.metodo, func.sum(net_valor()))
        .where(Pagamento.data_credito.between(first, last), owner_in_scope(escopo, Pagamento.militante_id))
        .group_by(Pagamento.data_credito, Pagamento.metodo)
    )
    sums: dict[tuple[dt.date, Metodo], int] = defaultdict(int)
    for day, metodo, valor in rows:
        sums[month_of(day), metodo] += int(valor)
    return dict(sums)


def _bands(escopo: Escopo, hoje: dt.date, people: int | None) -> Select[*Sums]:
    """By number of overdue cotas, those bands in which there is anybody: how many, and their centavos."""
    owed = (
        select(
            Cota.militante_id,
            func.count().label("months"),
            func.sum(Cota.valor - Cota.pago).label("centavos"),
        )
        .where(is_overdue(hoje), owner_in_scope(escopo, Cota.militante_id), _of(people))
        .group_by(Cota.militante_id)
        .subquery()
    )
    band = case(*((owed.c.months <= most, name) for name, _, most in FAIXAS if most is not None), else_=FAIXAS[-1][0])
    named = select(band.label("band"), owed.c.centavos).subquery()
    none = (literal(0), literal(0), literal(0))
    sums = (func.count(), func.sum(named.c.centavos), *none)
    return select(cast(null(), Date), named.c.band, *sums).group_by(named.c.band)


def on_leave_at(escopo: Escopo, days: Iterable[dt.date]) -> dict[dt.date, int]:
    """How many militantes were absent at the end of each of these days, by their history: on leave, or former members
    who later returned.

    Only the histories of those who were ever on leave, or joined again, are read: a few per cent. An absence ends with
    the next change of situação, or with the membership.
    """
    wanted = tuple(days)
    # As a literal: with a parameter, which could be any situação, the partial index would not be used.
    on_leave = literal(Situacao.LICENCIADO, SituacaoHistorico.situacao.type, literal_execute=True)
    # As two queries, so that each of the two partial indexes is used.
    ever = union(
        select(SituacaoHistorico.militante_id).where(SituacaoHistorico.situacao == on_leave),
        select(SituacaoHistorico.militante_id).where(SituacaoHistorico.volta),
    )
    following = func.lead(SituacaoHistorico.desde).over(
        partition_by=SituacaoHistorico.militante_id, order_by=(SituacaoHistorico.desde, SituacaoHistorico.id)
    )
    standing = (
        select(
            SituacaoHistorico.militante_id,
            SituacaoHistorico.situacao,
            SituacaoHistorico.desde.label("since"),
            following.label("until"),
        )
        .where(SituacaoHistorico.militante_id.in_(ever.subquery().select()))
        .subquery()
    )
    since, until, left = standing.c.since, standing.c.until, Militante.data_desligamento
    counts = db.session.execute(
        select(
            *(
                func.count().filter(since <= day, or_(until.is_(None), until > day), or_(left.is_(None), left > day))
                for day in wanted
            )
        )
        .select_from(standing)
        .join(Militante, Militante.id == standing.c.militante_id)
        .where(standing.c.situacao != Situacao.ATIVO, in_scope(escopo))
    ).one()
    return dict(zip(wanted, counts, strict=True))


def _of(people: int | None) -> ColumnElement[bool]:
    return true() if people is None else in_piece(Cota.militante_id, people)


def _per_day(
    column: QueryableAttribute[dt.date] | QueryableAttribute[dt.date | None],
    escopo: Escopo,
    first: dt.date,
    last: dt.date,
) -> dict[dt.date, int]:
    rows = db.session.execute(
        select(column, func.count()).where(column.between(first, last), in_scope(escopo)).group_by(column)
    )
    return {day: count for day, count in rows if day is not None}
