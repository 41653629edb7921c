import pytest
from hypothesis import given
from hypothesis import strategies as st

from controles.domain.money import MAX_CENTAVOS, format_brl, parse_brl


@pytest.mark.parametrize(
    ("centavos", "text"),
    [
        (0, "R$ 0,00"),
        (5, "R$ 0,05"),
        (123456, "R$ 1.234,56"),
        (-123456, "-R$ 1.234,56"),
        (100_000_000, "R$ 1.000.000,00"),
    ],
)
def test_formats_with_dots_for_thousands_and_a_comma_for_centavos(centavos: int, text: str) -> None:
    assert format_brl(centavos) == text


@pytest.mark.parametrize(
    ("text", "centavos"),
    [
        ("1.234,56", 123456),
        ("R$ 1.234,56", 123456),
        ("R$\u00a01.234,56", 123456),
        ("r$20", 2000),
        ("1234,5", 123450),
        ("1234", 123400),
        ("1.234", 123400),
        ("12.50", 1250),
        ("12.5", 1250),
        ("0,07", 7),
        ("  25,00  ", 2500),
        ("000025,00", 2500),
        ("999.999.999,99", MAX_CENTAVOS),
    ],
)
def test_reads_what_people_type(text: str, centavos: int) -> None:
    assert parse_brl(text) == centavos


@pytest.mark.parametrize(
    "text",
    ["", " ", "R$", "abc", "-10", "1,234.56", "1.23,45", "12,345", "1..234", "10,", ",50", "1e3", "٣", "R$R$5", "nan"],
)
def test_refuses_what_is_not_an_amount(text: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        parse_brl(text)


def test_refuses_an_amount_with_too_many_digits_at_once() -> None:
    with pytest.raises(ValueError, match="maior que o máximo"):
        parse_brl("9" * 1_000_000)


@given(st.integers(min_value=0, max_value=MAX_CENTAVOS))
def test_reads_back_what_it_wrote(centavos: int) -> None:
    assert parse_brl(format_brl(centavos)) == centavos
