"""What servers say of their keys and of themselves, whoever else writes there."""

from typing import Any

from frescor import KeyInfo, ServerInfo
from frescor._store.listing import add_up, counters_in, fields_of, listed
from frescor._store.wire import Arguments, Wire


def asking(pages: list[tuple[bytes, list[bytes]]], ttl: int, sizes: dict[bytes, int]) -> Any:
    def ask(commands: list[Arguments]) -> list[Any]:
        if commands[0][0] == "SCAN":
            return [pages.pop(0)]
        return [ttl if command == "PTTL" else sizes[name] for command, name in commands]  # type: ignore[index]

    return ask


def test_keys_come_page_by_page_with_time_and_size_and_no_more_than_were_asked_for() -> None:
    names = {number: f"shop:e:{{key{number}}}".encode() for number in range(4)}
    sizes = dict.fromkeys(names.values(), 10)
    pages = [(b"7", [names[1], names[0]]), (b"0", [names[2], names[3]])]
    found = list(listed(Wire("shop"), asking(list(pages), 500, sizes), "*", 3))
    assert found == [KeyInfo(f"key{number}", 500, 10) for number in range(3)]
    assert list(listed(Wire("shop"), asking(list(pages), 500, sizes), "*", 0)) == []


def test_an_entry_that_ended_meanwhile_is_left_out_and_one_without_an_end_has_no_time() -> None:
    sizes = {b"shop:e:{a}": 0, b"shop:e:{b}": 5}
    found = list(listed(Wire("shop"), asking([(b"0", list(sizes))], -1, sizes), "*", 9))
    assert found == [KeyInfo("b", None, 5)]


def test_counters_that_are_no_numbers_are_left_out() -> None:
    assert counters_in({b"hits|a": b"3", b"loads|a": b"-1", b"x": b"many", b"y": b"9" * 5000, b"\xff": b"1"}) == {
        "hits|a": 3,
        "loads|a": -1,
        "\\xff": 1,
    }


def test_several_servers_add_up_to_one_with_the_highest_latency() -> None:
    one = fields_of(b"server_name:valkey\r\nvalkey_version:9.1.0\r\nused_memory:100\r\nmaxmemory:1000\r\n# x\r\n")
    other = fields_of("redis_version:8.0\r\nused_memory:nonsense\r\nmaxmemory:0\r\n")
    assert add_up([(one, 30), (other, 40)]) == ServerInfo("valkey", "9.1.0", 100, 1000, 40)
    assert add_up([(other, 40), (one, 30)]) == ServerInfo("redis", "8.0", 100, 1000, 40)
    assert add_up([(fields_of(""), 1)]) == ServerInfo("redis", "unknown", 0, None, 1)
