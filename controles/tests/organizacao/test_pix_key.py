"""The PIX key: each kind is kept as the central bank keeps it, anything else is refused where it is typed."""

import pytest

from controles.domain.domain_errors import Invalid
from controles.organizacao.services import check_pix_key


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("11.222.333/0001-81", "11222333000181"),
        ("12.ABC.345/01DE-35", "12ABC34501DE35"),
        ("529.982.247-25", "52998224725"),
        ("Tesouraria@Vale.org.br", "tesouraria@vale.org.br"),
        ("+55 (11) 98765-4321", "+5511987654321"),
        ("123E4567-e12b-12d1-a456-426655440000", "123e4567-e12b-12d1-a456-426655440000"),
        ("  ", None),
        (None, None),
    ],
)
def test_a_key_of_each_kind_is_kept_as_the_bank_has_it(typed: str | None, kept: str | None) -> None:
    assert check_pix_key(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "11222333000182",
        "11987654321",
        "+1 212 555 0100",
        "a@b",
        "ana maria@vale.org",
        "123e4567e12b12d1a456",
        "chave",
        "+",
    ],
)
def test_what_is_no_key_is_refused(typed: str) -> None:
    with pytest.raises(Invalid, match="chave PIX"):
        check_pix_key(typed)
