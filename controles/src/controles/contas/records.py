"""The logged-in user, as each request needs it."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from controles.contas.models import Papel


@dataclass(frozen=True, slots=True, kw_only=True)
class Leitor:
    """The user of a current login, with the attributes that Flask-Login and Flask-Security need.

    desde: when the login began. fs_uniquifier: the session version that its cookie must have.
    """

    id: int
    email: str
    nome: str
    papel: Papel
    nucleo_id: int | None
    fs_uniquifier: str
    desde: dt.datetime

    is_authenticated = True
    is_active = True
    is_anonymous = False
    # A role is a column here, not a row.
    roles = ()

    def get_id(self) -> str:
        """Identifies this session in the cookie."""
        return self.fs_uniquifier


@dataclass(frozen=True, slots=True, kw_only=True)
class LinhaUsuario:
    """A user as administrators see them.

    celular: whether a second factor is confirmed. sessoes: logins that were not ended and are not too old;
    ultima_entrada: the newest login on record.
    """

    id: int
    nome: str
    email: str
    papel: Papel
    nucleo_id: int | None
    nucleo: str | None
    ativo: bool
    celular: bool
    sessoes: int
    ultima_entrada: dt.datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NovoConvite:
    """Whom an invitation is for, and what the account may do. `nucleo_id` None: the whole organisation."""

    nome: str
    email: str
    papel: Papel
    nucleo_id: int | None


class EstadoConvite(StrEnum):
    A_ESPERA = "a_espera"
    ACEITO = "aceito"
    CANCELADO = "cancelado"
    EXPIRADO = "expirado"
    # Whoever invited may not do so any more, so the link opens nothing.
    SEM_EFEITO = "sem_efeito"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinhaConvite:
    """An invitation as a page shows it."""

    id: int
    nome: str
    email: str
    papel: Papel
    nucleo: str | None
    estado: EstadoConvite
    criado_em: dt.datetime
    criado_por: str | None
    expira_em: dt.datetime
    usuario_id: int | None
