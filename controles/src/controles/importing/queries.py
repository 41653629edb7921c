"""Reads about batches. Not cached: a batch is read while it changes, by the person who uploaded it."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, select

from controles.contas.models import Usuario
from controles.db import MAX_ID, db
from controles.importing.batches import words_of
from controles.importing.checking import Acao
from controles.importing.models import Importacao, ImportacaoLinha, Tipo
from controles.importing.records import ColunaLida, LinhaLote, Lote, PaginaLinhas, PaginaLotes, Ver
from controles.importing.vocabulary import is_reasons, plain
from controles.web.pagination import Keyset, fetch_page

_NEWEST_FIRST = Keyset(order="numero", columns=(Importacao.id,), row_id=Importacao.id, descending=True, max_id=MAX_ID)
_AS_IN_THE_FILE = Keyset(order="linha", columns=(ImportacaoLinha.numero,), row_id=ImportacaoLinha.id)
_ACOES = {
    Ver.ERROS: Acao.ERRO,
    Ver.CONFLITOS: Acao.CONFLITO,
    Ver.ALTERACOES: Acao.ATUALIZADO,
    Ver.NOVOS: Acao.NOVO,
    Ver.TOTAIS: Acao.TOTAL,
    Ver.PULADAS: Acao.PULADO,
    Ver.MANTIDOS: Acao.MANTIDO,
}


def list_importacoes(tipos: Collection[Tipo], *, cursor: str | None = None, limit: int = 30) -> PaginaLotes:
    """One page of the batches of these kinds, newest first. A cursor that makes no sense gives the first page."""
    of_kinds = Importacao.tipo.in_(tipos)
    page = fetch_page(
        db.session,
        select(Importacao.id, Importacao, Usuario.nome)
        .outerjoin(Usuario, Usuario.id == Importacao.criada_por_id)
        .where(of_kinds),
        _NEWEST_FIRST,
        cursor=cursor,
        limit=limit,
        visible=of_kinds,
    )
    return PaginaLotes(tuple(_lote(row[1], row[2]) for row in page.rows), page.following, page.preceding)


def get_importacao(importacao_id: int) -> Lote | None:
    """None if there is none."""
    if not 0 < importacao_id <= MAX_ID:
        return None
    row = db.session.execute(
        select(Importacao, Usuario.nome)
        .outerjoin(Usuario, Usuario.id == Importacao.criada_por_id)
        .where(Importacao.id == importacao_id)
        .execution_options(populate_existing=True)
    ).one_or_none()
    return None if row is None else _lote(row[0], row[1])


def list_linhas(importacao_id: int, ver: Ver, *, cursor: str | None = None, limit: int = 50) -> PaginaLinhas:
    """One page of these rows, in the order of the file."""
    wanted: tuple[ColumnElement[bool], ...] = (
        ImportacaoLinha.importacao_id == importacao_id,
        ImportacaoLinha.acao == _ACOES[ver],
    )
    decisoes = db.session.scalars(select(Importacao.decisoes).where(Importacao.id == importacao_id)).one_or_none() or {}
    page = fetch_page(
        db.session,
        select(
            ImportacaoLinha.id,
            ImportacaoLinha.numero,
            ImportacaoLinha.acao,
            ImportacaoLinha.de,
            ImportacaoLinha.falhas,
            ImportacaoLinha.alteracoes,
            ImportacaoLinha.opcoes,
        ).where(*wanted),
        _AS_IN_THE_FILE,
        cursor=cursor,
        limit=limit,
        visible=ImportacaoLinha.importacao_id == importacao_id,
    )
    linhas = tuple(
        LinhaLote(
            id=row[0],
            numero=row[1],
            acao=row[2],
            de=row[3],
            falhas=tuple((column, sentence) for column, sentence in row[4] or ()),
            alteracoes=tuple((column, before, after) for column, before, after in row[5] or ()),
            decisao=decisoes.get(str(row[1])),
            opcoes=tuple((answer, text) for answer, text in row[6] or ()),
        )
        for row in page.rows
    )
    return PaginaLinhas(linhas, page.following, page.preceding)


def lists_with_rows(lote: Lote) -> dict[Ver, bool]:
    """Which lists of a batch have rows. Who is new is counted, not listed: a file of members is a list of them."""
    there = set(
        db.session.scalars(select(ImportacaoLinha.acao).where(ImportacaoLinha.importacao_id == lote.id).distinct())
    )
    hidden = {Ver.NOVOS} if lote.tipo is Tipo.MILITANTES else set()
    return {ver: acao in there and ver not in hidden for ver, acao in _ACOES.items()}


def read_columns(lote: Lote) -> tuple[ColunaLida, ...]:
    """The titles of a batch's file, and how each is read."""
    words = words_of(db.session, lote.tipo)
    return tuple(
        ColunaLida(place, title, tuple(name for name, _ in words.fields_of(title)), words.learnt.get(plain(title)))
        for place, title in enumerate(lote.cabecalho)
        if plain(title) and not is_reasons(title)
    )


def _lote(row: Importacao, criada_por: str | None) -> Lote:
    return Lote(
        id=row.id,
        tipo=row.tipo,
        estado=row.estado,
        arquivo=row.arquivo,
        criada_em=row.criada_em,
        criada_por=criada_por,
        cabecalho=tuple(row.cabecalho),
        avisos=tuple(row.avisos),
        novos=row.novos,
        atualizados=row.atualizados,
        iguais=row.iguais,
        erros=row.erros,
        conflitos=row.conflitos,
        mantidos=row.mantidos,
        mensagem=row.mensagem,
        gravada_em=row.gravada_em,
        desfeita_em=row.desfeita_em,
        motivo=row.motivo,
    )
