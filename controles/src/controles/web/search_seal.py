"""What somebody searches for, as it stands in an address: sealed, since it is the name or the CPF of a person.

Addresses are kept by access logs, browser histories, proxies and bookmarks. A sealed search opens for the user who made
it and for nobody else, so that whoever reads one of these cannot open it with a login of their own either.
"""

import base64
import binascii
import secrets
from collections.abc import Mapping, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import Flask, current_app

from controles.settings.config import Settings
from controles.settings.key_ring import key_ring

EXTENSION = "search_seal"
# The parameter of an address, and the field of the form and of the filter whose text it carries.
PARAMETER, FIELD = "q", "busca"

# Short names and long ones look alike.
_BLOCK = 32
_NONCE = 12
LONGEST_TOKEN = 4096


class SearchSeal:
    """Seals searches with the first key; every key opens."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._ciphers = [AESGCM(key) for key in keys]

    def seal(self, text: str, *, usuario_id: int) -> str:
        """Text for an address; another one each time, so that equal searches cannot be told from different ones."""
        plain = text.encode("utf-8", "replace")
        nonce = secrets.token_bytes(_NONCE)
        padded = plain + b"\0" * (-len(plain) % _BLOCK)
        return base64.urlsafe_b64encode(nonce + self._ciphers[0].encrypt(nonce, padded, _owner(usuario_id))).decode()

    def open(self, token: str, *, usuario_id: int) -> str | None:
        """The text; None for a token that is cut, forged, another user's, or of a key that is not read any more."""
        if len(token) > LONGEST_TOKEN:
            return None
        try:
            sealed = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        except (binascii.Error, UnicodeError):
            return None
        for cipher in self._ciphers:
            try:
                padded = cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], _owner(usuario_id))
            except (InvalidTag, ValueError):
                # A ValueError: too short to hold a nonce.
                continue
            return padded.rstrip(b"\0").decode("utf-8")
        return None


def _owner(usuario_id: int) -> bytes:
    return f"usuario {usuario_id}".encode()


def init_app(app: Flask, settings: Settings) -> None:
    """Derive the keys of `app`."""
    app.extensions[EXTENSION] = SearchSeal(key_ring(settings.secret_keys, "busca.endereco"))


def sealed(pairs: Mapping[str, str], *, usuario_id: int) -> dict[str, str]:
    """`pairs` fit for an address: the search among them is sealed, the rest stays readable."""
    text = pairs.get(FIELD)
    shown = {name: value for name, value in pairs.items() if name != FIELD}
    return {**shown, PARAMETER: _seal().seal(text, usuario_id=usuario_id)} if text else shown


def opened(args: Mapping[str, str], *, usuario_id: int) -> dict[str, str]:
    """An address's parameters with the sealed search in its readable form again, and none if it does not open."""
    shown = {name: value for name, value in args.items() if name not in {FIELD, PARAMETER}}
    text = _seal().open(args.get(PARAMETER, ""), usuario_id=usuario_id)
    return {**shown, FIELD: text} if text else shown


def seal_text(text: str, *, usuario_id: int) -> str:
    """What an address of this user carries unreadable besides a search: the query of a page that is asked for later."""
    return _seal().seal(text, usuario_id=usuario_id)


def open_text(token: str, *, usuario_id: int) -> str | None:
    """What `seal_text` was given; None if it does not open for this user."""
    return _seal().open(token, usuario_id=usuario_id)


def _seal() -> SearchSeal:
    seal: SearchSeal = current_app.extensions[EXTENSION]
    return seal
