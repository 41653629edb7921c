"""A sealed file gives back its lines, and nothing of a file that was cut, changed or has another passphrase."""

import io
import os

import pytest

from controles.copias.sealing import MAGIC, SealedWriter, check_passphrase, opened_lines
from controles.domain.domain_errors import Invalid

PASSPHRASE = "cavalo correto bateria grampo"


def sealed(*lines: bytes) -> bytes:
    file = io.BytesIO()
    writer = SealedWriter(file, PASSPHRASE)
    for line in lines:
        writer.line(line)
    writer.finish()
    return file.getvalue()


def opened(content: bytes, passphrase: str = PASSPHRASE) -> list[bytes]:
    return list(opened_lines(io.BytesIO(content), passphrase))


@pytest.fixture(scope="module")
def large() -> tuple[list[bytes], bytes]:
    """Lines that do not compress, of several pieces."""
    lines = [os.urandom(20_000).hex().encode() for _ in range(20)]
    return lines, sealed(*lines)


def test_lines_come_back_whatever_their_size(large: tuple[list[bytes], bytes]) -> None:
    lines, content = large
    assert len(content) > 3 << 16
    assert opened(content) == lines
    assert opened(sealed()) == []
    assert opened(sealed(b"", b"a" * 1_000_000, b"")) == [b"", b"a" * 1_000_000, b""]


def test_two_files_of_one_passphrase_have_nothing_in_common() -> None:
    first, second = (sealed(b"x" * 100)[len(MAGIC) :] for _ in range(2))
    assert first[:16] != second[:16]
    assert first[21:] != second[21:]
    assert b"xxxx" not in first


def test_a_cut_file_is_noticed_wherever_it_is_cut(large: tuple[list[bytes], bytes]) -> None:
    _, content = large
    # Among them the end of a whole piece.
    first_end = len(MAGIC) + 16 + 5 + (1 << 16) + 16
    for size in (first_end, first_end + 3, len(content) - 1, len(content) // 2):
        with pytest.raises(Invalid, match="cortado"):
            opened(content[:size])
    with pytest.raises(Invalid, match="cortado"):
        opened(content + b"x")


def test_a_changed_or_moved_piece_is_noticed(large: tuple[list[bytes], bytes]) -> None:
    _, content = large
    changed = bytearray(content)
    changed[-40] ^= 1
    with pytest.raises(Invalid, match="alterado"):
        opened(bytes(changed))
    start, size = len(MAGIC) + 16, 5 + (1 << 16) + 16
    swapped = content[:start] + content[start + size : start + 2 * size] + content[start : start + size]
    with pytest.raises(Invalid, match="frase"):
        opened(swapped + content[start + 2 * size :])
    # The last piece, marked as one that is followed by others.
    last = content.rindex(b"\1", 0, len(content) - (len(content) - start) % size + 1)
    with pytest.raises(Invalid):
        opened(content[:last] + b"\0" + content[last + 1 :])


def test_another_passphrase_and_another_file_are_told_apart() -> None:
    content = sealed(b"a")
    with pytest.raises(Invalid, match="não abre"):
        opened(content, PASSPHRASE + "s")
    for other in (b"", b"PK\3\4", MAGIC[:-2], b"x" * 100):
        with pytest.raises(Invalid, match="não é uma cópia"):
            opened(other)
    with pytest.raises(Invalid):
        opened(MAGIC + b"\0" * 8)


def test_a_passphrase_is_long_and_typed_alike() -> None:
    check_passphrase("doze letras ", "doze letras ")
    with pytest.raises(Invalid, match="12 caracteres"):
        check_passphrase("onze letras")
    with pytest.raises(Invalid, match="diferentes"):
        check_passphrase(PASSPHRASE, PASSPHRASE + "x")
