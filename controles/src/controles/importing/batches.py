"""What users do to a batch: upload a file, define its columns and rows, write it, undo it, discard it.

Each function only records what is to be done; `batch_work` does it in the background.
"""

import datetime as dt
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePath

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from controles.auditoria import audit
from controles.db import MAX_ID, serialise
from controles.domain.domain_errors import Conflict, Invalid, NotFound
from controles.domain.field_checks import one_line
from controles.importing.columns import match_columns, missing_columns
from controles.importing.kinds import KINDS
from controles.importing.models import (
    ColunaLembrada,
    Estado,
    Importacao,
    ImportacaoArquivo,
    ImportacaoLinha,
    Tipo,
)
from controles.importing.reading import open_sheet
from controles.importing.sealing import file_seal
from controles.importing.vocabulary import Vocabulary, plain
from controles.services.transaction import transaction

LARGEST = 24 * 1024 * 1024
LONGEST_REASON = 200
_LONGEST_TITLE = 200


def create_importacao(tipo: Tipo, arquivo: str, conteudo: bytes, *, autor_id: int | None, agora: dt.datetime) -> int:
    """Store a file to be checked; returns the batch's id. Invalid, with a sentence, if it is not a table."""
    if len(conteudo) > LARGEST:
        raise Invalid("arquivo", f"O arquivo tem mais de {LARGEST >> 20} MB; divida-o em partes.")
    with transaction() as session:
        words = words_of(session, tipo)
        header, missing, warnings = _header(conteudo, words)
        importacao = Importacao(
            tipo=tipo,
            estado=Estado.COLUNAS if missing else Estado.A_CONFERIR,
            arquivo=_file_name(arquivo),
            criada_em=agora,
            criada_por_id=autor_id,
            cabecalho=list(header),
            avisos=list(warnings),
            decisoes={},
            mensagem=missing,
        )
        session.add(importacao)
        session.flush()
        sealed = file_seal().seal(conteudo, importacao.id)
        session.add(ImportacaoArquivo(importacao_id=importacao.id, conteudo=sealed))
        _record(session, "importacao.enviar", importacao, autor_id, agora, {"arquivo": importacao.arquivo})
        return importacao.id


def set_columns(
    importacao_id: int, campos: Mapping[int, str | None], *, autor_id: int | None, agora: dt.datetime
) -> None:
    """Define columns, by position, and have the file checked again. The definitions also apply to later files.

    A field's name; "" for a column that is not to be read; None to use its title.
    """
    with transaction() as session:
        importacao = _locked(session, importacao_id)
        _require(importacao, Estado.COLUNAS, Estado.CONFERIDA)
        kind = KINDS[importacao.tipo]
        if any(campo and campo not in kind.fields for campo in campos.values()):
            raise Invalid("", "Escolha para cada coluna um dos campos da lista.")
        said = {
            plain(title)[:_LONGEST_TITLE]: campos[place]
            for place, title in enumerate(importacao.cabecalho)
            if place in campos and plain(title)
        }
        for title, campo in said.items():
            session.execute(
                delete(ColunaLembrada).where(ColunaLembrada.tipo == importacao.tipo, ColunaLembrada.titulo == title),
                execution_options={"synchronize_session": False},
            )
            if campo is not None:
                session.add(ColunaLembrada(tipo=importacao.tipo, titulo=title, campo=campo))
        session.flush()
        columns = match_columns(tuple(importacao.cabecalho), words_of(session, importacao.tipo))
        importacao.mensagem = missing_columns(columns) if columns.missing else None
        _wait(importacao, Estado.COLUNAS if columns.missing else Estado.A_CONFERIR)
        _record(session, "importacao.colunas", importacao, autor_id, agora, {"colunas": said})


def decide(importacao_id: int, decisoes: Mapping[int, str], *, autor_id: int | None, agora: dt.datetime) -> None:
    """Say who the rows in conflict are about, and have the file checked again."""
    if not decisoes:
        raise Invalid("", "Marque em cada linha a decidir uma das respostas.")
    with transaction() as session:
        importacao = _locked(session, importacao_id)
        _require(importacao, Estado.CONFERIDA)
        asked = session.execute(
            select(ImportacaoLinha.numero, ImportacaoLinha.opcoes).where(
                ImportacaoLinha.importacao_id == importacao_id, ImportacaoLinha.numero.in_(list(decisoes))
            )
        )
        offered = {numero: {answer for answer, _ in opcoes or ()} for numero, opcoes in asked}
        said = {str(numero): answer for numero, answer in decisoes.items() if answer in offered.get(numero, ())}
        if not said:
            raise Invalid("", "Marque em cada linha a decidir uma das respostas.")
        importacao.decisoes = {**importacao.decisoes, **said}
        _wait(importacao, Estado.A_CONFERIR)
        _record(session, "importacao.decidir", importacao, autor_id, agora, {"linhas": said})


def write_importacao(importacao_id: int, *, so_validas: bool, autor_id: int | None, agora: dt.datetime) -> None:
    """Have the valid rows written. Conflict if there are other rows and `so_validas` is not set."""
    with transaction() as session:
        importacao = _locked(session, importacao_id)
        _require(importacao, Estado.CONFERIDA)
        if importacao.erros + importacao.conflitos and not so_validas:
            raise Conflict("Há linhas com erro ou a decidir; corrija-as, ou grave só as certas.")
        if not importacao.novos + importacao.atualizados:
            raise Conflict("Não há nada a gravar neste arquivo.")
        importacao.so_validas = so_validas
        importacao.criada_por_id = autor_id
        _wait(importacao, Estado.A_GRAVAR)
        _record(session, "importacao.gravar", importacao, autor_id, agora, {"so_validas": so_validas})


def undo_importacao(importacao_id: int, *, motivo: str, autor_id: int | None, agora: dt.datetime) -> None:
    """Have what was written undone, except where something else depends on it."""
    reason = one_line("motivo", motivo, longest=LONGEST_REASON)
    if reason is None:
        raise Invalid("motivo", "Escreva o motivo; ele fica na auditoria.")
    with transaction() as session:
        importacao = _locked(session, importacao_id)
        _require(importacao, Estado.GRAVADA)
        importacao.motivo, importacao.desfeita_por_id = reason, autor_id
        _wait(importacao, Estado.A_DESFAZER)
        _record(session, "importacao.desfazer", importacao, autor_id, agora, {"motivo": reason})


def discard_importacao(importacao_id: int, *, autor_id: int | None, agora: dt.datetime) -> None:
    """Discard a file that was not written; the batch itself stays in the list."""
    with transaction() as session:
        importacao = _locked(session, importacao_id)
        _require(importacao, Estado.COLUNAS, Estado.CONFERIDA, Estado.RECUSADA)
        importacao.estado = Estado.DESCARTADA
        forget_file(session, importacao_id)
        session.execute(
            delete(ImportacaoLinha).where(ImportacaoLinha.importacao_id == importacao_id),
            execution_options={"synchronize_session": False},
        )
        _record(session, "importacao.descartar", importacao, autor_id, agora, {})


def forget_file(session: Session, importacao_id: int) -> None:
    """Delete the file's bytes, because they are no longer needed."""
    session.execute(
        delete(ImportacaoArquivo).where(ImportacaoArquivo.importacao_id == importacao_id),
        execution_options={"synchronize_session": False},
    )


def words_of(session: Session, tipo: Tipo) -> Vocabulary:
    """The vocabulary for this kind of file, with the meanings of titles that users have defined."""
    rows = session.execute(select(ColunaLembrada.titulo, ColunaLembrada.campo).where(ColunaLembrada.tipo == tipo))
    return KINDS[tipo].words.with_learnt({row.titulo: row.campo for row in rows})


def _header(conteudo: bytes, words: Vocabulary) -> tuple[tuple[str, ...], str | None, tuple[str, ...]]:
    """The titles, a sentence that names missing columns, and sentences about what will not be read."""
    with tempfile.TemporaryDirectory(prefix="controles-") as folder:
        path = Path(folder) / "arquivo"
        path.write_bytes(conteudo)
        try:
            with open_sheet(path, words.knows) as sheet:
                columns = match_columns(sheet.header, words)
                missing = missing_columns(columns) if columns.missing else None
                return sheet.header, missing, (*sheet.warnings, *columns.warnings)
        except Invalid as error:
            raise Invalid("arquivo", error.message) from None


def _file_name(arquivo: str) -> str:
    name = PurePath(arquivo.replace("\\", "/")).name
    return (one_line("arquivo", name[:120], longest=120) or "sem nome")[:120]


def _locked(session: Session, importacao_id: int) -> Importacao:
    serialise(session.connection(), f"importacao:{importacao_id}")
    found = session.get(Importacao, importacao_id, populate_existing=True) if 0 < importacao_id <= MAX_ID else None
    if found is None:
        raise NotFound("Importação não encontrada.")
    return found


def _require(importacao: Importacao, *estados: Estado) -> None:
    if importacao.estado not in estados:
        raise Conflict("Esta importação mudou de estado depois que você abriu a página; veja como está agora.")


def _wait(importacao: Importacao, estado: Estado) -> None:
    importacao.estado = estado
    importacao.tentativas = 0
    importacao.trabalho = None


def _record(
    session: Session,
    acao: str,
    importacao: Importacao,
    autor_id: int | None,
    agora: dt.datetime,
    depois: Mapping[str, object],
) -> None:
    audit.record(
        session,
        acao=acao,
        tabela="importacao",
        registro_id=importacao.id,
        depois={"tipo": importacao.tipo, **depois},
        usuario_id=autor_id,
        agora=agora,
    )
