"""Which browsers have completed a login before: a cookie that identifies the device, but does not log anybody in.

For each of the last few people who used this browser, it contains a random number and what it was made for. It is
signed, and becomes worthless when all logins of the person are ended, for example by a new password.
"""

import hashlib
import secrets
from typing import Any

from flask import Response, after_this_request, current_app, request
from itsdangerous import BadData, URLSafeTimedSerializer

from controles.contas.keys import account_keys
from controles.contas.lockout import Origin
from controles.contas.models import Usuario
from controles.db import db

COOKIE = "controles_aparelho"
REMEMBERED_SECONDS = 400 * 24 * 3600
# A computer in an office has several users.
MOST_PEOPLE = 5


def origin_of(email: str) -> Origin:
    """Where this request's attempt to log in as `email` comes from."""
    address = request.remote_addr or ""
    for usuario_id, (device, version) in _people().items():
        usuario = db.session.get(Usuario, usuario_id)
        if usuario is not None and usuario.email == email.strip().lower() and version == _version(usuario):
            return Origin(address, device)
    return Origin(address)


def remember(usuario: Usuario) -> None:
    """Make this browser a known device of `usuario`, who has completed a login in it, with this request's response."""
    people = _people()
    device, _ = people.pop(usuario.id, (secrets.token_urlsafe(12), ""))
    people[usuario.id] = (device, _version(usuario))
    kept = list(people.items())[-MOST_PEOPLE:]
    value = _serializer().dumps([[who, *about] for who, about in kept])

    @after_this_request
    def set_cookie(response: Response) -> Response:
        interface = current_app.session_interface
        response.set_cookie(
            COOKIE,
            value,
            max_age=REMEMBERED_SECONDS,
            secure=interface.get_cookie_secure(current_app),
            httponly=True,
            samesite="Lax",
        )
        return response


def _people() -> dict[int, tuple[str, str]]:
    try:
        entries: Any = _serializer().loads(request.cookies.get(COOKIE, ""), max_age=REMEMBERED_SECONDS)
    except BadData:
        return {}
    return {who: (device, version) for who, device, version in entries}


def _version(usuario: Usuario) -> str:
    return hashlib.sha256(usuario.fs_uniquifier.encode()).hexdigest()[:16]


def _serializer() -> URLSafeTimedSerializer:
    # This class signs with the last one of its keys.
    return URLSafeTimedSerializer(list(reversed(account_keys().device)), salt="controles.aparelho")
