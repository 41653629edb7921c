"""The txid of a BR Code: whose payment it is, and for which months, found again in the text of a bank statement.

Without chosen months it is MILITANTE and the number. With them: CT, the number in six characters of base 36, the first
month in two, which months follow it in thirteen letters, and two letters that check the rest. Letters, because eleven
digits in a row would be taken for a CPF and masked.
"""

import datetime as dt
import re
import string
from collections.abc import Collection
from dataclasses import dataclass

from controles.domain.periods import add_months, month_of
from controles.pix.brcode import crc16

_OF_MILITANTE = re.compile(r"(?<![A-Z0-9])MILITANTE([0-9]{1,10})(?![A-Z0-9])", re.IGNORECASE)
_OF_MONTHS = re.compile(r"(?<![A-Z0-9])CT([0-9A-Z]{6})([0-9A-Z]{2})([A-Z]{13})([A-Z]{2})(?![A-Z0-9])", re.IGNORECASE)
_LETTERS = string.ascii_uppercase
_ALL = string.digits + _LETTERS
_FIRST = dt.date(2000, 1, 1)
# Months after the first one that thirteen letters can hold.
_MOST_AFTER = 60


@dataclass(frozen=True, slots=True)
class Cobrado:
    """What a txid asks for; without `meses` it is whatever is oldest."""

    militante_id: int
    meses: tuple[dt.date, ...] = ()


def txid_of(militante_id: int, meses: Collection[dt.date] = ()) -> str:
    """The txid for a payment of this militante, for these months.

    Without months, and for months that are too far apart for one txid, it names only the militante.
    """
    places = sorted({(month.year - _FIRST.year) * 12 + month.month - 1 for month in meses})
    if not places or places[0] < 0 or places[0] >= len(_ALL) ** 2 or places[-1] - places[0] > _MOST_AFTER:
        return f"MILITANTE{militante_id}"
    after = sum(1 << (place - places[0] - 1) for place in places[1:])
    body = _digits(militante_id, _ALL, 6) + _digits(places[0], _ALL, 2) + _digits(after, _LETTERS, 13)
    return f"CT{body}{_check(body)}"


def charged_in(text: str) -> Cobrado | None:
    """What the txid in a bank's text asks for; None if there is none of ours, or those of several militantes."""
    found = {Cobrado(int(number)) for number in _OF_MILITANTE.findall(text)}
    for groups in _OF_MONTHS.findall(text):
        number, first, after, check = (group.upper() for group in groups)
        if _check(number + first + after) == check:
            bits = _number(after, _LETTERS)
            start = add_months(month_of(_FIRST), _number(first, _ALL))
            following = tuple(add_months(start, place + 1) for place in range(_MOST_AFTER) if bits >> place & 1)
            found.add(Cobrado(_number(number, _ALL), (start, *following)))
    return found.pop() if len(found) == 1 else None


def _check(body: str) -> str:
    return _digits(crc16(body.encode("ascii")) % len(_LETTERS) ** 2, _LETTERS, 2)


def _digits(number: int, alphabet: str, width: int) -> str:
    found = ""
    for _ in range(width):
        number, digit = divmod(number, len(alphabet))
        found = alphabet[digit] + found
    return found


def _number(text: str, alphabet: str) -> int:
    number = 0
    for character in text:
        number = number * len(alphabet) + alphabet.index(character)
    return number
