"""Auditoria: an append-only, hash-chained record of every change."""

import datetime as dt
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from controles.db import Base, BigId


class Auditoria(Base):
    __tablename__ = "auditoria"
    __table_args__ = (Index("ix_auditoria_tabela_registro_id", "tabela", "registro_id"),)

    # Numbered by the chain, 1, 2, 3 …: a gap means that a row was removed.
    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    quando: Mapped[dt.datetime]
    usuario_id: Mapped[int | None] = mapped_column(ForeignKey("usuario.id"))
    # e.g. "militante.criar", "pagamento.estornar", "conta.entrar"
    acao: Mapped[str] = mapped_column(String(60))
    tabela: Mapped[str | None] = mapped_column(String(60))
    registro_id: Mapped[int | None] = mapped_column(BigInteger)
    # Field by field; personal numbers masked.
    antes: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    depois: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    # SHA-256 over the previous row's digest and this row: a changed or missing row breaks the chain. Unique, so that no
    # two rows can follow the same one.
    digest_anterior: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    # The digest sealed with a key that is not in the database, and the key's name. None: from before there were seals.
    chave: Mapped[bytes | None] = mapped_column(LargeBinary(4))
    selo: Mapped[bytes | None] = mapped_column(LargeBinary(32))


class AuditoriaOculta(Base):
    """A row whose texts name somebody who was anonymised: it cannot be rewritten, so its texts are not shown."""

    __tablename__ = "auditoria_oculta"

    auditoria_id: Mapped[int] = mapped_column(ForeignKey("auditoria.id"), primary_key=True, autoincrement=False)


class AuditoriaPonta(Base):
    """The end of the chain, one row. Locked by whoever appends; reveals if rows were cut off the end."""

    __tablename__ = "auditoria_ponta"
    __table_args__ = (CheckConstraint("id = 1", name="uma_linha"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    ultimo_id: Mapped[int] = mapped_column(BigInteger)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))


class Instalacao(Base):
    """One row, written once production has been started on this database."""

    __tablename__ = "instalacao"
    __table_args__ = (CheckConstraint("id = 1", name="uma_linha"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    ambiente: Mapped[str] = mapped_column(String(20))
