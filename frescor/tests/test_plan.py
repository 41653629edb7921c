"""What the plan asks for next, where no test of the whole can bring it there for certain."""

import pytest

from frescor import plan
from frescor.codec import Codec
from frescor.commands import (
    UNAVAILABLE,
    Board,
    Land,
    Load,
    Loaded,
    Read,
    Reading,
    ReleaseLease,
    TakeLease,
    Together,
)
from frescor.local import Local
from frescor.outcome import Outcome, Result
from frescor.pending import Pending
from frescor.policy import Policy


def test_a_lease_that_was_asked_for_without_an_answer_is_given_back_before_anything_else() -> None:
    process = plan.Process(Local(max_bytes=0), Pending())
    request = plan.Request("k", (), Policy(name="p", expire=60), Codec(), "token", 1, 0, 1.0, 1000)
    steps = plan.read_through(process, request)
    assert isinstance(next(steps), Read)
    assert isinstance(steps.send(Reading([None], {})), Board)
    assert isinstance(steps.send(None), TakeLease)
    assert steps.send(UNAVAILABLE) == Load("k")
    assert isinstance(steps.send(Loaded(Codec().encode(7), 2, 0, 0)), Land)
    with pytest.raises(StopIteration) as end:
        steps.send(None)
    assert end.value.value == Outcome(7, Result.DEGRADED)
    assert process.pending.invalidations == 0

    steps = plan.read_through(process, request)
    assert next(steps) == Together((ReleaseLease("k", "token"),))
    assert isinstance(steps.send([None]), Read)
    assert not process.pending
