"""The keys for accounts, derived once at the start."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app

from controles.contas.totp import OtpVault
from controles.settings.config import Settings
from controles.settings.key_ring import key_ring

EXTENSION = "account_keys"


@dataclass(frozen=True, slots=True)
class AccountKeys:
    """In each tuple the present key is the first one; the others are former keys that are still accepted."""

    otp: OtpVault
    lockout: bytes
    device: tuple[bytes, ...]
    recovery: tuple[bytes, ...]
    applied: tuple[bytes, ...]


def init_app(app: Flask, settings: Settings) -> None:
    """Derive the keys of `app`."""
    ring = settings.secret_keys
    app.extensions[EXTENSION] = AccountKeys(
        otp=OtpVault(key_ring(ring, "conta.otp")),
        lockout=key_ring(ring, "conta.bloqueio")[0],
        device=key_ring(ring, "conta.aparelho"),
        recovery=key_ring(ring, "conta.recuperacao"),
        applied=key_ring(ring, "conta.configurada"),
    )


def account_keys() -> AccountKeys:
    """The keys of the running application."""
    return cast(AccountKeys, current_app.extensions[EXTENSION])


def digest(value: str, key: bytes) -> bytes:
    """Remembers a setting without revealing it."""
    return hmac.digest(key, value.encode(), hashlib.sha256)


def remembers(stored: bytes | None, value: str, keys: Sequence[bytes]) -> bool:
    """Whether `stored` is the digest of `value` under one of the keys."""
    return stored is not None and any(hmac.compare_digest(stored, digest(value, key)) for key in keys)
