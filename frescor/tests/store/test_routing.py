"""Commands find the nodes of a cluster, through redirections, and never for ever."""

import pytest
from redis import exceptions as driver

from frescor._store.address import Host
from frescor._store.cluster.routing import RoutedBatch
from frescor._store.scripts import Script
from frescor._store.slot_wire import Asked

ONE, OTHER = ("127.0.0.1", 1), ("127.0.0.1", 2)
SCRIPT = Script("answer", "return 1")


def node_of(name: str) -> Host:
    return ONE if name.startswith("a") else OTHER


def asked(*names: str) -> list[Asked]:
    return [Asked(name, None, ("GET", name)) for name in names]


def test_each_node_gets_its_commands_in_one_message_and_replies_come_back_in_the_callers_order() -> None:
    routed = RoutedBatch(asked("a1", "b1", "a2"))
    (one, first), (other, second) = routed.node_batches(node_of)
    assert (one, other) == (ONE, OTHER)
    assert (first.places, second.places) == ((0, 2), (1,))
    routed.take(second, [b"2"])
    routed.take(first, [b"1", b"3"])
    assert routed.node_batches(node_of) == []
    assert routed.replies == [b"1", b"2", b"3"]


def test_a_slot_that_has_moved_is_asked_for_anew_and_told() -> None:
    routed = RoutedBatch(asked("a1", "a2"))
    ((_, batch),) = routed.node_batches(node_of)
    moved = driver.MovedError("12 127.0.0.1:2")
    routed.take(batch, [moved, b"2"])
    assert routed.moved == [moved]
    ((node, again),) = routed.node_batches(lambda _: OTHER)
    assert (node, again.places, routed.moved) == (OTHER, (0,), [])
    routed.take(again, [b"1"])
    assert routed.replies == [b"1", b"2"]


def test_a_slot_that_is_moving_is_asked_for_where_it_goes_once() -> None:
    routed = RoutedBatch(asked("a1"))
    ((_, batch),) = routed.node_batches(node_of)
    routed.take(batch, [driver.AskError("12 127.0.0.1:2")])
    ((node, again),) = routed.node_batches(node_of)
    assert (node, again.places) == (OTHER, (None, 0))
    assert again.data.startswith(b"*1\r\n$6\r\nASKING\r\n")
    routed.take(again, [b"OK", driver.MovedError("12 127.0.0.1:1")])
    ((node, last),) = routed.node_batches(node_of)
    assert (node, last.places) == (ONE, (0,))


def test_a_script_that_a_node_does_not_know_is_sent_with_its_source() -> None:
    routed = RoutedBatch([Asked("a1", SCRIPT, (1, "a1"))])
    ((_, batch),) = routed.node_batches(node_of)
    assert SCRIPT.source.encode() not in batch.data
    routed.take(batch, [driver.NoScriptError("NOSCRIPT")])
    ((_, again),) = routed.node_batches(node_of)
    assert SCRIPT.source.encode() in again.data


def test_a_command_that_is_sent_round_and_round_is_an_error() -> None:
    routed = RoutedBatch(asked("a1"))
    for _ in range(6):
        ((_, batch),) = routed.node_batches(node_of)
        routed.take(batch, [driver.MovedError("12 127.0.0.1:1")])
    with pytest.raises(driver.ConnectionError, match="slots are being moved"):
        routed.node_batches(node_of)


def test_a_refusal_is_raised() -> None:
    routed = RoutedBatch(asked("a1"))
    ((_, batch),) = routed.node_batches(node_of)
    with pytest.raises(driver.OutOfMemoryError):
        routed.take(batch, [driver.OutOfMemoryError("OOM")])
