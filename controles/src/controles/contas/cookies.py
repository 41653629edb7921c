"""Whether a cookie may go over plain HTTP."""

from urllib.parse import urlsplit

from flask import Flask, has_request_context, request
from flask.sessions import SecureCookieSessionInterface

from controles.settings.config_values import SecureCookies

_THIS_MACHINE = frozenset({"127.0.0.1", "localhost", "::1"})
_FROM_A_PROXY = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded", "Via", "X-Real-IP")


class CookieSessions(SecureCookieSessionInterface):
    """Flask's own sessions, with a cookie that COOKIE_SECURE limits to HTTPS."""

    def __init__(self, secure: SecureCookies) -> None:
        self._secure = secure

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002
        """Whether the cookie of the present response is limited to HTTPS."""
        if self._secure is SecureCookies.AUTO:
            return not (has_request_context() and _stays_on_this_machine())
        return self._secure is SecureCookies.ALWAYS


def _stays_on_this_machine() -> bool:
    """Whether the browser speaks plain HTTP to an address of its own machine, as far as this can be known.

    A proxy may call its upstream 127.0.0.1 whatever address the browser requested. The origin, which a browser sends
    with every form, or headers that proxies add reveal that.
    """
    if request.is_secure or any(name in request.headers for name in _FROM_A_PROXY):
        return False
    addresses = [f"//{request.host}", *request.headers.getlist("Origin"), *request.headers.getlist("Referer")]
    return all(_is_local(address) for address in addresses)


def _is_local(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in {"", "http"} and parts.hostname in _THIS_MACHINE
