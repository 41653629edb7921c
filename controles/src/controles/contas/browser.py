"""The login in a browser's cookie: starting it, ending it, and reading it at each request. Its row: `sessions.py`."""

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
# The user's id, for the logs and the cache, which must not query the database for it.
_USER_ID = "usuario_id"
# When the login was last used. It is in the cookie, which is encrypted: an old copy of the cookie does not become
# newer.
_SEEN = "visto"
# How far this time may lag behind. If every answer set a cookie, two answers that cross each other could undo what one
# of them set.
_COARSE = dt.timedelta(minutes=1)


def enter(usuario: Usuario, token: str, *, via: str) -> None:
    """Log this browser in. Nothing else of the cookie's former content is kept."""
    cookie.clear()
    cookie.permanent = True
    login_user(usuario, remember=False, authn_via=["password", via])
    cookie[_TOKEN] = token
    cookie[_USER_ID] = usuario.id
    cookie[_SEEN] = utc_now().timestamp()
    devices.remember(usuario)


def token() -> str:
    """Identifies this browser's login; empty if there is none."""
    return str(cookie.get(_TOKEN, ""))


def leave() -> None:
    """Empty the cookie of a login whose row was ended."""
    logout_user()
    cookie.clear()


def load_user(uniquifier: str, *, length: dt.timedelta, idle: dt.timedelta) -> Leitor | None:
    """The user of this browser's login.

    None if the login was ended, began longer than `length` ago, or was last used longer than `idle` ago, or if the user
    may no longer log in.
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
    """Whether this browser's cookie contains a login. Called when nobody is logged in, so the login has ended."""
    return _TOKEN in cookie
