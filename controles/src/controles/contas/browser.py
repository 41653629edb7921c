"""The login in a browser's cookie: begun, ended, and known again at each request. Its row is in `sessions.py`."""

import datetime as dt

from flask import session as cookie
from flask_security import login_user, logout_user

from controles.contas import devices
from controles.contas.models import Usuario
from controles.contas.queries import get_leitor
from controles.contas.records import Leitor
from controles.contas.sessions import digest
from controles.domain.clock import utc_now

_TOKEN = "sid"  # noqa: S105 - the name of a field
# Whose it is: for the logs, which must not ask who this is, and for the cache.
_USER_ID = "usuario_id"
# When it was last used. In the cookie, which is sealed: an old copy of it stays as idle as it was.
_SEEN = "visto"
# How much later than a page was asked for the cookie may say so, at most: a cookie with every answer would let two
# answers that cross each other undo what one of them set.
_COARSE = dt.timedelta(minutes=1)


def enter(usuario: Usuario, token: str, *, via: str) -> None:
    """Make this browser the one that is logged in. Nothing of what the cookie held before stays."""
    cookie.clear()
    cookie.permanent = True
    login_user(usuario, remember=False, authn_via=["password", via])
    cookie[_TOKEN] = token
    cookie[_USER_ID] = usuario.id
    cookie[_SEEN] = utc_now().timestamp()
    devices.remember(usuario)


def token() -> str:
    """What names this browser's login; empty without one."""
    return str(cookie.get(_TOKEN, ""))


def leave() -> None:
    """Empty the cookie of a login whose row was ended."""
    logout_user()
    cookie.clear()


def load_user(uniquifier: str, *, length: dt.timedelta, idle: dt.timedelta) -> Leitor | None:
    """The user of this browser's login.

    None if it was ended, began longer than `length` ago, was last used longer than `idle` ago, or the user may not come
    in any more.
    """
    token, usuario_id = cookie.get(_TOKEN), cookie.get(_USER_ID)
    if not token or not isinstance(usuario_id, int):
        return None
    agora = utc_now()
    unused = agora - dt.datetime.fromtimestamp(cookie.get(_SEEN, 0.0), dt.UTC)
    if unused >= idle:
        return None
    leitor = get_leitor(usuario_id, digest(token))
    if leitor is None or leitor.fs_uniquifier != uniquifier or leitor.desde <= agora - length:
        return None
    if unused >= min(_COARSE, idle / 10):
        cookie[_SEEN] = agora.timestamp()
    return leitor


def has_ended() -> bool:
    """Whether this browser's cookie is that of a login; asked where nobody is logged in, so of one that ended."""
    return _TOKEN in cookie
