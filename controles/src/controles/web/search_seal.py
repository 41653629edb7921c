"""Search terms in addresses: encrypted, since a search term is a person's name or CPF.

Addresses are stored in access logs, browser histories, proxies and bookmarks. An encrypted search can only be opened by
the user who made it, so nobody who reads one of these can open it, even with a login of their own.
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
# The parameter in an address, and the field of the form and the filter that it contains.
PARAMETER, FIELD = "q", "busca"

# Hides the length of a name.
_BLOCK = 32
_NONCE = 12
LONGEST_TOKEN = 4096


class SearchSeal:
    """Encrypts searches with the first key; every key opens."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._ciphers = [AESGCM(key) for key in keys]

    def seal(self, text: str, *, usuario_id: int) -> str:
        """Text for an address; different each time, so that equal searches look different."""
        plain = text.encode("utf-8", "replace")
        nonce = secrets.token_bytes(_NONCE)
        padded = plain + b"\0" * (-len(plain) % _BLOCK)
        return base64.urlsafe_b64encode(nonce + self._ciphers[0].encrypt(nonce, padded, _owner(usuario_id))).decode()

    def open(self, token: str, *, usuario_id: int) -> str | None:
        """The text; None if the token is cut, forged, another user's, or made with an unknown key."""
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
                # A ValueError: it is too short to contain a nonce.
                continue
            return padded.rstrip(b"\0").decode("utf-8")
        return None


def _owner(usuario_id: int) -> bytes:
    return f"usuario {usuario_id}".encode()


def init_app(app: Flask, settings: Settings) -> None:
    """Derive the keys of `app`."""
    app.extensions[EXTENSION] = SearchSeal(key_ring(settings.secret_keys, "busca.endereco"))


def sealed(pairs: Mapping[str, str], *, usuario_id: int) -> dict[str, str]:
    """`pairs` for an address: the search among them is encrypted, the rest stays readable."""
    text = pairs.get(FIELD)
    shown = {name: value for name, value in pairs.items() if name != FIELD}
    return {**shown, PARAMETER: _seal().seal(text, usuario_id=usuario_id)} if text else shown


def opened(args: Mapping[str, str], *, usuario_id: int) -> dict[str, str]:
    """An address's parameters with the search decrypted, or without it if that fails."""
    shown = {name: value for name, value in args.items() if name not in {FIELD, PARAMETER}}
    text = _seal().open(args.get(PARAMETER, ""), usuario_id=usuario_id)
    return {**shown, FIELD: text} if text else shown


def seal_text(text: str, *, usuario_id: int) -> str:
    """Other text for an address of this user, encrypted: the query of a page that is requested later."""
    return _seal().seal(text, usuario_id=usuario_id)


def open_text(token: str, *, usuario_id: int) -> str | None:
    """What `seal_text` was given; None if it cannot be decrypted for this user."""
    return _seal().open(token, usuario_id=usuario_id)


def _seal() -> SearchSeal:
    seal: SearchSeal = current_app.extensions[EXTENSION]
    return seal
