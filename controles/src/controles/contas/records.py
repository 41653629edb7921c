"""Who is at the keyboard, as each request needs to know it."""

import datetime as dt
from dataclasses import dataclass

from controles.contas.models import Papel


@dataclass(frozen=True, slots=True, kw_only=True)
class Leitor:
    """The user of a login that goes on, under the names that Flask-Login and Flask-Security ask for.

    desde: when the login began. fs_uniquifier: the session version that its cookie must carry.
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
        """What names this session in the cookie."""
        return self.fs_uniquifier


@dataclass(frozen=True, slots=True, kw_only=True)
class LinhaUsuario:
    """A user as the administration sees them.

    celular: whether a second factor is confirmed. sessoes: logins that nobody has ended and that are not too old;
    ultima_entrada: the newest login that is still on record.
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
