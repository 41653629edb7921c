"""An uploaded file's bytes, compressed and encrypted: neither the table nor a backup of it reveals a CPF."""

import secrets
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from flask import Flask, current_app

from controles.domain.domain_errors import Conflict
from controles.settings.config import Settings
from controles.settings.key_ring import key_ring

EXTENSION = "importacao"
_NONCE = 12


@dataclass(frozen=True, slots=True)
class FileSeal:
    """Seals with the first key; every key opens."""

    ciphers: tuple[AESGCM, ...]

    @classmethod
    def of(cls, keys: Sequence[bytes]) -> "FileSeal":
        return cls(tuple(map(AESGCM, keys)))

    def seal(self, content: bytes, importacao_id: int) -> bytes:
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self.ciphers[0].encrypt(nonce, zlib.compress(content, 1), _owner(importacao_id))

    def open(self, sealed: bytes, importacao_id: int) -> bytes:
        """The bytes; Conflict, with a sentence, if they were sealed with a key that is no longer known."""
        for cipher in self.ciphers:
            try:
                plain = cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], _owner(importacao_id))
            except InvalidTag:
                continue
            return zlib.decompress(plain)
        raise Conflict("O arquivo guardado não pode mais ser lido: a chave da instalação mudou. Envie-o de novo.")


def _owner(importacao_id: int) -> bytes:
    return f"importacao:{importacao_id}".encode()


def init_app(app: Flask, settings: Settings) -> None:
    """Derive the keys of `app`."""
    app.extensions[EXTENSION] = FileSeal.of(key_ring(settings.secret_keys, "importacao.arquivo"))


def file_seal() -> FileSeal:
    """The seal of the running application."""
    seal: FileSeal = current_app.extensions[EXTENSION]
    return seal
