"""Commands as names and arguments, replies as results; what no server can answer is an error, and no value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frescor import PolicyError
from frescor._protocol.commands import Announce, Delete, Grant, Invalidate, Read, Reading, TakeLease, Write
from frescor._store.wire import Wire, clock_in, parse_run_id, quote_key, stamp, unquote_key

WIRE = Wire("shop")


@pytest.mark.parametrize("namespace", ["", "a b", "a:b", "ä", "x" * 65, None, 7])
def test_a_namespace_that_cannot_begin_names_is_refused(namespace: str) -> None:
    with pytest.raises(PolicyError, match="1 to 64 letters"):
        Wire(namespace)


@given(st.text())
def test_a_key_comes_back_from_its_name_and_an_entry_and_its_lease_share_a_slot(key: str) -> None:
    quoted = quote_key(key)
    assert unquote_key(f"{{{quoted}}}") == key or not key.isascii()
    assert "{" not in quoted
    assert "}" not in quoted
    assert WIRE.entry(key).partition("{")[2] == WIRE.lease(key).partition("{")[2] == f"{quoted}}}"


def test_a_reading_is_one_command_of_the_server() -> None:
    script, arguments = WIRE.encode(Read(("a", "b"), ("*", "=t")))
    assert script is None
    assert arguments == ("MGET", "shop:e:{a}", "shop:e:{b}", "shop:t:*", "shop:t:=t")
    assert WIRE.decode(Read(("a", "b"), ("*", "=t")), [b"x", None, b"12", None]) == Reading(
        [b"x", None], {"*": 12, "=t": None}
    )


@pytest.mark.parametrize("raw", [None, b"", b"-1", b"1.5", b"1" * 17, b"\xd9\xa1"])
def test_what_is_no_stamp_means_that_there_is_none(raw: bytes | None) -> None:
    assert stamp(raw) is None


def test_a_clock_that_no_server_has_is_an_error() -> None:
    assert clock_in(b"17") == 17
    with pytest.raises(ValueError, match="clock"):
        clock_in(b"never")


def test_a_lease_is_granted_refused_or_comes_with_the_entry_that_was_stored_meanwhile() -> None:
    command = TakeLease("a", "token", ("*", "=t"), 5)
    assert WIRE.encode(command)[1][:4] == (5, "shop:e:{a}", "shop:l:{a}", "shop:clock")
    assert WIRE.decode(command, None) is None
    assert WIRE.decode(command, [b"9"]) == Grant(9, None, {})
    assert WIRE.decode(command, [b"9", b"entry", b"4", b""]) == Grant(9, b"entry", {"*": 4, "=t": None})
    for reply in ([b"9", 7, b"4", b""], [b"x"]):
        with pytest.raises((TypeError, ValueError)):
            WIRE.decode(command, reply)


@pytest.mark.parametrize(
    ("command", "reply"), [(Read(("a",), ()), [7]), (Delete(("a",)), b"many"), (Invalidate(("=t",)), b"")]
)
def test_nonsense_is_an_error(command: Read, reply: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        WIRE.decode(command, reply)


def test_an_outcome_that_is_none_is_an_error() -> None:
    with pytest.raises(KeyError):
        WIRE.decode(Write("a", "token", b"", 1, (), 1), 9)


def test_commands_about_listeners_are_made_elsewhere() -> None:
    with pytest.raises(TypeError, match="listener_registry"):
        WIRE.encode(Announce("mark", but="name"))


def test_a_run_id_is_found_in_what_a_server_says_of_itself() -> None:
    assert parse_run_id(b"# Server\r\nrun_id:abc\r\nother:1\r\n") == "abc"
    assert parse_run_id(b"\xff") is None
    assert parse_run_id(b"run_id:\r\n") is None
