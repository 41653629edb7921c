"""Reads about pagamentos."""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, false, func, or_, select

from controles.contas.models import Usuario
from controles.cotas.models import Cota
from controles.db import MAX_BIG_ID, MAX_ID, db
from controles.domain import cpf
from controles.domain.clock import today
from controles.domain.escopo import Escopo
from controles.domain.periods import month_of
from controles.militantes.models import Militante, Nucleo
from controles.militantes.scope import in_scope, narrowed, owner_in_scope
from controles.militantes.searching import clean, matches
from controles.pagamentos.alike import select_alike
from controles.pagamentos.amounts import net_valor
from controles.pagamentos.models import E2EID, Alocacao, Devolucao, Metodo, Pagamento
from controles.pagamentos.pieces import cash_between
from controles.pagamentos.records import (
    DetalhePagamento,
    FiltroPagamentos,
    IgualPagamento,
    LinhaPagamento,
    Pagador,
    PaginaPagamentos,
    ParteAlocada,
    TotaisPagamentos,
    TotalMetodo,
)
from controles.pagamentos.refunds import returned_of
from controles.services import cache_policies
from controles.services.cache_service import cached
from controles.web.pagination import MAX_LIMIT, Keyset, every_row, fetch_page

__all__ = [
    "DetalhePagamento",
    "FiltroPagamentos",
    "LinhaPagamento",
    "PaginaPagamentos",
    "ParteAlocada",
    "TotaisPagamentos",
    "TotalMetodo",
    "get_pagamento",
    "list_pagamentos",
    "totals_pagamentos",
]

# If False, one statement reads all rows, which is cheaper without a cache.
IN_PIECES = True
# Between two days so far apart the pieces are few even if nothing was paid in them; else it is asked between which days
# there are payments.
LONGEST_UNBOUNDED = dt.timedelta(days=92)

_NEWEST_FIRST = Keyset(
    order="data", columns=(Pagamento.data_credito, Pagamento.id), row_id=Pagamento.id, descending=True
)


@cached(cache_policies.PAGAMENTOS_LIST)
def list_pagamentos(
    escopo: Escopo, filtro: FiltroPagamentos, *, cursor: str | None = None, limit: int = 50
) -> PaginaPagamentos:
    """One page, newest first. A cursor that makes no sense gives the first page."""
    page = fetch_page(
        db.session,
        select(
            Pagamento.id,
            Pagamento.data_credito,
            Pagamento.militante_id,
            func.coalesce(Militante.nome_social, Militante.nome),
            net_valor(),
            Pagamento.metodo,
            Pagamento.estorna_id,
            Pagamento.estornado,
            Pagamento.motivo,
            Pagamento.pagador_nome,
        )
        .outerjoin(Militante, Militante.id == Pagamento.militante_id)
        .where(*_conditions(escopo, filtro)),
        _NEWEST_FIRST,
        cursor=cursor,
        limit=limit,
        visible=owner_in_scope(escopo, Pagamento.militante_id),
    )
    months = _competencias([row[0] for row in page.rows])
    linhas = tuple(
        LinhaPagamento(
            id=pagamento_id,
            data_credito=data_credito,
            militante_id=militante_id,
            militante=nome,
            valor=valor,
            metodo=metodo,
            estorno_de=estorna_id,
            estornado=bool(reversed_),
            competencias=months.get(pagamento_id, ()),
            motivo=motivo,
            pagador=pagador,
        )
        for pagamento_id, data_credito, militante_id, nome, valor, metodo, estorna_id, reversed_, motivo, pagador in (
            page.rows
        )
    )
    return PaginaPagamentos(linhas, page.following, page.preceding)


def all_pagamentos(escopo: Escopo, filtro: FiltroPagamentos) -> Iterator[LinhaPagamento]:
    """Every row that the list has on all its pages, in its order; read page by page while it is consumed."""
    return every_row(lambda cursor: list_pagamentos.uncached(escopo, filtro, cursor=cursor, limit=MAX_LIMIT))


@cached(cache_policies.PAGAMENTOS_TOTALS)
def totals_pagamentos(escopo: Escopo, filtro: FiltroPagamentos) -> TotaisPagamentos:
    """The sums of the list's lines, on all its pages: cash by payment date, net of estornos."""
    of_everybody = IN_PIECES and narrowed(escopo, filtro.nucleo_id) == Escopo() and filtro.militante_id is None
    rows = _cash_in_pieces(filtro) if of_everybody and not filtro.busca.strip() else _cash(escopo, filtro)
    counts: Counter[Metodo] = Counter()
    sums: Counter[Metodo] = Counter()
    for metodo, quantidade, valor in rows:
        counts[metodo] += quantidade
        sums[metodo] += int(valor)
    return TotaisPagamentos(
        por_metodo=tuple(TotalMetodo(metodo, counts[metodo], sums[metodo]) for metodo in Metodo if counts[metodo]),
        valor=sum(sums.values()),
        quantidade=counts.total(),
    )


def _cash(escopo: Escopo, filtro: FiltroPagamentos) -> Sequence[tuple[Metodo, int, int]]:
    # Also grouped by day, which is the order of the index: sorting all payments by method would take three times as
    # long.
    rows = db.session.execute(
        select(Pagamento.metodo, func.count(), func.sum(net_valor()))
        .where(*_conditions(escopo, filtro))
        .group_by(Pagamento.data_credito, Pagamento.metodo)
    )
    return rows.all()


def _cash_in_pieces(filtro: FiltroPagamentos) -> Sequence[tuple[Metodo, int, int]]:
    """The same sums for the whole organisation, from pieces."""
    if filtro.de is not None and filtro.ate is not None and filtro.ate - filtro.de <= LONGEST_UNBOUNDED:
        found = cash_between(filtro.de, filtro.ate, newest=today())
    else:
        ends: Sequence[dt.date | None] = db.session.execute(
            select(func.min(Pagamento.data_credito), func.max(Pagamento.data_credito))
        ).one()
        oldest, newest = ends
        if oldest is None or newest is None:
            return ()
        # Whole months, because these pieces are shared with other totals.
        first = max(oldest, filtro.de) if filtro.de is not None else month_of(oldest)
        found = cash_between(first, min(newest, filtro.ate or newest), newest=newest)
    return [row[1:] for row in found if filtro.metodo in {None, row[1]}]


@cached(cache_policies.PAGAMENTO)
def get_pagamento(escopo: Escopo, pagamento_id: int) -> DetalhePagamento | None:
    """None if there is no such payment, or not in this escopo."""
    if not 0 < pagamento_id <= MAX_BIG_ID:
        return None
    row = db.session.execute(
        select(Pagamento, func.coalesce(Militante.nome_social, Militante.nome), Militante.matricula, Usuario.nome)
        .outerjoin(Militante, Militante.id == Pagamento.militante_id)
        .outerjoin(Usuario, Usuario.id == Pagamento.registrado_por_id)
        .where(Pagamento.id == pagamento_id, owner_in_scope(escopo, Pagamento.militante_id))
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        return None
    pagamento, nome, matricula, autor = row
    estorno = db.session.execute(
        select(Pagamento.id, Pagamento.data_credito).where(Pagamento.estorna_id == pagamento_id)
    ).one_or_none()
    partes = _parts(pagamento_id)
    devolvido = returned_of(db.session, pagamento_id)
    valor_liquido = pagamento.valor if pagamento.estorna_id is None else -pagamento.valor
    return DetalhePagamento(
        id=pagamento.id,
        militante_id=pagamento.militante_id,
        militante=nome,
        matricula=matricula,
        data_credito=pagamento.data_credito,
        valor=pagamento.valor,
        metodo=pagamento.metodo,
        e2eid=pagamento.e2eid,
        observacao=pagamento.observacao,
        registrado_em=pagamento.registrado_em,
        registrado_por=autor,
        partes=partes,
        credito=valor_liquido - sum(parte.centavos for parte in partes) - devolvido,
        devolvido=devolvido,
        estorno_de=pagamento.estorna_id,
        estornado_por=estorno[0] if estorno is not None else None,
        estornado_em=estorno[1] if estorno is not None else None,
        motivo=pagamento.motivo,
        pagador_nome=pagamento.pagador_nome,
        pagador_cpf=cpf.mask(cpf.vault().decrypt(pagamento.pagador_cpf)) if pagamento.pagador_cpf else None,
        juntos=_together(escopo, pagamento_id, pagamento.grupo),
    )


def _together(escopo: Escopo, pagamento_id: int, grupo: str | None) -> tuple[int, ...]:
    if grupo is None:
        return ()
    rows = db.session.scalars(
        select(Pagamento.id)
        .where(
            Pagamento.grupo == grupo,
            Pagamento.id != pagamento_id,
            owner_in_scope(escopo, Pagamento.militante_id),
        )
        .order_by(Pagamento.id)
    )
    return tuple(rows)


@cached(cache_policies.PAGADOR)
def get_pagador(escopo: Escopo, militante_id: int) -> Pagador | None:
    """Who pays, as the form shows them, in one statement; None if there is nobody of this number in this escopo."""
    if not 0 < militante_id <= MAX_ID:
        return None
    paid = select(func.coalesce(func.sum(net_valor()), 0)).where(Pagamento.militante_id == militante_id)
    allocated = (
        select(func.coalesce(func.sum(Alocacao.centavos), 0))
        .join(Pagamento, Pagamento.id == Alocacao.pagamento_id)
        .where(Pagamento.militante_id == militante_id)
    )
    returned = select(func.coalesce(func.sum(Devolucao.centavos), 0)).where(Devolucao.militante_id == militante_id)
    row = db.session.execute(
        select(
            Militante.id,
            func.coalesce(Militante.nome_social, Militante.nome),
            Militante.matricula,
            Nucleo.nome,
            Militante.situacao,
            paid.scalar_subquery(),
            allocated.scalar_subquery(),
            returned.scalar_subquery(),
        )
        .outerjoin(Nucleo, Nucleo.id == Militante.nucleo_id)
        .where(Militante.id == militante_id, in_scope(escopo))
    ).one_or_none()
    if row is None:
        return None
    number, nome, matricula, nucleo, situacao, entered, laid, left = row
    return Pagador(number, nome, matricula, nucleo, situacao, credito=int(entered) - int(laid) - int(left))


def find_by_key(escopo: Escopo, chave: str) -> int | None:
    """The payment that the form with this key has written and that was not reversed; None if not in this escopo."""
    if not chave:
        return None
    return db.session.scalars(
        select(Pagamento.id).where(
            Pagamento.chave_idempotencia == chave[:64],
            Pagamento.estornado.is_(False),
            owner_in_scope(escopo, Pagamento.militante_id),
        )
    ).one_or_none()


def get_alike(militante_id: int | None, data_credito: dt.date, valor: int, e2eid: str | None) -> IgualPagamento | None:
    """The similar payment that the user would be asked about, in one statement."""
    row = db.session.execute(
        select_alike(militante_id, data_credito, valor, e2eid)
        .add_columns(Pagamento.registrado_em, Usuario.nome)
        .outerjoin(Usuario, Usuario.id == Pagamento.registrado_por_id)
    ).one_or_none()
    return None if row is None else IgualPagamento(*row)


def _parts(pagamento_id: int) -> tuple[ParteAlocada, ...]:
    parts = db.session.execute(
        select(Alocacao.cota_id, Cota.competencia, Alocacao.centavos)
        .join(Cota, Cota.id == Alocacao.cota_id)
        .where(Alocacao.pagamento_id == pagamento_id)
    )
    found = [ParteAlocada(*part) for part in parts]
    return tuple(sorted(found, key=lambda parte: (parte.competencia, parte.cota_id)))


def _competencias(pagamento_ids: Sequence[int]) -> dict[int, tuple[dt.date, ...]]:
    """The months that each of these payments paid. Of cotas it reads nothing that a payment writes."""
    if not pagamento_ids:
        return {}
    parts = db.session.execute(
        select(Alocacao.pagamento_id, Cota.competencia)
        .join(Cota, Cota.id == Alocacao.cota_id)
        .where(Alocacao.pagamento_id.in_(pagamento_ids))
    )
    found: dict[int, list[dt.date]] = defaultdict(list)
    for pagamento_id, month in parts:
        found[pagamento_id].append(month)
    return {pagamento_id: tuple(sorted(paid)) for pagamento_id, paid in found.items()}


def _conditions(escopo: Escopo, filtro: FiltroPagamentos) -> tuple[ColumnElement[bool], ...]:
    within = narrowed(escopo, filtro.nucleo_id)
    if within is None:
        return (false(),)
    wanted = [owner_in_scope(within, Pagamento.militante_id)]
    if filtro.de is not None:
        wanted.append(Pagamento.data_credito >= filtro.de)
    if filtro.ate is not None:
        wanted.append(Pagamento.data_credito <= filtro.ate)
    if filtro.metodo is not None:
        wanted.append(Pagamento.metodo == filtro.metodo)
    if filtro.militante_id is not None:
        wanted.append(Pagamento.militante_id == filtro.militante_id if 0 < filtro.militante_id <= MAX_ID else false())
    if filtro.busca.strip():
        wanted.append(_means(filtro.busca))
    return tuple(wanted)


def _means(busca: str) -> ColumnElement[bool]:
    """Payments of the militantes that `busca` means, or the one payment with this e2eid."""
    of_militantes = Pagamento.militante_id.in_(select(Militante.id).where(matches(busca)))
    text = clean(busca)
    # Only if it can be an e2eid, because the alternative costs a second search.
    return or_(of_militantes, Pagamento.e2eid == text) if E2EID.fullmatch(text) else of_militantes
