"""The encrypted file: compressed, and sealed piece by piece, so that a cut or changed file is noticed.

The key is derived from a passphrase with scrypt and a salt of its own. So no other file has the same key, and the
number of a piece can be its nonce. The last piece is marked as such.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from controles.domain.domain_errors import Invalid

MAGIC = b"CONTROLES-COPIA-1\n"
SHORTEST_PASSPHRASE = 12
_SALT, _PIECE = 16, 1 << 16
_TAG = 16
# 32 MB of memory and about a tenth of a second for each guess.
_COST = {"n": 1 << 15, "r": 8, "p": 1}
_MORE, _LAST = b"\0", b"\1"


def check_passphrase(passphrase: str, again: str | None = None) -> None:
    """Raise Invalid unless it is long enough, and the same as `again`."""
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise Invalid("senha", f"Use uma frase de pelo menos {SHORTEST_PASSPHRASE} caracteres; quatro palavras servem.")
    if again is not None and passphrase != again:
        raise Invalid("de_novo", "As duas frases são diferentes; escreva de novo.")


class SealedWriter:
    """Writes lines to `file`; without `finish` the file cannot be read."""

    def __init__(self, file: IO[bytes], passphrase: str) -> None:
        salt = os.urandom(_SALT)
        self._file, self._cipher, self._salt = file, _cipher(passphrase, salt), salt
        self._packed, self._buffer, self._number = zlib.compressobj(6), bytearray(), 0
        file.write(MAGIC + salt)

    def line(self, content: bytes) -> None:
        self._buffer += self._packed.compress(content + b"\n")
        while len(self._buffer) > _PIECE:
            self._seal(bytes(self._buffer[:_PIECE]), _MORE)
            del self._buffer[:_PIECE]

    def finish(self) -> None:
        self._buffer += self._packed.flush()
        while len(self._buffer) > _PIECE:
            self._seal(bytes(self._buffer[:_PIECE]), _MORE)
            del self._buffer[:_PIECE]
        self._seal(bytes(self._buffer), _LAST)

    def _seal(self, piece: bytes, mark: bytes) -> None:
        sealed = self._cipher.encrypt(_nonce(self._number), piece, _bound(self._salt, mark))
        self._file.write(mark + struct.pack(">I", len(sealed)) + sealed)
        self._number += 1


def opened_lines(file: IO[bytes], passphrase: str) -> Iterator[bytes]:
    """The lines of a file; Invalid if it is no copy, was cut or changed, or the passphrase is not the one it has."""
    if file.read(len(MAGIC)) != MAGIC:
        raise Invalid("arquivo", "Este arquivo não é uma cópia do Controles; escolha um que termina em .controles.")
    rest = b""
    for chunk in _unpacked(file, passphrase):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines


def _unpacked(file: IO[bytes], passphrase: str) -> Iterator[bytes]:
    unpacking = zlib.decompressobj()
    for piece in _pieces(file, passphrase):
        while piece:
            # In parts: a small file may be made to unpack to a huge one.
            yield unpacking.decompress(piece, _PIECE)
            piece = unpacking.unconsumed_tail
    yield unpacking.flush()


def _pieces(file: IO[bytes], passphrase: str) -> Iterator[bytes]:
    salt = file.read(_SALT)
    cipher, number, mark = _cipher(passphrase, salt), 0, _MORE
    while mark != _LAST:
        mark, size = file.read(1), file.read(4)
        length = min(struct.unpack(">I", size)[0], _PIECE + _TAG + 1) if len(size) == 4 else 0
        piece = file.read(length)
        if mark not in {_MORE, _LAST} or not _TAG <= length <= _PIECE + _TAG or len(piece) < length:
            raise _damaged()
        try:
            yield cipher.decrypt(_nonce(number), piece, _bound(salt, mark))
        except InvalidTag:
            if number == 0:
                raise Invalid("senha", "A frase não abre esta cópia, ou o arquivo está danificado; confira.") from None
            raise _damaged() from None
        number += 1
    if file.read(1):
        raise _damaged()


def _damaged() -> Invalid:
    return Invalid("arquivo", "O arquivo está cortado ou foi alterado; use outra cópia. Nada mudou.")


def _cipher(passphrase: str, salt: bytes) -> AESGCM:
    return AESGCM(Scrypt(salt=salt, length=32, **_COST).derive(passphrase.encode()))


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


def _bound(salt: bytes, mark: bytes) -> bytes:
    return MAGIC + salt + mark
