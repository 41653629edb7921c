"""Reads about lançamentos, their files, and the caixas."""

from sqlalchemy import ColumnElement, func, or_, select, true
from sqlalchemy.orm import aliased

from controles.banco.models import ContaBancaria, TipoConta
from controles.caixa.models import Comprovante, Lancamento
from controles.caixa.records import (
    ArquivoGuardado,
    DadosComprovante,
    DetalheLancamento,
    Devolvido,
    FiltroLancamentos,
    LinhaLancamento,
    PaginaLancamentos,
)
from controles.contas.models import Usuario
from controles.db import MAX_BIG_ID, db
from controles.militantes.models import Militante, Nucleo
from controles.pagamentos.models import Devolucao
from controles.services import cache_policies
from controles.services.cache_service import cached
from controles.web.pagination import Keyset, fetch_page

_Other = aliased(ContaBancaria)
_NEWEST_FIRST = Keyset(
    order="data", columns=(Lancamento.data, Lancamento.id), row_id=Lancamento.id, descending=True, max_id=MAX_BIG_ID
)
_COLUMNS = (
    Lancamento.id,
    Lancamento.tipo,
    ContaBancaria.nome,
    _Other.nome,
    Lancamento.data,
    Lancamento.valor,
    Lancamento.categoria,
    Lancamento.descricao,
    Lancamento.estorna_id,
    Lancamento.estornado,
)
# The most former categories that are suggested.
MOST_CATEGORIES = 40


@cached(cache_policies.CAIXA_LIST)
def list_lancamentos(filtro: FiltroLancamentos, *, cursor: str | None = None, limit: int = 50) -> PaginaLancamentos:
    """One page, newest first. A cursor that makes no sense gives the first page."""
    page = fetch_page(
        db.session,
        select(*_COLUMNS)
        .join(ContaBancaria, ContaBancaria.id == Lancamento.conta_id)
        .outerjoin(_Other, _Other.id == Lancamento.outra_conta_id)
        .where(*_conditions(filtro)),
        _NEWEST_FIRST,
        cursor=cursor,
        limit=limit,
        visible=true(),
    )
    return PaginaLancamentos(tuple(LinhaLancamento(*tuple(row)) for row in page.rows), page.following, page.preceding)


@cached(cache_policies.CAIXA_LIST)
def get_lancamento(lancamento_id: int) -> DetalheLancamento | None:
    """None if there is none."""
    if not 0 < lancamento_id <= MAX_BIG_ID:
        return None
    row = db.session.execute(
        select(*_COLUMNS, Nucleo.nome, Lancamento.linha_id, Lancamento.motivo, Lancamento.registrado_em, Usuario.nome)
        .join(ContaBancaria, ContaBancaria.id == Lancamento.conta_id)
        .outerjoin(_Other, _Other.id == Lancamento.outra_conta_id)
        .outerjoin(Nucleo, Nucleo.id == Lancamento.nucleo_id)
        .outerjoin(Usuario, Usuario.id == Lancamento.registrado_por_id)
        .where(Lancamento.id == lancamento_id)
    ).one_or_none()
    if row is None:
        return None
    *line, nucleo, linha_id, motivo, registrado_em, registrado_por = row
    estorno = select(Lancamento.id).where(Lancamento.estorna_id == lancamento_id)
    return DetalheLancamento(
        linha=LinhaLancamento(*line),
        nucleo=nucleo,
        linha_id=linha_id,
        motivo=motivo,
        estornado_por=db.session.scalars(estorno).one_or_none(),
        registrado_em=registrado_em,
        registrado_por=registrado_por,
        comprovantes=_files(Comprovante.lancamento_id == lancamento_id),
        devolvidos=_given_back(Devolucao.lancamento_id == lancamento_id),
    )


@cached(cache_policies.CAIXA_LIST)
def files_of_line(linha_id: int) -> tuple[DadosComprovante, ...]:
    """The files attached to a line of a statement."""
    return _files(Comprovante.linha_id == linha_id)


def get_file(comprovante_id: int) -> ArquivoGuardado | None:
    """A file with its content, which is not cached; None if there is none."""
    if not 0 < comprovante_id <= MAX_BIG_ID:
        return None
    row = db.session.execute(
        select(Comprovante.nome, Comprovante.tipo, Comprovante.conteudo).where(Comprovante.id == comprovante_id)
    ).one_or_none()
    return None if row is None else ArquivoGuardado(*row)


@cached(cache_policies.CAIXA_LIST)
def list_categories() -> tuple[str, ...]:
    """The categories of earlier movements, most frequent first."""
    rows = db.session.execute(
        select(Lancamento.categoria, func.count())
        .group_by(Lancamento.categoria)
        .order_by(func.count().desc(), Lancamento.categoria)
        .limit(MOST_CATEGORIES)
    )
    return tuple(categoria for categoria, _ in rows)


@cached(cache_policies.CONTAS_LIST)
def list_caixas() -> tuple[tuple[int, str], ...]:
    """The caixas in use: id and name, oldest first."""
    rows = db.session.execute(
        select(ContaBancaria.id, ContaBancaria.nome)
        .where(ContaBancaria.tipo == TipoConta.CAIXA, ContaBancaria.ativa)
        .order_by(ContaBancaria.id)
    )
    return tuple((conta_id, nome) for conta_id, nome in rows)


@cached(cache_policies.CAIXA_LIST)
def given_back_by_line(linha_id: int) -> tuple[Devolvido, ...]:
    """What a line of a statement gives back now."""
    return _given_back(Devolucao.linha_id == linha_id)


def _given_back(wanted: ColumnElement[bool]) -> tuple[Devolvido, ...]:
    name = func.coalesce(Militante.nome_social, Militante.nome)
    total = func.sum(Devolucao.centavos)
    rows = db.session.execute(
        select(Devolucao.pagamento_id, Devolucao.militante_id, name, total)
        .outerjoin(Militante, Militante.id == Devolucao.militante_id)
        .where(wanted)
        .group_by(Devolucao.pagamento_id, Devolucao.militante_id, name)
        .having(total != 0)
        .order_by(Devolucao.pagamento_id)
    )
    return tuple(
        Devolvido(pagamento_id, militante_id, nome, int(soma)) for pagamento_id, militante_id, nome, soma in rows
    )


def _files(wanted: ColumnElement[bool]) -> tuple[DadosComprovante, ...]:
    rows = db.session.execute(
        select(Comprovante.id, Comprovante.nome, Comprovante.tipo, Comprovante.tamanho, Comprovante.enviado_em)
        .where(wanted)
        .order_by(Comprovante.id)
    )
    return tuple(DadosComprovante(*row) for row in rows)


def _conditions(filtro: FiltroLancamentos) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if filtro.conta_id is not None:
        wanted.append(or_(Lancamento.conta_id == filtro.conta_id, Lancamento.outra_conta_id == filtro.conta_id))
    if filtro.tipo is not None:
        wanted.append(Lancamento.tipo == filtro.tipo)
    if filtro.de is not None:
        wanted.append(Lancamento.data >= filtro.de)
    if filtro.ate is not None:
        wanted.append(Lancamento.data <= filtro.ate)
    return wanted
