"""The session cookie, encrypted: neither the browser nor a copy of its profile reveals its content.

Flask only signs it, so anybody could read a message that waits to be shown, or the page that was requested.
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
    """The two methods that Flask needs of a serializer."""

    def __init__(self, keys: tuple[bytes, ...]) -> None:
        self._fernet = MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])

    def dumps(self, values: dict[str, Any]) -> str:
        return self._fernet.encrypt(session_json_serializer.dumps(values).encode()).decode("ascii")

    def loads(self, cookie: str, *, max_age: int | None = None) -> Any:
        """BadSignature for a cookie that is forged, too old, or made with an unknown key; Flask then starts an empty
        session."""
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
    """Encrypt the session cookie of `app`; former keys can still be read."""
    app.session_interface = SealedSessions(key_ring(settings.secret_keys, "sessao.cookie"), settings.cookie_secure)
