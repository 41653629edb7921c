"""Published users, passwords and keys, from this repository and others, which a real installation must not have."""

import base64
import hashlib
import re
import unicodedata
from dataclasses import dataclass
from functools import cache

# For each role: how many of the test users see the whole organisation, and how many one núcleo.
_WHOLE = (("admin", 2), ("tesouraria", 5), ("secretaria", 4), ("leitura", 3))
_IN_NUCLEO = (("tesouraria", 8), ("secretaria", 5), ("leitura", 3))
_SECRET_BYTES = 20

# The examples in the standards, and in most articles about second factors.
_EXAMPLE_OTP_SECRETS = ("JBSWY3DPEHPK3PXP", "GEZDGNBVGY3TQOJQ")

_WORDS = re.compile(
    r"change.?(me|it|this)|example|exemplo|secret.?key|password|senha|default|insecure|replace|your.?(key|secret)|dev.?key"
    r"|test|teste|trocar|mude.?(me|isto)|controles|xxxx|placeholder|lorem",
    re.IGNORECASE,
)
_RUNS = ("0123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl")
_LONGEST_RUN = 6


@dataclass(frozen=True, slots=True)
class KnownUser:
    """A test user; `local` is the position of a núcleo, from 0; None is the whole organisation."""

    email: str
    nome: str
    papel: str
    local: int | None
    password: str
    totp_secret: str


@cache
def known_users() -> tuple[KnownUser, ...]:
    """The thirty test users, the same on every machine."""
    users = [_user(papel, number, None) for papel, count in _WHOLE for number in range(1, count + 1)]
    users += [_user(papel, number, number - 1) for papel, count in _IN_NUCLEO for number in range(1, count + 1)]
    return tuple(users)


def is_published_email(email: str) -> bool:
    """Whether one of the test users has this address."""
    return email.strip().lower() in _emails()


def is_published_password(password: str) -> bool:
    """Whether one of the test users has this password."""
    return unicodedata.normalize("NFKC", password) in _passwords()


def is_published_otp_secret(secret: str) -> bool:
    """Whether it belongs to a test user, or is made from published examples."""
    return secret in _otp_secrets() or any(secret.startswith(example) for example in _EXAMPLE_OTP_SECRETS)


def looks_made_up(key: str) -> bool:
    """Whether a key was typed or copied from an example, rather than drawn at random.

    A random key of 32 or more letters is mistaken for such a key about once in ten thousand times.
    """
    plain = key.lower()
    if _WORDS.search(plain):
        return True
    runs = (run[start : start + _LONGEST_RUN] for run in _RUNS for start in range(len(run) - _LONGEST_RUN + 1))
    if any(run in plain or run[::-1] in plain for run in runs):
        return True
    # A short text repeated many times is no stronger than the short text.
    return any(plain == (plain[:length] * len(plain))[: len(plain)] for length in range(1, len(plain) // 2 + 1))


@cache
def _emails() -> frozenset[str]:
    return frozenset(user.email for user in known_users())


@cache
def _passwords() -> frozenset[str]:
    return frozenset(user.password for user in known_users())


@cache
def _otp_secrets() -> frozenset[str]:
    return frozenset(user.totp_secret for user in known_users())


def _user(papel: str, number: int, local: int | None) -> KnownUser:
    scope = "nacional" if local is None else "nucleo"
    handle = f"{papel}-{scope}-{number}"
    kind = "Administração" if papel == "admin" else papel.capitalize()
    secret = hashlib.sha256(f"controles test user {handle}".encode()).digest()[:_SECRET_BYTES]
    return KnownUser(
        # example.org is reserved, so no message can reach anybody.
        email=f"{handle}@example.org",
        nome=f"{kind} {'Nacional' if local is None else 'de Núcleo'} {number}",
        papel=papel,
        local=local,
        password=f"teste-{handle}",
        totp_secret=base64.b32encode(secret).decode("ascii"),
    )
