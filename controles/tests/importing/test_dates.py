import datetime as dt

import pytest

from controles.importing.dates import read_birth, read_date, read_month

HOJE = dt.date(2026, 3, 17)


@pytest.mark.parametrize(
    "text",
    [
        "05/03/2021", "5/3/2021", "05-03-2021", "05.03.2021", "5 3 2021", "2021-03-05", "2021-3-5", "2021/03/05",
        "2021-03-05 00:00:00", "2021-03-05T00:00", "05/03/2021 00:00", "05/03/2021 00:00:00", "05/03/21", "5/3/21",
        "5-mar-21", "05/mar/2021", "5 de março de 2021", "5º de março de 2021", "05 DE MARÇO DE 2021", "5 mar. 2021",
        "sexta-feira, 5 de março de 2021", "sex, 05/03/2021", "44260", "44260,5", "44260.75", "20210305", "05032021",
        "2021/03/05 9:40:33 PM GMT-3", "05/03/2021 21:40:33", "05/03/2021 às 21h40", "2021-03-05T21:40:33Z",
        "2021-03-05T21:40:33.123-03:00", " 05/03/2021 ",
    ],
)  # fmt: skip
def test_reads_a_day_however_it_is_written(text: str) -> None:
    assert read_date(text, hoje=HOJE) == dt.date(2021, 3, 5)


@pytest.mark.parametrize("text", ["00/00/0000", "0000-00-00", "0", "-", "//", "00/00/00", "00.00.0000 00:00:00"])
def test_zeros_say_that_there_is_no_date(text: str) -> None:
    assert read_date(text, hoje=HOJE) is None


@pytest.mark.parametrize(
    ("text", "joined", "born"),
    [
        ("1/3/85", 1985, 1985),
        ("1/3/26", 2026, 1926),
        ("1/3/27", 1927, 1927),
        ("1/3/05", 2005, 2005),
        ("1/3/16", 2016, 2016),
    ],
)
def test_two_digits_of_a_year_are_the_last_that_can_be(text: str, joined: int, born: int) -> None:
    assert read_date(text, hoje=HOJE) == dt.date(joined, 3, 1)
    assert read_birth(text, hoje=HOJE) == dt.date(born, 3, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("31/02/1985", "não existe no calendário"),
        ("2020-13-01", "não existe no calendário"),
        ("32 de março de 2020", "não existe no calendário"),
        ("3/15/1985", "o mês antes do dia; escreva dia/mês/ano: 15/03/1985"),
        ("março de 1985", "não diz o dia"),
        ("mar/85", "não diz o dia"),
        ("03/1985", "não é uma data"),
        ("1985", "não é uma data"),
        ("5 de marte de 2020", "não é uma data"),
        ("ontem", "não é uma data"),
        ("99999", "não é uma data"),
        ("12345678", "não é uma data"),
        ("01/03/0202", "confira o ano"),
        ("1/3/985", "não é uma data"),
        ("1/3/85 e 2/3/85", "não é uma data"),
    ],
)
def test_refuses_what_is_no_single_day_and_says_why(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_date(text, hoje=HOJE)


@pytest.mark.parametrize(
    ("text", "month"),
    [
        ("03/2025", "2025-03"),
        ("3-25", "2025-03"),
        ("mar/25", "2025-03"),
        ("Março de 2025", "2025-03"),
        ("2025-03", "2025-03"),
        ("05/03/2025", "2025-03"),
        ("março", "2026-03"),
        ("12", "2025-12"),
        ("janeiro", "2026-01"),
    ],
)
def test_a_month_is_read_as_people_write_it_and_without_its_year_is_the_nearest(text: str, month: str) -> None:
    assert f"{read_month(text, dt.date(2026, 1, 20)):%Y-%m}" == month


@pytest.mark.parametrize("text", ["13/2025", "00/2025", "março", "3", "ontem", ""])
def test_what_is_no_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="mês"):
        read_month(text)
