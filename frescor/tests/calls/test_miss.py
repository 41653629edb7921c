"""The miss as a value of its own."""

import copy
import pickle

from frescor import MISS, Miss


def test_a_miss_is_one_value_that_survives_being_copied_and_is_not_none() -> None:
    assert MISS is Miss.MISS
    assert copy.deepcopy(MISS) is MISS
    assert pickle.loads(pickle.dumps(MISS)) is MISS  # bytes of this test
    assert MISS is not None
