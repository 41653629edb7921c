"""Servers that refuse a command, as managed services do: no value is stale, and what is kept how is said."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from frescor import Cache
from frescor.testing import PrivateServer
from waiting import until

Refuse = Callable[..., None]


@pytest.fixture
def refuse(server: PrivateServer) -> Iterator[Refuse]:
    """Takes commands away from Frescor's user."""
    admin: Any = redis.Redis.from_url(server.admin_url)

    def take_away(*commands: str) -> None:
        admin.execute_command("ACL", "SETUSER", "frescor", *(f"-{command}" for command in commands))

    yield take_away
    admin.close()


class Counted:
    """A cached function on a cache of its own, and how often it ran."""

    def __init__(self, server: PrivateServer) -> None:
        self.cache = Cache.from_url(server.url, "test", timeout=5, key_secret=b"a secret")
        self.value = self.loads = 0

        @self.cache.cached(expire=600, key_prefix="value", early=False, name="value")
        def read() -> int:
            self.loads += 1
            return self.value

        self.read = read

    def write(self, value: int) -> None:
        self.value = value
        self.cache.invalidate_pattern("value:*")


@pytest.fixture
def one(server: PrivateServer) -> Iterator[Counted]:
    counted = Counted(server)
    yield counted
    counted.cache.close()


NEEDED = (("eval", "evalsha"), ("evalsha",))
SPARED = (
    ("config", "client|setname"),
    ("client",),
    ("client|tracking",),
    ("info",),
    ("info", "client|tracking"),
)


@pytest.mark.parametrize("commands", [*NEEDED, *SPARED], ids="-".join)
def test_nothing_is_stale_whatever_is_refused(
    commands: tuple[str, ...], refuse: Refuse, one: Counted, server: PrivateServer
) -> None:
    refuse(*commands)
    assert [one.read(), one.read()] == [0, 0]
    other = Counted(server)
    other.write(7)
    one.value = 7
    # With copies in the process, the push takes a moment.
    assert until(lambda: one.read() == 7)

    def is_hit() -> bool:
        loads = one.loads
        return one.read() == 7 and one.loads == loads

    if commands in NEEDED:
        assert not any(is_hit() for _ in range(5))
    else:
        assert until(is_hit)
    other.cache.close()


@pytest.mark.parametrize("awaited", [False, True])
def test_without_a_run_id_a_server_in_its_place_is_not_believed(
    awaited: bool, refuse: Refuse, server: PrivateServer
) -> None:
    """What it holds may lack invalidations: it stands there as if it had been restored from a file."""
    refuse("info")
    with Cache.from_url(server.url, "test", timeout=5, local=False) as writer:
        assert writer.set("a", "old")
        assert writer.get("a") == "old"
        # Connections end, as at a restart; what was stored stays, as with a file.
        admin: Any = redis.Redis.from_url(server.admin_url)
        admin.execute_command("CLIENT", "KILL", "USER", "frescor")
        admin.close()

        async def read() -> object:
            found = await writer.aio.get("a")
            await writer.aio.close()
            return found

        assert (asyncio.run(read()) if awaited else writer.get("a")) is None


def test_within_one_connection_entries_stay_without_a_run_id(
    refuse: Refuse, one: Counted, caplog: pytest.LogCaptureFixture
) -> None:
    refuse("info")
    assert [one.read() for _ in range(5)] == [0] * 5
    assert one.loads <= 2
    assert caplog.text.count("does not tell its run id") == 1


def test_the_status_says_how_each_promise_is_kept(refuse: Refuse, one: Counted) -> None:
    assert [line.partition(":")[0] for line in one.cache.status()] == [
        "never stale",
        "copies in the process",
        "no invalidation is lost",
    ]
    assert not any("refuses" in line or "no run id" in line for line in one.cache.status())
    refuse("info", "eval", "client|tracking")
    scripts, pushes, run_id = one.cache.status()
    assert "nothing is cached, since the server refuses scripts" in scripts
    assert "has no permissions to run the 'eval' command" in scripts
    assert "each hit asks the server" in pushes
    assert "each new connection ends everything cached" in run_id


def test_refused_scripts_are_named_in_the_log(refuse: Refuse, one: Counted, caplog: pytest.LogCaptureFixture) -> None:
    refuse("eval", "evalsha")
    one.read()
    assert "the store refuses scripts" in caplog.text
    assert "frescor acl" in caplog.text


def test_a_database_that_the_server_does_not_have_is_named_with_what_to_write(caplog: pytest.LogCaptureFixture) -> None:
    with PrivateServer(options={"databases": "1"}) as server:
        url = server.url.replace("db=0", "db=3")
        with Cache.from_url(url, "test", timeout=5) as cache:
            assert cache.get("a", "nothing") == "nothing"
        assert "no database of this number" in caplog.text
        assert "end the URL with /0" in caplog.text


def test_figures_are_shown_without_info(refuse: Refuse, one: Counted) -> None:
    refuse("info")
    one.read()
    assert one.cache.health().latency_us >= 0
