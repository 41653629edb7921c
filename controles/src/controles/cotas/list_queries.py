"""The rows of one page of the list of cotas, read so that a payment invalidates the pages on which it changes a row,
and few others.

Payments change which cotas are on a page only if the list is filtered by what is open or paid. Without such a filter,
the ids are read first, and then the rows by these ids. With one, the page is read by ranges of militantes, from the
beginning of the list: it then depends only on those ranges.
"""

import datetime as dt
from dataclasses import replace
from functools import partial

from sqlalchemy import Row, Select, func, literal, select

from controles.cotas.conditions import shown_by
from controles.cotas.models import Cota
from controles.cotas.pieces import highest_militante, months_of_cotas
from controles.cotas.records import FiltroCotas, FiltroEstado
from controles.db import db
from controles.domain.escopo import Escopo
from controles.militantes.models import Militante
from controles.militantes.scope import narrowed, owner_in_scope
from controles.services.cache_slices import PEOPLE_IN_A_RANGE
from controles.web.pagination import Keyset, Page, fetch_page

# Newest month first; within a month the militante is unique.
_NEWEST_FIRST = Keyset(
    order="competencia", columns=(Cota.competencia, Cota.militante_id), row_id=Cota.id, descending=True
)
# False: one statement for each page, which is cheaper where nothing is cached.
IN_PIECES = True
# How many ranges of militantes each statement reads; if these do not fill the page, the whole list is read. Their sum
# is below the number of slices that one entry may depend on.
RANGES_READ = (1, 4, 16)
# With fewer militantes nearly every payment is within the ranges of a page.
FEWEST_MILITANTES = 8 * PEOPLE_IN_A_RANGE


def page_of_cotas(
    escopo: Escopo, filtro: FiltroCotas, *, cursor: str | None, limit: int
) -> Page[int, str, dt.date, int, int, dt.date, dt.date | None]:
    """One page, newest competência first. An invalid cursor gives the first page."""
    visible = owner_in_scope(escopo, Cota.militante_id)
    conditions = shown_by(escopo, filtro)
    if not IN_PIECES:
        rows = _rows().where(*conditions)
        return fetch_page(db.session, rows, _NEWEST_FIRST, cursor=cursor, limit=limit, visible=visible)
    if filtro.estado in {FiltroEstado.ABERTA, FiltroEstado.QUITADA}:
        of_everybody = narrowed(escopo, filtro.nucleo_id) == Escopo() and filtro.militante_id is None
        read = partial(_by_ranges, escopo, filtro) if of_everybody else None
        rows = _rows().where(*conditions)
        return fetch_page(db.session, rows, _NEWEST_FIRST, cursor=cursor, limit=limit, visible=visible, read=read)
    numbers = select(Cota.id).join(Militante, Militante.id == Cota.militante_id).where(*conditions)
    page = fetch_page(db.session, numbers, _NEWEST_FIRST, cursor=cursor, limit=limit, visible=visible)
    wanted = [row[0] for row in page.rows]
    found = {row[0]: row for row in db.session.execute(_rows().where(Cota.id.in_(wanted)))} if wanted else {}
    # A cota that was deleted in between is left out.
    return Page(tuple(found[number] for number in wanted if number in found), page.following, page.preceding)


def _rows() -> Select[int, int, str, dt.date, int, int, dt.date, dt.date | None]:
    return select(
        Cota.id,
        Cota.militante_id,
        func.coalesce(Militante.nome_social, Militante.nome),
        Cota.competencia,
        Cota.valor,
        Cota.pago,
        Cota.vencimento,
        Cota.dispensada_em,
    ).join(Militante, Militante.id == Cota.militante_id)


def _by_ranges(
    escopo: Escopo, filtro: FiltroCotas, _statement: object, after: tuple[object, ...] | None, size: int
) -> list[Row[int, int, str, dt.date, int, int, dt.date, dt.date | None]] | None:
    """`size` rows from a position in the list, month by month and by ranges of militantes; None if more ranges are
    needed than one entry may depend on."""
    highest = highest_militante()
    if highest < FEWEST_MILITANTES:
        return None
    statement = _rows().where(*shown_by(escopo, replace(filtro, competencia=None)))
    competencia = filtro.competencia
    rows: list[Row[int, int, str, dt.date, int, int, dt.date, dt.date | None]] = []
    widths = iter(RANGES_READ)
    for month in months_of_cotas()[::-1] if competencia is None else (competencia,):
        last = highest
        if after is not None:
            at_month, at_militante = after
            assert isinstance(at_month, dt.date)
            assert isinstance(at_militante, int)
            if month > at_month:
                continue
            last = at_militante - 1 if month == at_month else highest
        while last > 0:
            width = next(widths, None)
            if width is None:
                return None
            # Begins at a border, so that the statement names whole ranges. The month is compared with a subquery, since
            # with a plain value the entry would depend on the month's slice, which is fewer slices than some ranges.
            first = max(0, (last // PEOPLE_IN_A_RANGE - width + 1) * PEOPLE_IN_A_RANGE)
            of_month = Cota.competencia == select(literal(month)).scalar_subquery()
            wanted = statement.where(of_month, Cota.militante_id.between(first, last))
            ordered = wanted.order_by(Cota.militante_id.desc()).limit(size - len(rows))
            rows += db.session.execute(ordered).all()
            if len(rows) == size:
                return rows
            last = first - 1
    return rows
