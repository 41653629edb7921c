"""Days as people and spreadsheets write them. Text that is not one day is refused with a sentence that says why."""

import datetime as dt
import re
import unicodedata
from collections.abc import Callable

# In a spreadsheet day 1 is 01/01/1900, and 1900 wrongly has a 29 February.
_SPREADSHEET_EPOCH = dt.date(1899, 12, 30)
# From 1928 to 2064: other numbers are not plausible days here.
_SERIALS = range(10_228, 60_268)
# The lowest age of a new member, which determines the century of a year such as “24”.
_YOUNGEST_YEARS = 10
_FIRST_YEAR = 1900

_DAY_FIRST = re.compile(r"([0-9]{1,2})([/.\-\s])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})")
_YEAR_FIRST = re.compile(r"([0-9]{4})([/.\-])([0-9]{1,2})\2([0-9]{1,2})")
_WORDS = re.compile(r"(?:([0-9]{1,2})(?:o|a|\.)?[ /.\-]+(?:de )?)?([a-z]{3,9})\.?[ /.\-]+(?:de )?([0-9]{4}|[0-9]{2})")
_MONTH_ALONE = re.compile(r"[0-9]{1,2}")
_MONTH_NUMBER = re.compile(r"([0-9]{1,2})\s*[/.\-]\s*([0-9]{4}|[0-9]{2})")
_YEAR_MONTH = re.compile(r"([0-9]{4})[/.\-]([0-9]{1,2})")
_MONTH_WORD = re.compile(r"([a-z]{3,9})\.?(?:\s*[/.\-]\s*|\s+(?:de\s+)?)([0-9]{4}|[0-9]{2})")
_EIGHT_DIGITS = re.compile(r"[0-9]{8}")
_SERIAL = re.compile(r"([0-9]{5})(?:[.,][0-9]+)?")
# “sexta-feira, ” before a date, and a time of day after it, with seconds, AM or PM, and a zone.
_WEEKDAY = re.compile(
    r"^(?:domingo|segunda|terca|quarta|quinta|sexta|sabado|dom|seg|ter|qua|qui|sex|sab)(?:[ -]feira)?\.? *,? +"
)
_TIME = re.compile(
    r"(?:t|,? +(?:as )?)[0-9]{1,2}[:h][0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)? *(?:[ap]\.? ?m\.?)?"
    r" *(?:z|(?:gmt|utc|brt)? *(?:[+ -]?[0-9]{1,2}(?::?[0-9]{2})?)?)$"
)
_NO_DAY = re.compile(r"0{1,2}[/.\-]0{1,2}[/.\-]0{2,4}|0{4}-0{2}-0{2}|0|-+|/ */")

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("janeiro", "jan"),
            ("fevereiro", "fev", "feb"),
            ("marco", "mar"),
            ("abril", "abr", "apr"),
            ("maio", "mai", "may"),
            ("junho", "jun"),
            ("julho", "jul"),
            ("agosto", "ago", "aug"),
            ("setembro", "set", "sep"),
            ("outubro", "out", "oct"),
            ("novembro", "nov"),
            ("dezembro", "dez", "dec"),
        ),
        start=1,
    )
    for name in names
}


def read_date(text: str, *, hoje: dt.date) -> dt.date | None:
    """The day that `text` names; None for a date of zeros, which older systems use for a missing one.

    A year of two digits is within the hundred years that end with `hoje`. ValueError, with a sentence, for anything
    else.
    """
    return _read(text, latest=hoje.year)


def read_birth(text: str, *, hoje: dt.date) -> dt.date | None:
    """`read_date` for a day of birth: nobody joins as a child."""
    return _read(text, latest=hoje.year - _YOUNGEST_YEARS)


def read_payment_day(text: str) -> dt.date | None:
    """The same for a day on which money came: no year of two digits is one of the century before."""
    return _read(text, latest=_FIRST_YEAR + 199)


def read_month(text: str, near: dt.date | None = None) -> dt.date:
    """The first day of the month that `text` names: 03/2025, 3-25, mar/25, março de 2025, 2025-03, or a day in it.

    A month without its year is the one that lies nearest to `near`, if that is known.
    """
    plain = _plain(text).strip(" ,.")
    alone = int(plain) if _MONTH_ALONE.fullmatch(plain) else _MONTHS.get(plain)
    if alone is not None and near is not None and 1 <= alone <= 12:
        years = (near.year - 1, near.year, near.year + 1)
        return min((dt.date(year, alone, 1) for year in years), key=lambda month: abs((month - near).days + 15))
    if match := _MONTH_NUMBER.fullmatch(plain):
        return _month(text, int(match[2]), int(match[1]), short=len(match[2]) == 2)
    if match := _YEAR_MONTH.fullmatch(plain):
        return _month(text, int(match[1]), int(match[2]), short=False)
    if (match := _MONTH_WORD.fullmatch(plain)) and match[1] in _MONTHS:
        return _month(text, int(match[2]), _MONTHS[match[1]], short=len(match[2]) == 2)
    try:
        day = _read(text, latest=_FIRST_YEAR + 199)
    except ValueError:
        day = None
    if day is None:
        raise ValueError(f"{shown(text)} não é um mês com o seu ano; escreva mm/aaaa, por exemplo 03/2026.")
    return day.replace(day=1)


def _month(text: str, year: int, month: int, *, short: bool) -> dt.date:
    # Dues have no month of the century before.
    whole = year + 2000 if short else year
    if not (1 <= month <= 12 and _FIRST_YEAR <= whole <= _FIRST_YEAR + 200):
        raise ValueError(f"{shown(text)} não é um mês do calendário; escreva mm/aaaa, por exemplo 03/2026.")
    return dt.date(whole, month, 1)


def _read(text: str, *, latest: int) -> dt.date | None:
    plain = _TIME.sub("", _WEEKDAY.sub("", _plain(text))).strip(" ,")
    if _NO_DAY.fullmatch(plain):
        return None
    for pattern, read in _READERS:
        if match := pattern.fullmatch(plain):
            year, month, day = read(match, text)
            return _day(text, _whole_year(year, latest), month, day)
    if match := _SERIAL.fullmatch(plain):
        if int(match[1]) in _SERIALS:
            return _SPREADSHEET_EPOCH + dt.timedelta(days=int(match[1]))
        raise ValueError(
            f"{shown(text)} não é uma data nem o número com que a planilha guarda uma; escreva dd/mm/aaaa."
        )
    if _EIGHT_DIGITS.fullmatch(plain):
        return _eight_digits(plain, text)
    raise ValueError(f"{shown(text)} não é uma data; escreva dd/mm/aaaa, por exemplo 05/11/2026.")


def _plain(text: str) -> str:
    """Lower case, without accents; punctuation stays."""
    if text.isascii():
        return " ".join(text.lower().split())
    apart = unicodedata.normalize("NFKD", text.replace("°", "º")).casefold()
    return " ".join("".join(character for character in apart if not unicodedata.combining(character)).split())


def _numbers(match: re.Match[str], text: str) -> tuple[int, int, int]:
    day, month, year = int(match[1]), int(match[3]), int(match[4])
    if len(match[4]) == 4 and not year >= _FIRST_YEAR:
        raise ValueError(f"{shown(text)} tem um ano que não pode ser; confira o ano.")
    if month > 12 and day <= 12:
        raise ValueError(
            f"{shown(text)} parece ter o mês antes do dia; escreva dia/mês/ano: {month:02d}/{day:02d}/{match[4]}. "
            "Confira também as outras datas da coluna."
        )
    return (year if len(match[4]) == 4 else -year - 1), month, day


def _iso(match: re.Match[str], _text: str) -> tuple[int, int, int]:
    return int(match[1]), int(match[3]), int(match[4])


def _with_words(match: re.Match[str], text: str) -> tuple[int, int, int]:
    month = _MONTHS.get(match[2])
    if month is None:
        raise ValueError(f"{shown(text)} não é uma data; escreva dd/mm/aaaa, por exemplo 05/11/2026.")
    if match[1] is None:
        raise ValueError(f"{shown(text)} não diz o dia; escreva dd/mm/aaaa, por exemplo 01/{month:02d}/{match[3]}.")
    year = int(match[3])
    return (year if len(match[3]) == 4 else -year - 1), month, int(match[1])


_READERS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], str], tuple[int, int, int]]], ...] = (
    (_DAY_FIRST, _numbers),
    (_YEAR_FIRST, _iso),
    (_WORDS, _with_words),
)


def _whole_year(year: int, latest: int) -> int:
    """A year of two digits, given as -1 to -100, as a full year."""
    if year >= 0:
        return year
    in_century = latest // 100 * 100 + (-year - 1)
    return in_century if in_century <= latest else in_century - 100


def _eight_digits(plain: str, text: str) -> dt.date:
    """20210305 or 05032021: in only one of these is the year plausible."""
    for year, month, day in ((plain[:4], plain[4:6], plain[6:]), (plain[4:], plain[2:4], plain[:2])):
        if _FIRST_YEAR <= int(year) <= _FIRST_YEAR + 200:
            try:
                return dt.date(int(year), int(month), int(day))
            except ValueError:
                continue
    raise ValueError(f"{shown(text)} não é uma data; escreva dd/mm/aaaa, por exemplo 05/11/2026.")


def _day(text: str, year: int, month: int, day: int) -> dt.date:
    try:
        return dt.date(year, month, day)
    except ValueError:
        raise ValueError(f"{shown(text)} não existe no calendário; confira o dia e o mês (dd/mm/aaaa).") from None


def shown(text: str) -> str:
    """A cell's text as it is quoted in a sentence."""
    return f"“{text if len(text) <= 40 else text[:40] + '…'}”"
