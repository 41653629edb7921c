"""What is warned of once, and again when it is news."""

import pytest

from frescor._protocol.commands import Delete, Read
from frescor._runtime.notices import Notices
from frescor.errors import StoreRejected


def test_a_thing_is_said_once_of_each_it_is_about(caplog: pytest.LogCaptureFixture) -> None:
    notices = Notices()
    for about, what in (("a", "x"), ("a", "x"), ("b", "x"), ("a", "y")):
        notices.once(about, what, f"{about} {what}")
    assert caplog.messages == ["a x", "b x", "a y"]


def test_what_another_cache_said_is_said_again(caplog: pytest.LogCaptureFixture) -> None:
    for notices in (Notices(), Notices()):
        notices.once("a", "x", "sentence")
    assert caplog.messages == ["sentence", "sentence"]


def test_a_refusal_is_said_until_the_kind_of_command_is_taken_again(caplog: pytest.LogCaptureFixture) -> None:
    notices = Notices()
    full = StoreRejected("full", operation="Delete")
    for _ in range(3):
        notices.refused(Delete(("k",)), full)
    notices.accepted(Read(("k",), ()))
    notices.refused(Delete(("other",)), full)
    assert [message.partition(":")[0] for message in caplog.messages] == [str(full).partition(":")[0]]
    notices.accepted(Delete(("k",)))
    assert caplog.messages[-1] == "the store accepts Delete again"
    notices.accepted(Delete(("k",)))
    notices.refused(Delete(("k",)), full)
    assert len(caplog.messages) == 3


def test_a_refusal_for_another_reason_is_news(caplog: pytest.LogCaptureFixture) -> None:
    notices = Notices()
    notices.refused(Delete(("k",)), StoreRejected("full", operation="Delete"))
    notices.refused(Delete(("k",)), StoreRejected("read-only", operation="Delete"))
    assert len(caplog.messages) == 2
    assert notices.refusals.keys() == {"Delete"}
