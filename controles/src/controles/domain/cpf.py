"""The CPF, Brazil's personal tax number: its check digits, how it is displayed, and how it is encrypted at rest."""

import hashlib
import hmac
import re
from operator import mul
from typing import cast

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app

LENGTH = 11
_PUNCTUATION = re.compile(r"[.\-/\s]")
_DIGITS = re.compile(r"[0-9]{11}")

_KEY_ID_LENGTH = 4
_SHORTEST_KEY = 16
# Limits a ciphertext to this use: the same key does not open it elsewhere.
_CONTEXT = b"controles.militante.cpf"


class CpfUnreadableError(ValueError):
    """A stored CPF that none of the vault's keys opens."""


def check_digits(base: str) -> str:
    """The two digits that follow the nine of `base`."""
    digits = list(map(int, base))
    for length in (9, 10):
        digits.append(sum(map(mul, digits, range(length + 1, 1, -1))) * 10 % 11 % 10)
    return f"{digits[9]}{digits[10]}"


def is_valid(cpf: str) -> bool:
    """Whether `cpf`, with or without punctuation, has eleven digits with valid check digits. Repeated digits are
    invalid."""
    digits = _PUNCTUATION.sub("", cpf)
    if not _DIGITS.fullmatch(digits) or digits == digits[0] * LENGTH:
        return False
    return check_digits(digits[:9]) == digits[9:]


def normalise(cpf: str) -> str:
    """The eleven digits of a valid `cpf`; ValueError with a sentence in Portuguese for any other text."""
    digits = _PUNCTUATION.sub("", cpf)
    if not _DIGITS.fullmatch(digits):
        raise ValueError("O CPF precisa ter 11 dígitos, por exemplo 123.456.789-09.")
    if not is_valid(digits):
        raise ValueError("Os dígitos verificadores do CPF não conferem; confira o número digitado.")
    return digits


def mask(cpf: str) -> str:
    """`12345678909` → "***.456.789-**", as Brazilian public lists show it."""
    digits = _PUNCTUATION.sub("", cpf)
    return f"***.{digits[3:6]}.{digits[6:9]}-**"


class CpfVault:
    """Encrypts CPFs, and makes the digests by which they are found.

    Encryption is AES-SIV: authenticated, and without a nonce that could repeat, because the same CPF with the same key
    gives the same bytes. That reveals equality, which the unique digest reveals anyway. The encrypted bytes begin with
    four bytes that name the key. After a change of keys, `previous` keys still open old rows and find them by their
    digests, until `flask rotate-keys` has rewritten each row. Encryption, digest and name use separately derived keys
    (HKDF-SHA256), so none reveals another.
    """

    def __init__(self, key: bytes, *, previous: tuple[bytes, ...] = ()) -> None:
        self._key_id, self._cipher = _encryption(key)
        self._ciphers = dict(_encryption(old) for old in previous) | {self._key_id: self._cipher}
        self._digest_keys = tuple(_derive(one, b"digest", 32) for one in (key, *previous))

    def encrypt(self, cpf: str) -> bytes:
        """The encrypted CPF; ValueError if it is not a valid one."""
        return self._key_id + self._cipher.encrypt(normalise(cpf).encode("ascii"), [_CONTEXT, self._key_id])

    def decrypt(self, stored: bytes) -> str:
        """The eleven digits; CpfUnreadableError if the bytes were changed or their key is unknown."""
        key_id, sealed = stored[:_KEY_ID_LENGTH], stored[_KEY_ID_LENGTH:]
        cipher = self._ciphers.get(key_id)
        if cipher is None:
            raise CpfUnreadableError(
                "A stored CPF was encrypted with a key that this process does not have: CPF_KEY (or SECRET_KEY, from "
                "which it is derived) has changed. Start again with the former key, or pass it as a previous one."
            )
        try:
            return cipher.decrypt(sealed, [_CONTEXT, key_id]).decode("ascii")
        except (InvalidTag, ValueError) as error:
            raise CpfUnreadableError(
                "A stored CPF does not open with its key: the row was changed outside of the application. "
                "Restore it from a backup."
            ) from error

    def is_current(self, stored: bytes) -> bool:
        """Whether `stored` was encrypted with the present key, rather than a previous one."""
        return stored[:_KEY_ID_LENGTH] == self._key_id

    def digest(self, cpf: str) -> bytes:
        """32 bytes that are equal for equal CPFs, and useless without the key; ValueError for an invalid CPF."""
        return self.digests(cpf)[0]

    def digests(self, cpf: str) -> tuple[bytes, ...]:
        """The digests by every key, the present one's first: rows from before a change of keys have another digest."""
        plain = normalise(cpf).encode("ascii")
        return tuple(hmac.digest(key, plain, hashlib.sha256) for key in self._digest_keys)


def vault() -> CpfVault:
    """The vault of the running application."""
    return cast(CpfVault, current_app.extensions["cpf_vault"])


def _derive(key: bytes, purpose: bytes, length: int) -> bytes:
    if len(key) < _SHORTEST_KEY:
        raise ValueError(
            f"The key for CPFs has {len(key)} bytes and needs at least {_SHORTEST_KEY}: set CPF_KEY (or SECRET_KEY) to "
            "the output of: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )
    info = b"controles.domain.cpf.v1." + purpose
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=None, info=info).derive(key)


def _encryption(key: bytes) -> tuple[bytes, AESSIV]:
    return _derive(key, b"name", _KEY_ID_LENGTH), AESSIV(_derive(key, b"encryption", 64))
