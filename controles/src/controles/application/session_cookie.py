"""The session cookie, sealed: whoever holds it, the browser or a copy of its profile, reads nothing in it.

Flask only signs it, so that a message waiting to be shown, or a page that is wanted, could be read by anybody.
"""

import base64
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from flask import Flask
from flask.sessions import session_json_serializer
from itsdangerous import BadSignature

from controles.contas.cookies import CookieSessions
from controles.settings.config import Settings
from controles.settings.config_values import SecureCookies
from controles.settings.key_ring import key_ring


class _Sealer:
    """What Flask asks of a serializer: two methods."""

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        self._fernet = MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])

    def dumps(self, values: dict[str, Any]) -> str:
        return self._fernet.encrypt(session_json_serializer.dumps(values).encode()).decode("ascii")

    def loads(self, cookie: str, *, max_age: int | None = None) -> Any:
        """BadSignature, which Flask takes for an empty session, for a cookie that is forged, of other keys, or old."""
        try:
            plain = self._fernet.decrypt(cookie.encode(), ttl=max_age)
        except (InvalidToken, UnicodeError) as error:
            raise BadSignature("the session cookie does not open") from error
        return session_json_serializer.loads(plain.decode())


class SealedSessions(CookieSessions):
    """Flask's sessions in a sealed cookie."""

    def __init__(self, keys: tuple[bytes, ...], secure: SecureCookies) -> None:
        super().__init__(secure)
        self._sealer = _Sealer(keys)

    def get_signing_serializer(self, app: Flask) -> Any:  # noqa: ARG002 - what Flask calls it with
        return self._sealer


def init_app(app: Flask, settings: Settings) -> None:
    """Seal the session cookie of `app`; former keys are still read."""
    app.session_interface = SealedSessions(key_ring(settings.secret_keys, "sessao.cookie"), settings.cookie_secure)
