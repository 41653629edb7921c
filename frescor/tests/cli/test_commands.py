"""What the operator's commands print, and what they do to a real server."""

import re
from collections.abc import Callable, Iterator

import click
import pytest
import redis
from click.testing import CliRunner, Result

from frescor import Cache, Policy
from frescor.cli import Warmup, cache_commands
from frescor.embedded import find_binary
from frescor.testing import PrivateServer

pytestmark = pytest.mark.skipif(find_binary() is None, reason="no valkey-server or redis-server on this machine")

Run = Callable[..., Result]


@pytest.fixture
def server() -> Iterator[PrivateServer]:
    with PrivateServer(options={"maxmemory": "64mb"}, namespaces=["shop"]) as server:
        yield server


@pytest.fixture
def cache(server: PrivateServer) -> Iterator[Cache]:
    with Cache.from_url(server.url, "shop", timeout=5) as cache:
        yield cache


@pytest.fixture
def run(server: PrivateServer) -> Run:
    def run(*arguments: str, warmups: tuple[Warmup, ...] = (), answer: str | None = None) -> Result:
        group = cache_commands(lambda: Cache.from_url(server.url, "shop", timeout=5), warmups=lambda: warmups)
        return CliRunner().invoke(group, list(arguments), input=answer)

    return run


def fill(cache: Cache) -> Callable[[int], int]:
    @cache.cached(Policy.dashboard("dashboard:stats"))
    def stats(day: int) -> int:
        return day * 2

    for day in (1, 1, 2):
        stats(day)
    cache.set("user:7", "x", expire=90)
    cache.stats()  # delivers the counters
    return stats


def test_status_shows_server_memory_entries_and_each_policys_hit_rate(run: Run, cache: Cache) -> None:
    fill(cache)
    shown = run("status")
    assert shown.exit_code == 0, shown.output
    assert re.search(r"server +(valkey|redis) \d+\.\d+.*answers in \d", shown.output)
    assert re.search(r"memory +\S+ MiB of 64\.0 MiB", shown.output)
    assert re.search(r"entries +3\s", shown.output)
    assert re.search(r"dashboard:stats +3 +1 +33\.3% +2 +2 +0", shown.output)


def test_status_of_a_cache_that_nobody_used_says_so(run: Run) -> None:
    assert "Nothing has been asked" in run("status").output


@pytest.mark.parametrize("command", [["status"], ["keys"], ["clear", "--yes"], ["warmup"], ["monitor", "--once"]])
def test_without_the_server_every_command_says_so_and_fails(
    run: Run, server: PrivateServer, command: list[str]
) -> None:
    server.kill()
    shown = run(*command)
    assert shown.exit_code == 1
    assert "does not answer" in shown.output
    assert "Traceback" not in shown.output


def test_keys_shows_time_to_live_size_and_policy(run: Run, cache: Cache) -> None:
    fill(cache)
    shown = run("keys")
    assert re.search(r"1 min (30|29) s +\d+ B +– +user:7\n", shown.output)
    assert re.search(r"[45] min \d+ s +\d+ B +dashboard:stats +dashboard:stats:", shown.output)
    assert "3 keys match" in shown.output


def test_keys_lists_what_matches_and_says_when_there_is_more(run: Run, cache: Cache) -> None:
    for number in range(5):
        cache.set(f"user:{number}", number)
    cache.set("other", 1)
    assert "5 keys match 'user:*'" in run("keys", "user:*").output
    shown = run("keys", "user:*", "--limit", "3")
    assert shown.output.count("user:") == 3
    assert "more than 3" in shown.output


def test_clear_forgets_everything_once_confirmed(run: Run, cache: Cache) -> None:
    cache.set("a", 1)
    assert run("clear", answer="n\n").exit_code == 1
    assert cache.get("a") == 1
    assert "Forgot everything" in run("clear", answer="y\n").output
    assert cache.get("a") is None


def test_clear_of_a_pattern_leaves_the_rest(run: Run, cache: Cache) -> None:
    cache.set("user:1", 1)
    cache.set("other", 2)
    assert run("clear", "user:*", "--yes").exit_code == 0
    assert (cache.get("user:1"), cache.get("other")) == (None, 2)


def test_warmup_runs_each_and_shows_its_time(run: Run) -> None:
    ran = []
    work = (Warmup("first page", lambda: ran.append(1)), Warmup("panel", lambda: ran.append(2)))
    shown = run("warmup", warmups=work)
    assert shown.exit_code == 0
    assert ran == [1, 2]
    assert re.search(r"\d+\.\d ms  panel", shown.output)


def test_warmup_goes_on_after_a_failure_and_reports_it(run: Run) -> None:
    ran = []

    def fail() -> None:
        raise LookupError("no such table")

    shown = run("warmup", warmups=(Warmup("broken", fail), Warmup("panel", lambda: ran.append(1))))
    assert shown.exit_code == 1
    assert ran == [1]
    assert "broken: LookupError: no such table" in shown.output


def test_there_is_no_warmup_without_work_for_it() -> None:
    assert "warmup" not in cache_commands(lambda: Cache.from_url("memory://", "shop")).commands


def test_monitor_prints_one_sample(run: Run, cache: Cache) -> None:
    fill(cache)
    shown = run("monitor", "--once")
    assert shown.exit_code == 0
    assert "dashboard:stats" in shown.output


def test_the_reason_why_there_is_no_cache_is_shown() -> None:
    def none() -> Cache:
        raise click.ClickException("No application is running here.")

    for command in ("status", "keys", "monitor"):
        shown = CliRunner().invoke(cache_commands(none), [command])
        assert shown.exit_code == 1
        assert shown.output == "Error: No application is running here.\n"


def test_names_and_counters_that_somebody_else_wrote_are_shown_escaped(
    run: Run, cache: Cache, server: PrivateServer
) -> None:
    fill(cache)
    with redis.Redis.from_url(server.admin_url) as client:
        for name in (b"\xff\xfe", b"\x1b[31mred\x1b]0;title\x07", "é".encode(), b"%ff%1b", b"[bold]x[/bold]"):
            client.set(b"shop:e:{" + name + b"}", "x", px=60_000)
        client.rpush("shop:e:{list}", "x")
        client.hset("shop:stats", b"hits|\xff", 1)
        client.hset("shop:stats", b"hits|\x1b[31mred", 2)
        client.hset("shop:stats", b"hits|[bold]x", 3)
        client.hset("shop:stats", b"loads|dashboard:stats", b"nan")
        client.hset("shop:stats", b"hits|many", b"9" * 5000)
    for command in ("keys", "status", "monitor"):
        shown = run(command, "--once") if command == "monitor" else run(command)
        assert shown.exit_code == 0, shown.output
        assert "\x1b" not in shown.output
        assert "\x07" not in shown.output
    listed = run("keys").output
    assert r"\xff\xfe" in listed
    assert r"\x1b[31mred\x1b]0;title\x07" in listed
    assert "é" in listed
    assert "[bold]x[/bold]" in listed
    policies = run("status").output
    assert r"\x1b[31mred" in policies
    assert "[bold]x" in policies
