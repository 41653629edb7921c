"""Sealing: values that only holders of a key can read or make (AES-256-GCM, NIST SP 800-38D).

A sealed payload is the key's id (4 bytes), a random nonce (12) and the ciphertext with its tag. Namespace, key and
format version are bound as associated data, so that a payload copied under another key does not open. Nothing in the
stored bytes chooses how they are opened: a plaintext entry where a sealed one is expected is unreadable.
"""

import hashlib
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from frescor.codec import ValueCodec
from frescor.entry import FORMAT_VERSION
from frescor.errors import EntryUnreadable, PolicyError

SHORTEST_SECRET = 16
_ID, _NONCE = 4, 12


class KeyRing:
    """The keys that seal: the first one seals, all of them open. Rotate by putting a new one in front."""

    def __init__(self, secrets_: Sequence[bytes], namespace: str) -> None:
        """Each secret is at least 16 random bytes; the keys proper are derived from it (HKDF-SHA256)."""
        if not secrets_ or any(len(secret) < SHORTEST_SECRET for secret in secrets_):
            raise PolicyError(
                f"sealing needs at least one secret, each of {SHORTEST_SECRET} random bytes or more: "
                "python -c 'import secrets; print(secrets.token_hex(32))' makes one."
            )
        self._namespace = namespace
        self._keys: dict[bytes, AESGCM] = {}
        for secret in secrets_:
            key = HKDF(SHA256(), 32, salt=None, info=b"frescor seal 1").derive(secret)
            self._keys.setdefault(hashlib.blake2b(key, digest_size=_ID, person=b"frescor-seal").digest(), AESGCM(key))
        self._current = next(iter(self._keys))

    def seal(self, payload: bytes, key: str) -> bytes:
        """The payload, sealed for this key."""
        nonce = secrets.token_bytes(_NONCE)
        return self._current + nonce + self._keys[self._current].encrypt(nonce, payload, self._bound_to(key))

    def open(self, sealed: bytes, key: str) -> bytes:
        """What was sealed for this key. Raises EntryUnreadable for anything else: forged, cut off, moved, plaintext."""
        cipher = self._keys.get(sealed[:_ID])
        try:
            if cipher is None:
                raise EntryUnreadable("the entry was not sealed by a key of this ring: it is loaded again")
            return cipher.decrypt(sealed[_ID : _ID + _NONCE], sealed[_ID + _NONCE :], self._bound_to(key))
        except (InvalidTag, ValueError) as error:
            raise EntryUnreadable("the entry's seal is broken: it is loaded again") from error

    def codec(self, codec: ValueCodec, key: str) -> "SealedCodec":
        """The codec, with its bytes sealed for this key."""
        return SealedCodec(codec, self, key)

    def _bound_to(self, key: str) -> bytes:
        return f"{FORMAT_VERSION}\0{self._namespace}\0{key}".encode()


class SealedCodec:
    """A codec whose bytes are sealed for one key."""

    def __init__(self, codec: ValueCodec, ring: KeyRing, key: str) -> None:
        self._codec = codec
        self._ring = ring
        self._key = key

    def encode(self, value: object, *, policy: str | None = None) -> bytes:
        """The sealed bytes of a value."""
        return self._ring.seal(self._codec.encode(value, policy=policy), self._key)

    def decode(self, payload: bytes) -> object:
        """A new value. Raises EntryUnreadable for bytes that were not sealed for this key."""
        return self._codec.decode(self._ring.open(payload, self._key))
