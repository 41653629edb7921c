"""Reads about receipts. Receipts themselves are not cached: they contain a name and a CPF, and are read once to be
printed.

Which receipt a payment has is cached, sealed: every page of a payment shows it.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, select, true

from controles.contas.models import Usuario
from controles.cotas.models import Cota
from controles.db import MAX_BIG_ID, MAX_ID, db
from controles.domain import cpf
from controles.domain.escopo import Escopo
from controles.militantes.models import Militante
from controles.militantes.scope import in_scope, owner_in_scope
from controles.pagamentos.models import Alocacao, Pagamento
from controles.pagamentos.records import FiltroPagamentos
from controles.recibos.contents import as_read
from controles.recibos.models import Recibo
from controles.recibos.records import (
    Contribuicao,
    Demonstrativo,
    DetalheRecibo,
    FiltroRecibos,
    LinhaRecibo,
    PaginaRecibos,
    SituacaoRecibo,
)
from controles.services import cache_policies
from controles.services.cache_service import cached
from controles.web.pagination import MAX_LIMIT, Keyset, every_row, fetch_page

_NEWEST_FIRST = Keyset(
    order="recibo", columns=(Recibo.ano, Recibo.numero), row_id=Recibo.id, descending=True, max_id=MAX_BIG_ID
)
# A receipt itself keeps the name for its term; a list does not show that of somebody who was anonymised.
_LISTED_NAME = case(
    (Militante.anonimizado_em.is_not(None), Militante.nome), else_=Recibo.conteudo["militante"].as_string()
)
_COLUMNS = (
    Recibo.id,
    Recibo.ano,
    Recibo.numero,
    _LISTED_NAME,
    Recibo.valor,
    Recibo.pagamento_id,
    Recibo.emitido_em,
    Recibo.cancelado_em,
)


def list_recibos(escopo: Escopo, filtro: FiltroRecibos, *, cursor: str | None = None, limit: int = 50) -> PaginaRecibos:
    """One page, the newest number first. An invalid cursor gives the first page."""
    statement = _listed(select(*_COLUMNS)).where(*_conditions(escopo, filtro))
    page = fetch_page(db.session, statement, _NEWEST_FIRST, cursor=cursor, limit=limit, visible=_visible(escopo))
    return PaginaRecibos(tuple(LinhaRecibo(*tuple(row)) for row in page.rows), page.following, page.preceding)


def all_recibos(escopo: Escopo, filtro: FiltroRecibos) -> Iterator[LinhaRecibo]:
    """Every row that the list has on all its pages; read page by page while it is consumed."""
    return every_row(lambda cursor: list_recibos(escopo, filtro, cursor=cursor, limit=MAX_LIMIT))


def count_recibos(escopo: Escopo, filtro: FiltroRecibos) -> int:
    """How many rows the list has on all its pages."""
    counted = select(func.count()).select_from(Recibo).where(*_conditions(escopo, filtro))
    return db.session.scalars(counted).one()


def ids_of_recibos(escopo: Escopo, filtro: FiltroRecibos, *, limit: int) -> tuple[int, ...]:
    """At most `limit` ids from all pages of the list."""
    wanted = select(Recibo.id).where(*_conditions(escopo, filtro)).order_by(Recibo.ano, Recibo.numero).limit(limit)
    return tuple(db.session.scalars(wanted))


def get_recibo(escopo: Escopo, recibo_id: int) -> DetalheRecibo | None:
    """One receipt; None if it does not exist, or not in this escopo."""
    if not 0 < recibo_id <= MAX_BIG_ID:
        return None
    found = get_recibos(escopo, [recibo_id])
    return found[0] if found else None


def get_recibos(escopo: Escopo, ids: Sequence[int]) -> tuple[DetalheRecibo, ...]:
    """Those of `ids` that exist in this escopo, by number."""
    rows = db.session.execute(
        select(Recibo, Usuario.nome)
        .outerjoin(Usuario, Usuario.id == Recibo.emitido_por_id)
        .where(Recibo.id.in_(ids), _visible(escopo))
        .order_by(Recibo.ano, Recibo.numero)
        .execution_options(populate_existing=True)
    )
    return tuple(
        DetalheRecibo(
            id=recibo.id,
            ano=recibo.ano,
            numero=recibo.numero,
            codigo=recibo.codigo,
            conteudo=as_read(recibo.conteudo),
            cpf=cpf.vault().decrypt(recibo.cpf_cifrado) if recibo.cpf_cifrado else None,
            emitido_em=recibo.emitido_em,
            emitido_por=autor,
            cancelado_em=recibo.cancelado_em,
            motivo=recibo.motivo,
        )
        for recibo, autor in rows
    )


@cached(cache_policies.RECIBO_DO_PAGAMENTO)
def recibo_of_payment(pagamento_id: int) -> LinhaRecibo | None:
    """The receipt of a payment: the valid one, else the one cancelled last; None if it never had any."""
    row = db.session.execute(
        _listed(select(*_COLUMNS))
        .where(Recibo.pagamento_id == pagamento_id)
        .order_by(Recibo.cancelado_em.is_not(None), Recibo.id.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else LinhaRecibo(*tuple(row))


def recibos_of_payments(pagamento_ids: Sequence[int]) -> frozenset[int]:
    """Which of these payments have a valid receipt."""
    wanted = select(Recibo.pagamento_id).where(Recibo.pagamento_id.in_(pagamento_ids), Recibo.cancelado_em.is_(None))
    return frozenset(db.session.scalars(wanted))


def find_by_code(codigo: str) -> SituacaoRecibo | None:
    """What everybody with this code may know; None if no receipt has it."""
    plain = "".join(filter(str.isalnum, codigo)).upper()[:16]
    row = db.session.execute(
        select(
            Recibo.conteudo["organizacao"].as_string(),
            Recibo.ano,
            Recibo.numero,
            Recibo.valor,
            Recibo.emitido_em,
            Recibo.cancelado_em,
        ).where(Recibo.codigo == plain)
    ).one_or_none()
    return None if row is None else SituacaoRecibo(*tuple(row))


def years_with_recibos(escopo: Escopo) -> tuple[int, ...]:
    """The years in which receipts were issued, latest first."""
    return tuple(db.session.scalars(select(Recibo.ano).where(_visible(escopo)).distinct().order_by(Recibo.ano.desc())))


def payments_for_recibos(escopo: Escopo, filtro: FiltroPagamentos, *, limit: int) -> tuple[int, ...]:
    """The payments of a month, or between two days, that can have a receipt: by day, at most `limit`."""
    wanted: list[ColumnElement[bool]] = [
        Pagamento.estorna_id.is_(None),
        Pagamento.estornado.is_(False),
        Pagamento.militante_id.is_not(None),
    ]
    wanted.append(owner_in_scope(escopo, Pagamento.militante_id))
    if filtro.de is not None:
        wanted.append(Pagamento.data_credito >= filtro.de)
    if filtro.ate is not None:
        wanted.append(Pagamento.data_credito <= filtro.ate)
    if filtro.nucleo_id is not None:
        of_one = select(Militante.id).where(Militante.nucleo_id == filtro.nucleo_id)
        wanted.append(Pagamento.militante_id.in_(of_one))
    if filtro.militante_id is not None:
        wanted.append(Pagamento.militante_id == filtro.militante_id)
    if filtro.metodo is not None:
        wanted.append(Pagamento.metodo == filtro.metodo)
    return tuple(
        db.session.scalars(
            select(Pagamento.id).where(*wanted).order_by(Pagamento.data_credito, Pagamento.id).limit(limit)
        )
    )


def demonstrativos(
    escopo: Escopo, ano: int, *, militante_id: int | None = None, nucleo_id: int | None = None, limit: int
) -> tuple[Demonstrativo, ...]:
    """What each of these people paid in the year, by the day of credit, without reversed payments.

    By name, at most `limit` people; nobody without payments.
    """
    first, last = dt.date(ano, 1, 1), dt.date(ano, 12, 31)
    paid = and_(
        Pagamento.militante_id == Militante.id,
        Pagamento.estorna_id.is_(None),
        Pagamento.estornado.is_(False),
        Pagamento.data_credito.between(first, last),
    )
    who: list[ColumnElement[bool]] = [in_scope(escopo), select(Pagamento.id).where(paid).exists()]
    if militante_id is not None:
        who.append(Militante.id == (militante_id if 0 < militante_id <= MAX_ID else 0))
    if nucleo_id is not None:
        who.append(Militante.nucleo_id == nucleo_id)
    people = db.session.execute(
        select(
            Militante.id,
            func.coalesce(Militante.nome_social, Militante.nome),
            Militante.matricula,
            Militante.cpf_cifrado,
        )
        .where(*who)
        .order_by(Militante.nome_busca, Militante.id)
        .limit(limit)
    ).all()
    ids = [person[0] for person in people]
    months: dict[int, list[dt.date]] = {}
    lines: dict[int, list[Contribuicao]] = {}
    of_these = _payments_of(ids, first, last)
    for pagamento_id, competencia in db.session.execute(
        select(Alocacao.pagamento_id, Cota.competencia)
        .join(Cota, Cota.id == Alocacao.cota_id)
        .where(Alocacao.pagamento_id.in_(of_these))
    ):
        months.setdefault(pagamento_id, []).append(competencia)
    rows = db.session.execute(
        select(Pagamento.militante_id, Pagamento.id, Pagamento.data_credito, Pagamento.metodo, Pagamento.valor)
        .where(Pagamento.id.in_(of_these))
        .order_by(Pagamento.data_credito, Pagamento.id)
    )
    for owner, pagamento_id, data, metodo, valor in rows:
        line = Contribuicao(pagamento_id, data, metodo, tuple(sorted(months.get(pagamento_id, ()))), valor)
        lines.setdefault(owner or 0, []).append(line)
    return tuple(
        Demonstrativo(
            ano, militante, nome, matricula, cpf.vault().decrypt(number) if number else None, tuple(lines[militante])
        )
        for militante, nome, matricula, number in people
    )


def _payments_of(ids: Sequence[int], first: dt.date, last: dt.date) -> Select[int]:
    return select(Pagamento.id).where(
        Pagamento.militante_id.in_(ids),
        Pagamento.estorna_id.is_(None),
        Pagamento.estornado.is_(False),
        Pagamento.data_credito.between(first, last),
    )


def _listed(statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """`_COLUMNS` need the militante."""
    of_payment = statement.join(Pagamento, Pagamento.id == Recibo.pagamento_id)
    return of_payment.outerjoin(Militante, Militante.id == Pagamento.militante_id)


def _visible(escopo: Escopo) -> ColumnElement[bool]:
    if escopo.nucleo_id is None:
        return true()
    return Recibo.pagamento_id.in_(select(Pagamento.id).where(owner_in_scope(escopo, Pagamento.militante_id)))


def _conditions(escopo: Escopo, filtro: FiltroRecibos) -> list[ColumnElement[bool]]:
    wanted = [_visible(escopo)]
    if filtro.ano is not None:
        wanted.append(Recibo.ano == filtro.ano)
    if filtro.de_numero is not None:
        wanted.append(Recibo.numero >= filtro.de_numero)
    if filtro.ate_numero is not None:
        wanted.append(Recibo.numero <= filtro.ate_numero)
    if filtro.cancelados is not None:
        wanted.append(Recibo.cancelado_em.is_not(None) if filtro.cancelados else Recibo.cancelado_em.is_(None))
    if filtro.militante_id is not None:
        of_one = select(Pagamento.id).where(Pagamento.militante_id == filtro.militante_id)
        wanted.append(Recibo.pagamento_id.in_(of_one))
    return wanted
