"""Kept forms, encrypted for their user: the table alone reveals nothing."""

import hashlib
import secrets
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import Flask, current_app
from itsdangerous import BadSignature, Signer

from controles.settings.config import Settings
from controles.settings.key_ring import key_ring

EXTENSION = "formularios"
_NONCE = 12
LONGEST = 256 * 1024


class Guardado(msgspec.Struct, frozen=True):
    """A form as it was sent: pairs of name and value, and its errors, by field and as a whole."""

    dados: tuple[tuple[str, str], ...]
    erros: dict[str, tuple[str, ...]] = {}
    geral: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FormSeal:
    """Seals with the first key; every key opens."""

    ciphers: tuple[AESGCM, ...]
    signers: tuple[Signer, ...]

    @classmethod
    def of(cls, keys: Sequence[bytes]) -> "FormSeal":
        return cls(tuple(map(AESGCM, keys)), tuple(Signer(key, salt=b"formulario.dono") for key in keys))

    def seal(self, guardado: Guardado, owner: bytes) -> bytes:
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self.ciphers[0].encrypt(nonce, zlib.compress(msgspec.json.encode(guardado)), owner)

    def open(self, sealed: bytes, owner: bytes) -> Guardado | None:
        """None for another user's form, and for one that was sealed with a key that is no longer known."""
        for cipher in self.ciphers:
            try:
                plain = cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], owner)
            except InvalidTag:
                continue
            return msgspec.json.decode(zlib.decompress(plain), type=Guardado)
        return None

    def sign_owner(self, usuario_id: int) -> str:
        """A mark in a page that says for whom it was made, so that nobody else can keep a form in their name."""
        return self.signers[0].sign(str(usuario_id)).decode()

    def owner(self, signed: str) -> int | None:
        for signer in self.signers:
            try:
                return int(signer.unsign(signed))
            except (BadSignature, ValueError):
                continue
        return None


def init_app(app: Flask, settings: Settings) -> None:
    """Derive the keys of `app`."""
    app.extensions[EXTENSION] = FormSeal.of(key_ring(settings.secret_keys, "formulario.guardado"))


def form_seal() -> FormSeal:
    """The seal of the running application."""
    seal: FormSeal = current_app.extensions[EXTENSION]
    return seal


def digest(token: str) -> bytes:
    """Identifies a row: the token itself is only in its user's address."""
    return hashlib.sha256(token.encode()).digest()
