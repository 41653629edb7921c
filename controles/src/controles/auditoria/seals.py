"""The keys that seal the audit. Without them, whoever can write the database cannot rewrite its past."""

import hashlib
import hmac
from collections.abc import Sequence
from typing import cast

from flask import Flask, current_app

from controles.settings.key_ring import key_ring

EXTENSION = "audit_seals"
_NAME_LENGTH = 4


class Seals:
    """Makes seals with the first key, and checks those of every key."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = {_name(key): key for key in reversed(keys)}
        self.present = _name(keys[0])

    def seal(self, digest: bytes) -> bytes:
        """The present key's seal for a row with this digest."""
        return _seal(self._keys[self.present], digest)

    def knows(self, name: bytes | None) -> bool:
        """Whether the key with this name is known here."""
        return name in self._keys

    def fits(self, name: bytes, digest: bytes, seal: bytes | None) -> bool:
        """Whether `seal` is the seal that the key with this name makes for the digest."""
        return seal is not None and hmac.compare_digest(_seal(self._keys[name], digest), seal)


def init_app(app: Flask, secrets: tuple[str, ...]) -> None:
    """Derive the keys of `app` from its secrets; the first one is the present one."""
    app.extensions[EXTENSION] = Seals(key_ring(secrets, "auditoria.selo"))


def seals() -> Seals:
    """The seals of the running application."""
    return cast(Seals, current_app.extensions[EXTENSION])


def _seal(key: bytes, digest: bytes) -> bytes:
    return hmac.digest(key, b"auditoria\n" + digest, hashlib.sha256)


def _name(key: bytes) -> bytes:
    return hmac.digest(key, b"nome", hashlib.sha256)[:_NAME_LENGTH]
