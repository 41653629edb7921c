"""Reads about militantes and núcleos."""

import datetime as dt
from collections.abc import Collection, Iterable, Iterator

from sqlalchemy import ColumnElement, Row, Select, false, func, not_, select

from controles.cotas.conditions import is_open, is_overdue, owes_months
from controles.cotas.models import Cota
from controles.db import MAX_ID, db
from controles.domain import cpf
from controles.domain.escopo import Escopo
from controles.militantes.models import Militante, Nucleo, Situacao, SituacaoHistorico
from controles.militantes.records import (
    Conhecido,
    FichaMilitante,
    FiltroMilitantes,
    LinhaInteira,
    LinhaMilitante,
    MudancaSituacao,
    NucleoItem,
    OrdemMilitantes,
    PaginaMilitantes,
)
from controles.militantes.scope import in_scope, narrowed
from controles.militantes.searching import matches, name_starts_with
from controles.pagamentos.pieces import credit_of
from controles.services import cache_policies
from controles.services.cache_service import cached
from controles.web.pagination import MAX_LIMIT, Keyset, fetch_page

__all__ = [
    "FichaMilitante",
    "FiltroMilitantes",
    "LinhaMilitante",
    "MudancaSituacao",
    "NucleoItem",
    "OrdemMilitantes",
    "PaginaMilitantes",
    "all_militantes",
    "count_militantes",
    "find_by_cpf",
    "get_militante",
    "list_militantes",
    "list_nucleos",
    "search_militantes",
    "sum_overdue",
]

_BY_NAME = (Militante.nome_busca, Militante.id)
_BY_JOINING = (Militante.data_filiacao, Militante.id)
_KEYSETS = {
    ordem: Keyset(
        order=ordem.value,
        columns=_BY_NAME if ordem in {OrdemMilitantes.NOME, OrdemMilitantes.NOME_DESC} else _BY_JOINING,
        row_id=Militante.id,
        descending=ordem in {OrdemMilitantes.NOME_DESC, OrdemMilitantes.FILIACAO_DESC},
        max_id=MAX_ID,
    )
    for ordem in OrdemMilitantes
}
_OF_THE_FICHA = (
    "id",
    "matricula",
    "nome",
    "nome_social",
    "cpf_cifrado",
    "nascimento",
    "email",
    "telefone",
    "nucleo_id",
    "situacao",
    "data_filiacao",
    "data_desligamento",
    "dia_vencimento",
    "isento",
    "valor_cota",
    "versao",
    "anonimizado_em",
)
# The columns of `_lines`.
Line = Row[int, str, str, str | None, str | None, Situacao, bool, dt.date]


@cached(cache_policies.MILITANTES_LIST)
def list_militantes(
    escopo: Escopo, filtro: FiltroMilitantes, *, hoje: dt.date, cursor: str | None = None, limit: int = 50
) -> PaginaMilitantes:
    """One page, in the filter's order. A cursor that makes no sense gives the first page."""
    page = fetch_page(
        db.session,
        _lines().where(*_conditions(escopo, filtro, hoje)),
        _KEYSETS[filtro.ordem],
        cursor=cursor,
        limit=limit,
        visible=in_scope(escopo),
    )
    return PaginaMilitantes(_with_arrears(page.rows, hoje), page.following, page.preceding)


def all_militantes(escopo: Escopo, filtro: FiltroMilitantes, *, hoje: dt.date) -> Iterator[LinhaInteira]:
    """Every row that the list has on all its pages, in its order; read page by page while it is consumed."""
    wanted = _lines().where(*_conditions(escopo, filtro, hoje))
    cursor = None
    while True:
        page = fetch_page(
            db.session, wanted, _KEYSETS[filtro.ordem], cursor=cursor, limit=MAX_LIMIT, visible=in_scope(escopo)
        )
        lines = _with_arrears(page.rows, hoje)
        rows = db.session.execute(
            select(
                Militante.id,
                Militante.nome,
                Militante.nome_social,
                Militante.nascimento,
                Militante.email,
                Militante.telefone,
                Militante.dia_vencimento,
                Militante.valor_cota,
            ).where(Militante.id.in_([line.id for line in lines]))
        ).all()
        more = {row[0]: row for row in rows}
        for line in lines:
            _, nome, nome_social, nascimento, email, telefone, dia, valor = more[line.id]
            yield LinhaInteira(line, nome, nome_social, nascimento, email, telefone, dia, valor)
        cursor = page.following
        if cursor is None:
            return


@cached(cache_policies.MILITANTES_COUNT)
def count_militantes(escopo: Escopo, filtro: FiltroMilitantes, *, hoje: dt.date) -> int:
    """How many rows the list has on all its pages."""
    counted = select(func.count()).select_from(Militante).where(*_conditions(escopo, filtro, hoje, whole=True))
    return db.session.scalars(counted).one()


@cached(cache_policies.MILITANTES_COUNT)
def sum_overdue(escopo: Escopo, filtro: FiltroMilitantes, *, hoje: dt.date) -> int:
    """The overdue centavos of all militantes in the list, on all its pages."""
    owed = (
        select(func.coalesce(func.sum(Cota.valor - Cota.pago), 0))
        .join(Militante, Militante.id == Cota.militante_id)
        .where(is_overdue(hoje), *_conditions(escopo, filtro, hoje, whole=True))
    )
    return int(db.session.scalars(owed).one())


@cached(cache_policies.MILITANTES_SEARCH)
def search_militantes(escopo: Escopo, termo: str, *, hoje: dt.date, limit: int = 10) -> tuple[LinhaMilitante, ...]:
    """The few militantes that `termo` most likely means: names that begin with it, then names that contain its
    words."""
    begins = name_starts_with(termo)
    rows: list[Line] = []
    if begins is not None:
        rows += db.session.execute(_ranked(escopo, limit).where(begins)).all()
    if len(rows) < limit:
        others = _ranked(escopo, limit - len(rows)).where(matches(termo))
        rows += db.session.execute(others.where(not_(begins)) if begins is not None else others).all()
    return _with_arrears(rows, hoje)


@cached(cache_policies.MILITANTE)
def get_militante(escopo: Escopo, militante_id: int, *, hoje: dt.date) -> FichaMilitante | None:
    """None if there is no such militante, or not in this escopo."""
    if not 0 < militante_id <= MAX_ID:
        return None
    # Columns, not an object: an object that the session already holds could be older.
    militante = db.session.execute(
        select(
            *(getattr(Militante, name) for name in _OF_THE_FICHA),
            Nucleo.nome.label("nucleo"),
            Nucleo.uf,
        )
        .outerjoin(Nucleo, Nucleo.id == Militante.nucleo_id)
        .where(Militante.id == militante_id, in_scope(escopo))
    ).one_or_none()
    if militante is None:
        return None
    credito = credit_of(militante_id)
    meses, vencido, a_vencer = _arrears_of(militante_id, hoje)
    return FichaMilitante(
        id=militante.id,
        matricula=militante.matricula,
        nome=militante.nome,
        nome_social=militante.nome_social,
        nome_exibido=militante.nome_social or militante.nome,
        cpf_mascarado=cpf.mask(cpf.vault().decrypt(militante.cpf_cifrado)) if militante.cpf_cifrado else None,
        nascimento=militante.nascimento,
        email=militante.email,
        telefone=militante.telefone,
        nucleo_id=militante.nucleo_id,
        nucleo=militante.nucleo,
        uf=militante.uf,
        situacao=militante.situacao,
        data_filiacao=militante.data_filiacao,
        data_desligamento=militante.data_desligamento,
        dia_vencimento=militante.dia_vencimento,
        isento=militante.isento,
        valor_cota=militante.valor_cota,
        versao=militante.versao,
        anonimizado=militante.anonimizado_em is not None,
        meses_em_aberto=meses,
        em_aberto=vencido,
        a_vencer=a_vencer,
        credito=credito,
        historico=_history(militante_id),
    )


def find_by_cpf(escopo: Escopo, number: str) -> Conhecido | None:
    """Who has this CPF, if they are in this escopo: for anybody else the answer is the same as if nobody had it."""
    if not cpf.is_valid(number):
        return None
    row = db.session.execute(
        select(
            Militante.id,
            func.coalesce(Militante.nome_social, Militante.nome),
            Militante.matricula,
            Militante.situacao,
            Militante.data_desligamento,
        ).where(Militante.cpf_hmac.in_(cpf.vault().digests(number)), in_scope(escopo))
    ).one_or_none()
    return None if row is None else Conhecido(*row)


def find_matriculas(escopo: Escopo, matriculas: Collection[str]) -> dict[str, tuple[int, str]]:
    """Who has these matrículas, as they were written, with or without leading zeros: id and name. Unknown ones, and
    those of other núcleos, are left out."""
    padded = {matricula: {matricula, matricula.zfill(6)} for matricula in matriculas}
    rows = db.session.execute(
        select(Militante.matricula, Militante.id, func.coalesce(Militante.nome_social, Militante.nome)).where(
            Militante.matricula.in_(set().union(*padded.values())), in_scope(escopo)
        )
    ).all()
    return {
        matricula: (militante_id, nome)
        for matricula, spellings in padded.items()
        for known, militante_id, nome in rows
        if known in spellings
    }


@cached(cache_policies.NUCLEOS_LIST)
def list_nucleos(escopo: Escopo) -> tuple[NucleoItem, ...]:
    """The active núcleos; in the escopo of one núcleo, only that one."""
    wanted = Nucleo.ativo if escopo.nucleo_id is None else Nucleo.id == escopo.nucleo_id
    rows = db.session.execute(select(Nucleo.id, Nucleo.nome, Nucleo.uf).where(wanted).order_by(Nucleo.uf, Nucleo.nome))
    return tuple(NucleoItem(*row) for row in rows)


def _lines() -> Select[int, str, str, str | None, str | None, Situacao, bool, dt.date]:
    return select(
        Militante.id,
        Militante.matricula,
        func.coalesce(Militante.nome_social, Militante.nome),
        Nucleo.nome,
        Nucleo.uf,
        Militante.situacao,
        Militante.isento,
        Militante.data_filiacao,
    ).outerjoin(Nucleo, Nucleo.id == Militante.nucleo_id)


def _ranked(escopo: Escopo, limit: int) -> Select[int, str, str, str | None, str | None, Situacao, bool, dt.date]:
    return _lines().where(in_scope(escopo)).order_by(*_BY_NAME).limit(limit)


def _with_arrears(rows: Iterable[Line], hoje: dt.date) -> tuple[LinhaMilitante, ...]:
    """The rows as lines, with what each militante owes on `hoje`: one query for all."""
    shown = tuple(rows)
    owed: dict[int, tuple[int, int]] = {}
    if shown:
        arrears = (
            select(Cota.militante_id, func.count(), func.sum(Cota.valor - Cota.pago))
            .where(Cota.militante_id.in_([row[0] for row in shown]), is_overdue(hoje))
            .group_by(Cota.militante_id)
        )
        owed = {militante_id: (months, int(centavos)) for militante_id, months, centavos in db.session.execute(arrears)}
    return tuple(LinhaMilitante(*row, *owed.get(row[0], (0, 0))) for row in shown)


def _arrears_of(militante_id: int, hoje: dt.date) -> tuple[int, int, int]:
    """Overdue months, overdue centavos, and centavos that are open but not due yet."""
    overdue = Cota.vencimento < hoje
    rest = Cota.valor - Cota.pago
    months, centavos, not_due = db.session.execute(
        select(
            func.count().filter(overdue),
            func.coalesce(func.sum(rest).filter(overdue), 0),
            func.coalesce(func.sum(rest).filter(not_(overdue)), 0),
        ).where(Cota.militante_id == militante_id, is_open())
    ).one()
    return months, int(centavos), int(not_due)


def _history(militante_id: int) -> tuple[MudancaSituacao, ...]:
    rows = db.session.execute(
        select(
            SituacaoHistorico.situacao,
            SituacaoHistorico.desde,
            SituacaoHistorico.motivo,
            SituacaoHistorico.prevista_ate,
        )
        .where(SituacaoHistorico.militante_id == militante_id)
        .order_by(SituacaoHistorico.desde, SituacaoHistorico.id)
    )
    return tuple(MudancaSituacao(*row) for row in rows)


def _conditions(
    escopo: Escopo, filtro: FiltroMilitantes, hoje: dt.date, *, whole: bool = False
) -> tuple[ColumnElement[bool], ...]:
    """The conditions for the filter's rows; `whole` if all are read, instead of one page."""
    within = narrowed(escopo, filtro.nucleo_id)
    if within is None:
        return (false(),)
    wanted = [in_scope(within)]
    if filtro.busca.strip():
        wanted.append(matches(filtro.busca))
    if filtro.situacao is not None:
        wanted.append(Militante.situacao == filtro.situacao)
    if filtro.filiado_de is not None:
        wanted.append(Militante.data_filiacao >= filtro.filiado_de)
    if filtro.filiado_ate is not None:
        wanted.append(Militante.data_filiacao <= filtro.filiado_ate)
    if filtro.desligado_de is not None:
        wanted.append(Militante.data_desligamento >= filtro.desligado_de)
    if filtro.desligado_ate is not None:
        wanted.append(Militante.data_desligamento <= filtro.desligado_ate)
    if filtro.anonimizado is not None:
        anonymous = Militante.anonimizado_em.is_not(None)
        wanted.append(anonymous if filtro.anonimizado else ~anonymous)
    return (*wanted, *owes_months(hoje, max(filtro.meses_min, int(filtro.devendo)), filtro.meses_max, whole=whole))
