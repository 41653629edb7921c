"""What the plan asks for next, where no test of the whole can bring it there for certain."""

import pytest

from frescor import _plan as plan
from frescor._calls.policy import Policy
from frescor._copies.local import Local
from frescor._protocol.commands import (
    UNAVAILABLE,
    EndFlight,
    Grant,
    JoinFlight,
    Load,
    Loaded,
    Read,
    Reading,
    ReleaseLease,
    TakeLease,
    Together,
)
from frescor._protocol.outcome import Outcome, Result
from frescor._protocol.pending import Pending
from frescor._values.codec import Codec
from frescor._values.entry import Entry, Packing


def test_a_lease_that_was_asked_for_without_an_answer_is_given_back_before_anything_else() -> None:
    process = plan.Process(Local(max_bytes=0), Pending())
    request = plan.Request("k", (), Policy(name="p", expire=60), Codec(), "token", 1, 0, 1.0, 1000)
    steps = plan.read_through(process, request)
    assert isinstance(next(steps), Read)
    assert isinstance(steps.send(Reading([None], {})), JoinFlight)
    assert isinstance(steps.send(None), TakeLease)
    assert steps.send(UNAVAILABLE) == Load("k")
    assert isinstance(steps.send(Loaded(Codec().encode(7), 2, 0, 0)), EndFlight)
    with pytest.raises(StopIteration) as end:
        steps.send(None)
    assert end.value.value == Outcome(7, Result.DEGRADED)
    assert process.pending.invalidations == 0

    steps = plan.read_through(process, request)
    assert next(steps) == Together((ReleaseLease("k", "token"),))
    assert isinstance(steps.send([None]), Read)
    assert not process.pending


def test_an_entry_whose_tags_were_not_there_yet_is_looked_at_again_with_the_lease() -> None:
    """On a cluster a reading is not of one moment: its tags are read, then made and the entry stored, then it is."""
    process = plan.Process(Local(max_bytes=0), Pending())
    request = plan.Request("k", ("*",), Policy(name="p", expire=60), Codec(), "token", 1, 0, 1.0, 1000)
    entry = Packing().pack("k", Entry(5, 9, 9, 0, ("*",), Codec().encode(7)))
    steps = plan.read_through(process, request)
    next(steps)
    assert isinstance(steps.send(Reading([entry], {"*": None})), JoinFlight)
    assert steps.send(None) == TakeLease("k", "token", ("*",), seen=None)
    assert isinstance(steps.send(Grant(6, entry, {"*": 5})), ReleaseLease)
    assert isinstance(steps.send(True), EndFlight)
    with pytest.raises(StopIteration) as end:
        steps.send(None)
    assert end.value.value == Outcome(7, Result.HIT, tags=("*",))


def test_an_entry_that_was_invalidated_does_not_come_with_the_lease() -> None:
    process = plan.Process(Local(max_bytes=0), Pending())
    request = plan.Request("k", ("*",), Policy(name="p", expire=60), Codec(), "token", 1, 0, 1.0, 1000)
    entry = Packing().pack("k", Entry(5, 9, 9, 0, ("*",), Codec().encode(7)))
    steps = plan.read_through(process, request)
    next(steps)
    assert isinstance(steps.send(Reading([entry], {"*": 6})), JoinFlight)
    assert steps.send(None) == TakeLease("k", "token", ("*",), seen=5)
