"""Tokens of programs, and on which day each read what."""

import datetime as dt

from sqlalchemy import ForeignKey, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from controles.db import Base


class TokenApi(Base):
    """Lets a program read what its user may read, until it expires or is revoked."""

    __tablename__ = "token_api"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    usuario_id: Mapped[int] = mapped_column(ForeignKey("usuario.id"), index=True)
    nome: Mapped[str] = mapped_column(String(60))
    # SHA-256 of the token: who reads the table cannot use it.
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    # The values of `records.Acesso`, separated by spaces.
    acessos: Mapped[str] = mapped_column(String(120))
    criado_em: Mapped[dt.datetime]
    expira_em: Mapped[dt.datetime]
    revogado_em: Mapped[dt.datetime | None]


class UsoApi(Base):
    """A day on which a token read a resource; the first read of each is in the audit."""

    __tablename__ = "uso_api"

    token_id: Mapped[int] = mapped_column(ForeignKey("token_api.id"), primary_key=True)
    recurso: Mapped[str] = mapped_column(String(32), primary_key=True)
    dia: Mapped[dt.date] = mapped_column(primary_key=True)
    # To within some minutes, so that reading does not write each time.
    ultimo_em: Mapped[dt.datetime]
