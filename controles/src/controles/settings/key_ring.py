"""Keys for single purposes, derived from SECRET_KEY and from the former ones that are still read."""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def derive(secret: str, purpose: str) -> bytes:
    """32 bytes that reveal nothing about `secret` or about the key for any other purpose."""
    info = f"controles.{purpose}.v1".encode()
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(secret.encode())


def key_ring(secrets: tuple[str, ...], purpose: str) -> tuple[bytes, ...]:
    """One key for each of `secrets`, in the same order: the first one is the present one."""
    return tuple(derive(secret, purpose) for secret in secrets)
