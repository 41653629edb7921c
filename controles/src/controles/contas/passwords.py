"""Passwords: argon2id through Flask-Security, with the same work for a user who does not exist."""

import unicodedata
from functools import cache

from flask_security import hash_password as _hash
from flask_security import verify_password as _verify

LONGEST = 256


def hash_password(password: str) -> str:
    """The argon2id hash to store."""
    return str(_hash(_normalised(password)))


def password_fits(password: str, stored: str | None) -> bool:
    """Whether the password is right; takes the same time if there is none to compare with."""
    fits = _verify(_normalised(password), stored or _nobody())
    return bool(fits) and stored is not None


def _normalised(password: str) -> str:
    # The same characters may be typed as different code points on two systems.
    return unicodedata.normalize("NFKC", password)


@cache
def _nobody() -> str:
    return hash_password("nobody has this one")
