"""What only holders of a secret can make: the proof at the end of every entry, and sealed entries, which they alone
can read.

A proof covers the whole entry, the namespace and the key. For a small entry it is a keyed digest (BLAKE2b, RFC 7693, 12
bytes: 16 would put an entry of 100 bytes into the server's next size of memory, and nobody finds one of 2**96 by
trying). For a larger one it is a random nonce (12 bytes) and the tag (16) of AES-256-GCM with nothing to encrypt (GMAC,
NIST SP 800-38D), which costs a twentieth of the digest there; the length decides which, no byte of the entry does. A
seal is AES-256-GCM over all but the entry's header, which is bound as associated data, with namespace and key.

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
# The longest entry that is proven by a digest. There it saves the nonce, a tenth of what such an entry takes.
SMALL = 256


@dataclass(frozen=True, slots=True)
class _Keys:
    """What is derived from one secret. `digest` is a BLAKE2b that has taken in its key."""

    digest: Any
    prover: "AESGCM | None"
    sealer: "AESGCM | None"


class KeyRing:
    """The keys of one namespace: the first secret's prove and seal, all of them open. Rotate by putting a new one in
    front."""

    def __init__(self, secrets_: Sequence[bytes], namespace: str) -> None:
        """Each secret is at least 16 random bytes; the keys proper are derived from it (HKDF-SHA256)."""
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
        """The ring of a cache that was given a key secret alone: it proves by digests, and seals nothing."""
        ring = cls.__new__(cls)
        ring._start = f"{namespace}\0".encode()
        # Of any length: what it keys are digests already.
        ring._keys = (_Keys(_digest(hashlib.blake2b(secret, person=b"frescor-key-2").digest(), namespace), None, None),)
        ring.seals = False
        return ring

    def prove(self, body: bytes, key: str) -> bytes:
        """The body with its proof behind."""
        keys = self._keys[0]
        if keys.prover is None or len(body) <= SMALL:
            return body + self._digest(keys, body, key)
        nonce = secrets.token_bytes(NONCE)
        return b"".join((body, nonce, keys.prover.encrypt(nonce, b"", self._bound(key, body))))

    def proven(self, data: bytes, key: str) -> bytes:
        """The body that has its proof behind. Raises EntryUnreadable for anything else: forged, cut off, moved."""
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
        plaintext, or with another header."""
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
