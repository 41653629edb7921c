"""Values without parts: each type has a code of its own, for good, and comes back equal."""

import datetime as dt
import uuid
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frescor._values.scalars import FROM_BYTES, INTEGER, TO_BYTES, Unsupported, integer_bytes

values = st.one_of(
    st.decimals(allow_nan=False),
    st.uuids(),
    st.dates(),
    st.datetimes(timezones=st.none() | st.just(dt.UTC) | st.just(dt.timezone(dt.timedelta(hours=-3)))),
    st.times(),
    st.timedeltas(),
    st.complex_numbers(allow_nan=False),
    st.binary().map(bytearray),
)


@given(values)
def test_what_is_encoded_comes_back_equal_and_of_its_type(value: object) -> None:
    code, encode = TO_BYTES[type(value)]
    back = FROM_BYTES[code](encode(value))
    assert back == value
    assert type(back) is type(value)
    assert str(back) == str(value)


@given(st.integers())
def test_an_integer_of_any_size_comes_back(number: int) -> None:
    assert FROM_BYTES[INTEGER](integer_bytes(number)) == number


def test_stored_entries_hold_these_codes() -> None:
    kinds = (Decimal, uuid.UUID, dt.date, dt.datetime, dt.time, dt.timedelta, complex, bytearray)
    assert [TO_BYTES[kind][0] for kind in kinds] == [4, 5, 6, 7, 8, 9, 14, 15]
    assert INTEGER == 10


def test_the_hour_that_comes_twice_keeps_which_one_it_is() -> None:
    _, encode = TO_BYTES[dt.datetime]
    for fold in (0, 1):
        once = dt.datetime(2026, 10, 25, 2, 30, fold=fold, tzinfo=ZoneInfo("Europe/Lisbon"))
        back = FROM_BYTES[7](encode(once))
        assert (back.fold, back.utcoffset()) == (fold, once.utcoffset())


class Own(dt.tzinfo):
    """A zone of somebody's own, without a name."""

    def utcoffset(self, _: dt.datetime | None) -> dt.timedelta:
        return dt.timedelta(0)

    def dst(self, _: dt.datetime | None) -> None:
        return None

    def tzname(self, _: dt.datetime | None) -> None:
        return None


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (dt.datetime(2026, 1, 1, tzinfo=Own()), "has no name. Use datetime.UTC"),
        (dt.datetime(2026, 1, 1, tzinfo=dt.timezone(dt.timedelta(0), "GMT")), "has no name"),
        (dt.time(1, tzinfo=dt.UTC), "means nothing without its date"),
    ],
)
def test_what_could_not_come_back_is_refused_with_what_to_use(value: object, said: str) -> None:
    _, encode = TO_BYTES[type(value)]
    with pytest.raises(Unsupported, match=said):
        encode(value)
