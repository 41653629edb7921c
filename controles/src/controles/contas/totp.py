"""The second factor: secrets that are encrypted at rest, and codes that are valid once."""

import base64
import datetime as dt
from collections.abc import Sequence
from urllib.parse import quote, urlencode

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from passlib.exc import TokenError
from passlib.totp import TOTP

ISSUER = "Controles"
PERIOD = 30
DIGITS = 6
# One step before and after the present one: clocks of phones are seldom wrong by more.
DRIFT = 30


class OtpSecretUnreadableError(ValueError):
    """A stored secret that no key opens, or that belongs to another user."""


class OtpVault:
    """Seals each user's secret for the database. The first key seals, every key opens."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._fernets = [Fernet(base64.urlsafe_b64encode(key)) for key in keys]
        self._fernet = MultiFernet(self._fernets)

    def seal(self, secret: str, *, usuario_id: int) -> str:
        """Text for the database. It opens only for this user: copied to another row it is refused."""
        return self._fernet.encrypt(f"{usuario_id}:{secret}".encode()).decode("ascii")

    def open(self, sealed: str, *, usuario_id: int) -> str:
        """The base32 secret; raises OtpSecretUnreadableError."""
        try:
            owner, _, secret = self._fernet.decrypt(sealed.encode()).decode().partition(":")
        except InvalidToken as error:
            raise OtpSecretUnreadableError(
                "A stored second factor does not open: SECRET_KEY has changed. Start with the former key in "
                "SECRET_KEY_FALLBACKS, or let the user enrol again."
            ) from error
        if owner != str(usuario_id):
            raise OtpSecretUnreadableError(f"The second factor stored for user {usuario_id} belongs to user {owner}.")
        return secret

    def is_current(self, sealed: str) -> bool:
        """Whether the present key sealed it, rather than a former or unknown one."""
        try:
            self._fernets[0].decrypt(sealed.encode())
        except InvalidToken:
            return False
        return True


def matching_step(secret: str, code: str, *, agora: dt.datetime) -> int | None:
    """The time-step near `agora` that the code belongs to, if any. Does not check whether it was used already."""
    try:
        found = TOTP(key=secret, format="base32").match(code, time=agora, window=DRIFT)
    except TokenError:
        return None
    return int(found.counter)


def code_at(secret: str, instant: dt.datetime) -> str:
    """The six digits that an authenticator shows at `instant`."""
    return str(TOTP(key=secret, format="base32").generate(time=instant).token)


def seconds_left(instant: dt.datetime) -> int:
    """For how long the code of `instant` is still accepted: while it is shown, and one step more."""
    return PERIOD - int(instant.timestamp()) % PERIOD + DRIFT


def otpauth_uri(secret: str, *, account: str) -> str:
    """The content of the QR code for authenticators."""
    label = quote(f"{ISSUER}:{account}", safe="@")
    return f"otpauth://totp/{label}?" + urlencode(
        {"secret": secret, "issuer": ISSUER, "algorithm": "SHA1", "digits": DIGITS, "period": PERIOD}
    )


def spaced(secret: str) -> str:
    """The secret in groups of four, for typing."""
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))
