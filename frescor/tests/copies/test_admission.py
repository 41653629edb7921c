"""Which local copies stay when their memory is full: those that are asked for, within the bytes allowed."""

from hypothesis import given
from hypothesis import strategies as st

from frescor._copies.admission import Sketch, TinyLfu


@given(st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(1, 400), st.booleans())))
def test_admission_counts_bytes_right_whatever_comes(steps: list[tuple[str, int, bool]]) -> None:
    kept: dict[str, int] = {}
    admission = TinyLfu(1000)
    for key, size, touch in steps:
        if touch:
            admission.touch([key])
            continue
        kept[key] = size
        for gone in admission.add(key, size):
            del kept[gone]
        assert admission.used == sum(kept.values()) <= 1000
    for key in list(kept):
        admission.remove(key)
    assert admission.used == 0


def test_the_sketch_counts_up_to_fifteen_and_forgets_slowly() -> None:
    sketch = Sketch()
    for _ in range(20):
        sketch.record("often")
    sketch.record("once")
    assert (sketch.frequency("often"), sketch.frequency("once"), sketch.frequency("never")) == (15, 1, 0)
    for number in range(200_000):
        sketch.record(f"other {number}")
    assert sketch.frequency("once") <= 15


def test_what_is_asked_for_survives_a_scan_of_what_is_asked_for_once() -> None:
    admission, kept = TinyLfu(1000), {"often"}
    admission.add("often", 100)
    for _ in range(10):
        admission.touch(["often"])
    for number in range(500):
        kept.add(f"once {number}")
        kept -= set(admission.add(f"once {number}", 100))
    assert "often" in kept
    assert len(kept) == 10


def test_what_is_larger_than_all_room_is_not_taken_in() -> None:
    admission = TinyLfu(1000)
    admission.add("kept", 900)
    assert admission.add("large", 1001) == ["large"]
    assert admission.used == 900


def test_a_key_that_is_taken_in_again_counts_with_its_new_size_alone() -> None:
    admission = TinyLfu(1000)
    admission.add("a", 900)
    assert admission.add("a", 400) == []
    assert admission.used == 400
    admission.clear()
    assert admission.used == 0
    assert admission.add("a", 1000) == []
