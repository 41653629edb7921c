"""The commands that `frescor acl` names: none missing, none too many, and nothing beyond the namespace.

That they are enough is what all other tests of Frescor show: their servers allow no more.
"""

import functools
import itertools
import time
from collections.abc import Iterator

import pytest
import redis

from frescor import CacheError, PolicyError
from frescor._copies.listen import Listener
from frescor._copies.local import Local
from frescor._protocol.commands import (
    Announce,
    Delete,
    Dismiss,
    ExtendLease,
    Invalidate,
    Put,
    Read,
    ReleaseLease,
    StoreOutcome,
    TakeLease,
    Unheard,
    Write,
)
from frescor._store.address import read_address
from frescor._store.listener_registry import heard, leave, register
from frescor._store.permissions import acl_rules, commands
from frescor._store.server.redis import RedisStore
from frescor._values.entry import Entry, Packing
from frescor.testing import PrivateServer
from server_binaries import every_server, name_of

RULES = acl_rules("test")
_NUMBERS = itertools.count()


class Server:
    """A server, on which each user is made for one test."""

    def __init__(self, private: PrivateServer) -> None:
        self._private = private
        self.admin = redis.Redis.from_url(private.admin_url)

    def user(self, rules: str) -> str:
        """The address of a new user with these rules; the server holds no key and no script."""
        name = f"user{next(_NUMBERS)}"
        self.admin.flushall()
        self.admin.script_flush()
        self.admin.execute_command("ACL", "SETUSER", name, "on", ">a-password", *rules.split())  # type: ignore[no-untyped-call]
        # Another database than the first one, which has to be chosen.
        return f"redis://{name}:a-password@127.0.0.1:{self._private.port}/1"


@pytest.fixture(scope="module", params=every_server(), ids=name_of)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with PrivateServer(binary=request.param, tcp=True) as private:
        server = Server(private)
        yield server
        server.admin.close()


def use_everything(url: str) -> None:
    """Do each thing that Frescor does with a server, on the layer where a refusal is an error."""
    store = RedisStore(read_address(url), "test", deadline=5)
    entry = Packing().pack(
        "key", Entry(as_of=1, fresh_until=2**50, stale_until=2**50, cost=0, tags=("tag",), payload=b"something to keep")
    )
    try:
        # The second lives longer than the first, and its tag has to.
        for key, ttl_ms in (("short", 1_000), ("long", 60_000)):
            grant = store.perform(TakeLease(key, "token", ("tag",), None))
            assert store.perform(ExtendLease(key, "token"))
            stored = store.perform(Write(key, "token", entry, grant.as_of, ("tag",), ttl_ms))
            assert stored is StoreOutcome.STORED
        store.perform(TakeLease("other", "token", ("tag",), None))
        store.perform(ReleaseLease("other", "token"))
        assert store.perform(Read(("long",), ("tag",))).entries == [entry]
        store.perform(Put({"put": (entry, ("tag",))}, 60_000))
        assert {info.key for info in store.list_keys("*", 10)} >= {"long", "put"}
        assert store.perform(Delete(("long",))) == 1
        store.perform(Invalidate(("tag",)))
        store.told("database")
        assert not store.is_unrecorded("database")
        assert store.set_watermark("database", 1)
        store._exchange([store.recovery.give_up([b"gone"])], "give_up")
        store.count({"counter": 1})
        assert store.counters() == {"counter": 1}
        store.info()
        listener = Listener(
            store.connections.open_line,
            "test",
            local := Local(),
            register=functools.partial(register, "test"),
            heard=functools.partial(heard, "test"),
            leave=functools.partial(leave, "test"),
        )
        listener.start()
        try:
            if not listener.await_alive(2):
                raise CacheError("the listener hears nothing")
            found = store.perform(Announce("mark", ""))
            ends = time.monotonic() + 2
            while store.perform(Unheard("mark", found.waiting, found.places)):
                if time.monotonic() > ends:
                    raise CacheError("the listener does not say that it has heard")
            assert [name for name, _ in found.waiting] == [local.line]
            store.perform(Dismiss("mark", found.waiting, found.places))
        finally:
            listener.close()
    finally:
        store.close()


def test_the_rules_are_enough(server: Server) -> None:
    use_everything(server.user(RULES))


# Without a name a connection is as good, and without a run id each connection ends what is cached (test_abilities.py).
WITHOUT = {"CLIENT|SETNAME", "INFO"}


@pytest.mark.parametrize("command", sorted(commands() - WITHOUT))
def test_none_of_the_commands_is_too_many(server: Server, command: str) -> None:
    left = " ".join(rule for rule in RULES.split() if rule != f"+{command.lower()}")
    assert left != RULES
    with pytest.raises(CacheError):
        use_everything(server.user(left))


@pytest.mark.parametrize(
    "attempt",
    [
        ("FLUSHALL",),
        ("FLUSHDB",),
        ("CONFIG", "GET", "*"),
        ("CONFIG", "SET", "dir", "/tmp"),
        ("KEYS", "*"),
        ("DEBUG", "SLEEP", "0"),
        ("SHUTDOWN",),
        ("ACL", "LIST"),
        ("CLIENT", "LIST"),
        ("MODULE", "LIST"),
        ("MONITOR",),
        ("SCRIPT", "FLUSH"),
        ("REPLICAOF", "127.0.0.1", "1"),
        ("GET", "another:key"),
        ("SET", "another:key", "1"),
        ("MGET", "test:clock", "another:key"),
        ("EVAL", "return redis.call('GET', 'another:key')", "0"),
        ("EVAL", "return redis.call('SET', KEYS[1], '1')", "1", "another:key"),
        ("EVAL", "return redis.call('FLUSHALL')", "0"),
        ("EVAL", "return redis.call('KEYS', '*')", "0"),
        ("EVAL", "return redis.call('CONFIG', 'GET', 'dir')", "0"),
    ],
    ids=" ".join,
)
def test_everything_else_is_refused(server: Server, attempt: tuple[str, ...]) -> None:
    with redis.Redis.from_url(server.user(RULES)) as client, pytest.raises(redis.ResponseError) as error:
        client.execute_command(*attempt)
    # In a script Redis 7 words it differently.
    assert any(
        word in str(error.value) for word in ("permission", "not allowed", "The user executing the script can't")
    )


def test_a_user_of_an_older_server_can_be_given_them() -> None:
    # CLIENT SETINFO came with 7.2, and an older server refuses rules with commands that it does not know.
    assert not {"CLIENT|SETINFO", "CLIENT|NO-TOUCH"} & commands()


@pytest.mark.parametrize("namespace", ["", "a b", "x ~*", "*", "shop:"])
def test_a_namespace_that_would_widen_the_rules_is_refused(namespace: str) -> None:
    with pytest.raises(PolicyError):
        acl_rules(namespace)
