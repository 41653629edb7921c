"""Amounts in words, as Brazilian receipts write them."""

import pytest

from controles.domain.money import MAX_CENTAVOS
from controles.domain.money_in_words import in_words


@pytest.mark.parametrize(
    ("centavos", "words"),
    [
        (1, "um centavo"),
        (99, "noventa e nove centavos"),
        (100, "um real"),
        (101, "um real e um centavo"),
        (250, "dois reais e cinquenta centavos"),
        (1_600, "dezesseis reais"),
        (10_000, "cem reais"),
        (10_100, "cento e um reais"),
        (12_345, "cento e vinte e três reais e quarenta e cinco centavos"),
        (100_000, "mil reais"),
        (100_100, "mil e um reais"),
        (110_000, "mil e cem reais"),
        (123_456, "mil, duzentos e trinta e quatro reais e cinquenta e seis centavos"),
        (2_000_000, "vinte mil reais"),
        (100_000_000, "um milhão de reais"),
        (100_000_050, "um milhão de reais e cinquenta centavos"),
        (100_000_100, "um milhão e um reais"),
        (250_000_000, "dois milhões e quinhentos mil reais"),
        (100_050_000_00, "cem milhões e cinquenta mil reais"),
        (100_000_000_000, "um bilhão de reais"),
        (
            MAX_CENTAVOS,
            "novecentos e noventa e nove milhões, novecentos e noventa e nove mil, novecentos e noventa e nove reais "
            "e noventa e nove centavos",
        ),
    ],
)
def test_an_amount_is_written_as_a_receipt_says_it(centavos: int, words: str) -> None:
    assert in_words(centavos) == words


@pytest.mark.parametrize("centavos", [0, -1])
def test_nothing_and_less_has_no_words(centavos: int) -> None:
    with pytest.raises(ValueError, match="more than zero"):
        in_words(centavos)
