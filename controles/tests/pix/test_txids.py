"""A txid names a militante and the chosen months, in 25 letters and digits, and is read again from a bank's text."""

import datetime as dt
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controles.banco.services import _CPF
from controles.domain.periods import add_months
from controles.pix.txids import Cobrado, charged_in, txid_of

months = st.builds(
    lambda first, later: {add_months(dt.date(2000, 1, 1), first + after) for after in (0, *later)},
    st.integers(0, 1200),
    st.sets(st.integers(1, 60)),
)


@given(st.integers(1, 2**31 - 1), months)
def test_what_was_chosen_is_read_again_whatever_stands_around_it(militante_id: int, meses: set[dt.date]) -> None:
    txid = txid_of(militante_id, meses)
    assert re.fullmatch(r"[A-Z0-9]{25}", txid)
    for text in (txid, f"PIX RECEBIDO {txid.lower()} 10/03", f"cod:{txid};FULANO"):
        assert charged_in(text) == Cobrado(militante_id, tuple(sorted(meses)))
    # A statement's CPFs are masked when it is imported.
    assert _CPF.sub("", txid) == txid


def test_hardly_any_txid_with_one_wrong_character_names_anybody() -> None:
    txid = txid_of(123456, (dt.date(2026, 1, 1), dt.date(2026, 3, 1)))
    changed = {
        txid[:place] + character + txid[place + 1 :]
        for place in range(2, 25)
        for character in string.digits + string.ascii_uppercase
    } - {txid}
    assert sum(charged_in(one) is not None for one in changed) < len(changed) / 100


@pytest.mark.parametrize(
    "text", ["", "MILITANTE", "XMILITANTE7", "MILITANTE7X", "MILITANTE7 MILITANTE8", "CT" + "A" * 23, "CT" + "0" * 23]
)
def test_other_texts_name_nobody(text: str) -> None:
    assert charged_in(text) is None


def test_months_too_far_apart_or_none_leave_only_the_militante() -> None:
    for chosen in ((), (dt.date(1999, 12, 1),), (dt.date(2020, 1, 1), dt.date(2025, 2, 1))):
        assert txid_of(7, chosen) == "MILITANTE7"
    assert charged_in("pix militante7") == Cobrado(7)
