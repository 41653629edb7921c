"""Usuários: who may log in, with which role, and over which núcleo; and what remembers their sessions and failures."""

import datetime as dt
from enum import StrEnum

from flask_security import UserMixin
from sqlalchemy import BigInteger, Enum, ForeignKey, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from controles.db import Base, BigId
from controles.militantes.models import Nucleo


class Papel(StrEnum):
    """A user's role; what each may do stands in `contas/permissions.py`."""

    ADMIN = "admin"
    TESOURARIA = "tesouraria"
    SECRETARIA = "secretaria"
    LEITURA = "leitura"


PapelType = Enum(
    Papel,
    native_enum=False,
    length=16,
    values_callable=lambda kind: [member.value for member in kind],
    create_constraint=True,
    name="papel_valido",
)


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
    # The session's version: changing it ends every session of this user.
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    # "authenticator" once a code has confirmed the second factor; until then the secret waits for that first code.
    tf_primary_method: Mapped[str | None] = mapped_column(String(64))
    # Encrypted by the key ring of contas/totp.py.
    tf_totp_secret: Mapped[str | None] = mapped_column(Text)
    # The last time-step a code was accepted for: the same code is not accepted twice.
    totp_last_counter: Mapped[int | None] = mapped_column(BigInteger)
    # Digests of the ADMIN_PASSWORD and ADMIN_OTP_SECRET last applied: only a changed setting is applied again.
    senha_configurada: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    otp_configurado: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    criado_em: Mapped[dt.datetime | None]

    nucleo: Mapped[Nucleo | None] = relationship()


class CodigoRecuperacao(Base):
    """A code that stands in for the second factor once."""

    __tablename__ = "codigo_recuperacao"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    usuario_id: Mapped[int] = mapped_column(ForeignKey("usuario.id"), index=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    usado_em: Mapped[dt.datetime | None]
    # The name of the key that made the digest. None: from before names were kept.
    chave: Mapped[bytes | None] = mapped_column(LargeBinary(4))


class Sessao(Base):
    """A login. The cookie alone is not enough: a copy of it is worth nothing once the row is ended."""

    __tablename__ = "sessao"

    # SHA-256 of the identifier in the cookie.
    id: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    usuario_id: Mapped[int] = mapped_column(ForeignKey("usuario.id"), index=True)
    criada_em: Mapped[dt.datetime] = mapped_column(index=True)
    encerrada_em: Mapped[dt.datetime | None]


class TentativaEntrada(Base):
    """Failed attempts to log in as one e-mail address from one place, whether a user has it or not."""

    __tablename__ = "tentativa_entrada"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    # Keyed digest of the address as typed and of the place: neither is kept.
    identificador: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    falhas: Mapped[int] = mapped_column(default=0)
    ultima_em: Mapped[dt.datetime] = mapped_column(index=True)
    bloqueado_ate: Mapped[dt.datetime | None]
    # How often in a row this has been locked: each lock lasts longer than the one before.
    bloqueios: Mapped[int] = mapped_column(default=0, server_default="0")
