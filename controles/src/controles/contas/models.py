"""Usuários: who may log in, with which role and for which núcleo; their sessions and failed attempts."""

import datetime as dt
from enum import StrEnum

from flask_security import UserMixin
from sqlalchemy import BigInteger, ForeignKey, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from controles.db import Base, BigId, stored_by_value
from controles.militantes.models import Nucleo


class Papel(StrEnum):
    """A user's role; `contas/permissions.py` says what each role may do."""

    ADMIN = "admin"
    TESOURARIA = "tesouraria"
    SECRETARIA = "secretaria"
    LEITURA = "leitura"


PapelType = stored_by_value(Papel, "papel_valido")


class Usuario(UserMixin, Base):
    __tablename__ = "usuario"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    nome: Mapped[str] = mapped_column(String(160))
    # argon2id
    password: Mapped[str | None] = mapped_column(String(255))
    active: Mapped[bool] = mapped_column(default=True)
    papel: Mapped[Papel] = mapped_column(PapelType, default=Papel.LEITURA)
    # None: the whole organisation.
    nucleo_id: Mapped[int | None] = mapped_column(ForeignKey("nucleo.id"))
    # The session's version: changing it ends all sessions of this user.
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    # "authenticator" once a code has confirmed the second factor; until then the secret waits for its first code.
    tf_primary_method: Mapped[str | None] = mapped_column(String(64))
    # Encrypted by the key ring of contas/totp.py.
    tf_totp_secret: Mapped[str | None] = mapped_column(Text)
    # The time-step of the last accepted code: the same code is not accepted twice.
    totp_last_counter: Mapped[int | None] = mapped_column(BigInteger)
    # Digests of the last applied ADMIN_PASSWORD and ADMIN_OTP_SECRET: a setting is applied only when it changes.
    senha_configurada: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    otp_configurado: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    criado_em: Mapped[dt.datetime | None]

    nucleo: Mapped[Nucleo | None] = relationship()


class CodigoRecuperacao(Base):
    """A code that replaces the second factor once."""

    __tablename__ = "codigo_recuperacao"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    usuario_id: Mapped[int] = mapped_column(ForeignKey("usuario.id"), index=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    usado_em: Mapped[dt.datetime | None]
    # The name of the key that made the digest. None: from before names were stored.
    chave: Mapped[bytes | None] = mapped_column(LargeBinary(4))


class Sessao(Base):
    """A login. The cookie alone is not enough: a copy of it is worthless once the row is ended."""

    __tablename__ = "sessao"

    # SHA-256 of the identifier in the cookie.
    id: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    usuario_id: Mapped[int] = mapped_column(ForeignKey("usuario.id"), index=True)
    criada_em: Mapped[dt.datetime] = mapped_column(index=True)
    encerrada_em: Mapped[dt.datetime | None]


class TentativaEntrada(Base):
    """Failed attempts to log in with one e-mail address from one place, whether or not a user has it."""

    __tablename__ = "tentativa_entrada"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    # Keyed digest of the address as typed and of the place; neither is stored.
    identificador: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    falhas: Mapped[int] = mapped_column(default=0)
    ultima_em: Mapped[dt.datetime] = mapped_column(index=True)
    bloqueado_ate: Mapped[dt.datetime | None]
    # How often in a row this was locked: each lock lasts longer than the previous one.
    bloqueios: Mapped[int] = mapped_column(default=0, server_default="0")


class Convite(Base):
    """An invitation: a link that lets one person make the account that is described here, once."""

    __tablename__ = "convite"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    nome: Mapped[str] = mapped_column(String(160))
    email: Mapped[str] = mapped_column(String(254), index=True)
    papel: Mapped[Papel] = mapped_column(PapelType)
    # None: the whole organisation.
    nucleo_id: Mapped[int | None] = mapped_column(ForeignKey("nucleo.id"))
    # SHA-256 of what the link carries: who reads the table cannot follow it.
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    criado_em: Mapped[dt.datetime]
    criado_por_id: Mapped[int | None] = mapped_column(ForeignKey("usuario.id"))
    expira_em: Mapped[dt.datetime]
    cancelado_em: Mapped[dt.datetime | None]
    aceito_em: Mapped[dt.datetime | None]
    # The account that was made.
    usuario_id: Mapped[int | None] = mapped_column(ForeignKey("usuario.id"))
