import pytest

from controles.domain.domain_errors import Conflict
from controles.importing.sealing import FileSeal

OLD, NEW = bytes(32), bytes([1]) * 32


def test_a_file_opens_for_its_batch_alone_also_with_a_former_key() -> None:
    sealed = FileSeal.of([OLD]).seal(b"nome;cpf", 7)
    assert b"nome" not in sealed
    assert FileSeal.of([NEW, OLD]).open(sealed, 7) == b"nome;cpf"
    for seal, number in ((FileSeal.of([OLD]), 8), (FileSeal.of([NEW]), 7)):
        with pytest.raises(Conflict, match="Envie-o de novo"):
            seal.open(sealed, number)
