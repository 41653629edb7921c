"""Uploaded files: each is a batch that is checked, written, and can be undone."""

import datetime as dt
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from controles.db import Base, BigId, stored_by_value


class Tipo(StrEnum):
    """What a file contains."""

    MILITANTES = "militantes"
    PAGAMENTOS = "pagamentos"
    SALDOS = "saldos"


class Estado(StrEnum):
    """The progress of a batch. States that begin with `A_` wait for the work in the background, or are being done."""

    COLUNAS = "colunas"
    A_CONFERIR = "a_conferir"
    CONFERIDA = "conferida"
    A_GRAVAR = "a_gravar"
    GRAVADA = "gravada"
    A_DESFAZER = "a_desfazer"
    DESFEITA = "desfeita"
    RECUSADA = "recusada"
    DESCARTADA = "descartada"


AT_WORK = frozenset({Estado.A_CONFERIR, Estado.A_GRAVAR, Estado.A_DESFAZER})


class Importacao(Base):
    """A batch. Its numbers are those of its last check or, once it is written, of what was written."""

    __tablename__ = "importacao"

    id: Mapped[int] = mapped_column(primary_key=True)
    tipo: Mapped[Tipo] = mapped_column(stored_by_value(Tipo, "tipo_valido"))
    estado: Mapped[Estado] = mapped_column(stored_by_value(Estado, "estado_valido"), index=True)
    arquivo: Mapped[str] = mapped_column(String(120))
    criada_em: Mapped[dt.datetime]
    criada_por_id: Mapped[int | None] = mapped_column(ForeignKey("usuario.id"))
    # The file's titles in order, and sentences about what is not read.
    cabecalho: Mapped[list[str]] = mapped_column(JSON, default=list)
    avisos: Mapped[list[str]] = mapped_column(JSON, default=list)
    # Row number, as text, → the decision who it is about.
    decisoes: Mapped[dict[str, str]] = mapped_column(JSON, default=dict)
    so_validas: Mapped[bool] = mapped_column(default=False)
    novos: Mapped[int] = mapped_column(default=0)
    atualizados: Mapped[int] = mapped_column(default=0)
    iguais: Mapped[int] = mapped_column(default=0)
    erros: Mapped[int] = mapped_column(default=0)
    conflitos: Mapped[int] = mapped_column(default=0)
    # How many were left as they are when it was undone, because somebody has used or changed them since.
    mantidos: Mapped[int] = mapped_column(default=0)
    mensagem: Mapped[str | None] = mapped_column(String(500))
    gravada_em: Mapped[dt.datetime | None]
    desfeita_em: Mapped[dt.datetime | None]
    # Who undoes it, and why.
    desfeita_por_id: Mapped[int | None] = mapped_column(ForeignKey("usuario.id"))
    motivo: Mapped[str | None] = mapped_column(String(200))
    # The name of the worker; and how often a worker began and did not finish.
    trabalho: Mapped[str | None] = mapped_column(String(64))
    tentativas: Mapped[int] = mapped_column(default=0)


class ImportacaoArquivo(Base):
    """A batch's file, compressed and encrypted; deleted when the batch is undone or discarded."""

    __tablename__ = "importacao_arquivo"

    importacao_id: Mapped[int] = mapped_column(ForeignKey("importacao.id"), primary_key=True)
    conteudo: Mapped[bytes] = mapped_column(LargeBinary)


class ImportacaoLinha(Base):
    """A row that needs attention, or that was written: its faults, its changes, and the record that it created."""

    __tablename__ = "importacao_linha"
    __table_args__ = (
        UniqueConstraint("importacao_id", "numero"),
        Index("ix_importacao_linha_acao", "importacao_id", "acao", "numero"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    importacao_id: Mapped[int] = mapped_column(ForeignKey("importacao.id"))
    numero: Mapped[int]
    acao: Mapped[str] = mapped_column(String(16))
    # The name of the person that it is about.
    de: Mapped[str | None] = mapped_column(String(200))
    # Pairs of column and sentence.
    falhas: Mapped[list[Any] | None] = mapped_column(JSON)
    # Triples of column, before, and after.
    alteracoes: Mapped[list[Any] | None] = mapped_column(JSON)
    # The record that it created or changed, and its former values.
    registro_id: Mapped[int | None] = mapped_column(BigId)
    antes: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    # The answers that a conflict can have: pairs of what is stored and what the page says.
    opcoes: Mapped[list[Any] | None] = mapped_column(JSON)


class ColunaLembrada(Base):
    """The meaning of a title that a user defined, for the next file of its kind; `campo` empty: it is not read."""

    __tablename__ = "coluna_lembrada"

    tipo: Mapped[Tipo] = mapped_column(stored_by_value(Tipo, "tipo_valido"), primary_key=True)
    titulo: Mapped[str] = mapped_column(String(200), primary_key=True)
    campo: Mapped[str] = mapped_column(String(40))
