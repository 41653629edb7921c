"""Round ticks, and amounts written short."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controles.painel.axes import Scale, compact_brl, money_unit, nice_ticks

AMOUNTS = st.integers(-(10**12), 10**12)


@given(AMOUNTS, AMOUNTS)
def test_ticks_enclose_the_values_at_equal_round_steps(one: int, other: int) -> None:
    low, high = sorted((one, other))
    ticks = nice_ticks(low, high)
    steps = {after - before for before, after in pairwise(ticks)}
    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert len(steps) == 1
    assert str(steps.pop()).rstrip("0") in {"1", "2", "5"}
    assert 2 <= len(ticks) <= 7


def test_zero_is_a_tick_when_it_lies_between() -> None:
    assert 0 in nice_ticks(-700, 90_000)


def test_equal_values_still_give_an_axis() -> None:
    assert nice_ticks(0, 0) == (0, 1)
    assert nice_ticks(50, 50)[0] <= 50 < nice_ticks(50, 50)[-1]


def test_a_scale_maps_its_ends_to_its_ends() -> None:
    scale = Scale(0, 200, 100.0, 0.0)
    assert (scale(0), scale(100), scale(200)) == (100.0, 50.0, 0.0)


@pytest.mark.parametrize(
    ("largest", "name", "value", "label"),
    [
        (90_000, "R$", 50_000, "500"),
        (950_000, "R$", 800_000, "8.000"),
        (5_000_000, "R$ mil", 1_250_000, "12,5"),
        (400_000_000, "R$ mi", 150_000_000, "1,5"),
        (400_000_000_000, "R$ bi", 200_000_000_000, "2"),
        (5_000_000, "R$ mil", -1_000_000, "-10"),
    ],
)
def test_the_axis_counts_in_a_unit_with_few_digits(largest: int, name: str, value: int, label: str) -> None:
    unit = money_unit(largest)
    assert unit.name == name
    assert unit.label(value) == label


@pytest.mark.parametrize(
    ("centavos", "text"),
    [
        (0, "R$ 0"),
        (520_000, "R$ 5.200"),
        (1_234_567, "R$ 12,3 mil"),
        (2_000_000, "R$ 20 mil"),
        (123_456_789, "R$ 1,2 mi"),
        (100_000_000_000, "R$ 1 bi"),
    ],
)
def test_amounts_are_written_short(centavos: int, text: str) -> None:
    assert compact_brl(centavos) == text
