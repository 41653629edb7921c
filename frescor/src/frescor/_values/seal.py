"""Proofs, which only holders of a secret can make, at the end of every entry; and sealed entries, which only they can
read.

A proof covers the whole entry, the namespace and the key. For a small entry it is a keyed digest (BLAKE2b, RFC 7693) of
12 bytes: with 16, an entry of 100 bytes would take the server's next allocation size, and nobody guesses one of 2**96.
For a larger entry it is a random nonce (12 bytes) and the tag (16 bytes) of AES-256-GCM with nothing to encrypt (GMAC,
NIST SP 800-38D), which costs a twentieth of the digest there. The length decides which of the two it is, not a byte of
the entry. A seal is AES-256-GCM over everything except the header; header, namespace and key are associated data.

Nothing in the stored bytes chooses how they are opened: a plain entry where a sealed one is expected is unreadable.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from frescor.errors import EntryUnreadable, PolicyError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SHORTEST_SECRET = 16
DIGEST, NONCE, TAG = 12, 12, 16
# The longest entry that is proved by a digest. Up to here the nonce would be a tenth of what an entry takes.
SMALL = 256


@dataclass(frozen=True, slots=True)
class _Keys:
    """What is derived from one secret. `digest` is a BLAKE2b that already contains its key."""

    digest: Any
    prover: "AESGCM | None"
    sealer: "AESGCM | None"


class KeyRing:
    """The keys of one namespace. The first secret's keys prove and seal, all of them open. To rotate, put a new secret
    in front."""

    def __init__(self, secrets_: Sequence[bytes], namespace: str) -> None:
        """Each secret has at least 16 random bytes; the keys are derived from it by HKDF-SHA256."""
        given: object = secrets_
        if isinstance(given, bytes | str) or not all(isinstance(secret, bytes) for secret in secrets_):
            raise PolicyError("seal_secrets is a list of bytes: write seal_secrets=[secret.encode()].")
        if not secrets_ or any(len(secret) < SHORTEST_SECRET for secret in secrets_):
            raise PolicyError(
                f"sealing needs at least one secret, each of {SHORTEST_SECRET} random bytes or more: "
                "python -c 'import secrets; print(secrets.token_hex(32))' makes one."
            )
        self._start = f"{namespace}\0".encode()
        self._keys = tuple([_all_keys(secret, namespace) for secret in secrets_])
        self._refusals = _refusals()
        self.seals = True

    @classmethod
    def of_key_secret(cls, secret: bytes, namespace: str) -> "KeyRing":
        """The key ring of a cache that has only a key secret: it proves by digests and cannot seal."""
        ring = cls.__new__(cls)
        ring._start = f"{namespace}\0".encode()
        # The secret may have any length, since it is hashed.
        ring._keys = (_Keys(_digest(hashlib.blake2b(secret, person=b"frescor-key-2").digest(), namespace), None, None),)
        ring.seals = False
        return ring

    def prove(self, body: bytes, key: str) -> bytes:
        """The body, followed by its proof."""
        keys = self._keys[0]
        if keys.prover is None or len(body) <= SMALL:
            return body + self._digest(keys, body, key)
        nonce = secrets.token_bytes(NONCE)
        return b"".join((body, nonce, keys.prover.encrypt(nonce, b"", self._bound(key, body))))

    def proven(self, data: bytes, key: str) -> bytes:
        """The body before its proof. Raises EntryUnreadable for anything else: forged, cut off, or moved."""
        if not self.seals or len(data) <= SMALL + DIGEST:
            body, proof = data[:-DIGEST], data[-DIGEST:]
            for keys in self._keys:
                if hmac.compare_digest(self._digest(keys, body, key), proof):
                    return body
        else:
            body, nonce, tag = data[: -NONCE - TAG], data[-NONCE - TAG : -TAG], data[-TAG:]
            bound = self._bound(key, body)
            if len(body) > SMALL and self._opened("prover", nonce, tag, bound) is not None:
                return body
        raise EntryUnreadable("the entry is not of a key of this cache, or was changed: it is loaded again")

    def seal(self, rest: bytes, key: str, head: bytes = b"") -> bytes:
        """The rest of an entry, sealed for this key and header."""
        sealer = self._keys[0].sealer
        assert sealer is not None
        nonce = secrets.token_bytes(NONCE)
        return nonce + sealer.encrypt(nonce, rest, self._bound(key, head))

    def open(self, sealed: bytes, key: str, head: bytes = b"") -> bytes:
        """What was sealed for this key and header. Raises EntryUnreadable for anything else: forged, cut off, moved,
        not sealed, or under another header."""
        rest = self._opened("sealer", sealed[:NONCE], sealed[NONCE:], self._bound(key, head))
        if rest is None:
            raise EntryUnreadable("the entry's seal is broken, or not of a key of this cache: it is loaded again")
        return rest

    def _opened(self, name: str, nonce: bytes, sealed: bytes, bound: bytes) -> bytes | None:
        for keys in self._keys:
            try:
                cipher: AESGCM = getattr(keys, name)
                return cipher.decrypt(nonce, sealed, bound)
            except self._refusals:
                continue
        return None

    def _digest(self, keys: _Keys, body: bytes, key: str) -> bytes:
        digest = keys.digest.copy()
        digest.update(self._bound(key, body))
        found: bytes = digest.digest()
        return found

    def _bound(self, key: str, body: bytes) -> bytes:
        # Neither a namespace nor a key can hold a NUL.
        return b"".join((self._start, key.encode(), b"\0", body))


def _digest(secret: bytes, namespace: str) -> Any:
    key = hashlib.blake2b(namespace.encode(), digest_size=32, key=secret[:64], person=b"frescor-ns").digest()
    return hashlib.blake2b(digest_size=DIGEST, key=key, person=b"frescor-entry")


def _refusals() -> tuple[type[Exception], ...]:
    from cryptography.exceptions import InvalidTag

    return InvalidTag, ValueError


def _all_keys(secret: bytes, namespace: str) -> _Keys:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    def derived(purpose: str) -> bytes:
        return HKDF(SHA256(), 32, salt=None, info=f"frescor {purpose} 2 {namespace}".encode()).derive(secret)

    return _Keys(_digest(derived("digest"), namespace), AESGCM(derived("proof")), AESGCM(derived("seal")))
