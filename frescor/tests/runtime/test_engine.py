"""One cache's state: what starts, what is begun anew after a fork, and what a transaction or a load changes of it."""

import os
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from unsteady import UnsteadyStore, engine_on

from frescor import Cache
from frescor._calls.loading import Loading, Subject
from frescor._store.base import ListenerFactory
from frescor.testing import PrivateServer


def test_a_store_that_nobody_else_sees_is_not_listened_to_and_has_no_copies() -> None:
    engine = engine_on(UnsteadyStore(), local_bytes=1000)
    assert engine.listener is None
    assert engine.local.enabled is False


def test_a_store_that_others_see_is_listened_to_unless_no_copies_are_kept() -> None:
    class Seen(UnsteadyStore):
        namespace = "ns"

        def listener(self, factory: ListenerFactory[Any], /) -> Any:  # it makes one of its own
            return "its listener"

    assert engine_on(Seen(), local_bytes=1000).local.enabled is True
    # For the end of the program, which closes it.
    assert engine_on(Seen(), local_bytes=0).listener is None


def test_the_child_of_a_fork_begins_anew_and_keeps_what_waits() -> None:
    engine = engine_on(UnsteadyStore())
    engine.pending.add(tags=("=a",))
    engine.expect("k", ("=t",))
    before = (engine.start, engine.flights, engine.reporter, engine.keeper, engine.local)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        after = (engine.start, engine.flights, engine.reporter, engine.keeper, engine.local)
        anew = all(one is not other for one, other in zip(before, after, strict=True))
        kept = (engine.pending.invalidations, engine.expected) == (1, {})
        os.write(write, b"yes" if anew and kept else b"no")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 3) == b"yes"
    os.close(read)
    os.close(write)
    assert engine.start is before[0]


def test_copies_are_not_read_within_a_load_nor_in_a_transaction_that_changed_something() -> None:
    engine = engine_on(UnsteadyStore())
    reads = [engine.reads_local]
    with Loading():
        reads.append(engine.reads_local)
    for dirty in (True, False):
        engine.dirty_check = lambda tags, dirty=dirty: dirty and not tags
        reads.append(engine.reads_local)
    assert reads == [True, False, False, True]


def test_what_a_transaction_changed_is_asked_by_the_tags_as_they_were_declared() -> None:
    engine = engine_on(UnsteadyStore())
    assert engine.changed(("=a",)) is False
    asked: list[tuple[str, ...]] = []

    def is_dirty(tags: tuple[str, ...]) -> bool:
        asked.append(tags)
        return "a" in tags

    engine.dirty_check = is_dirty
    assert engine.changed(("*", "/p", "=a")) is True
    assert engine.changed(("*", "=b")) is False
    assert asked == [("a",), ("b",)]


def test_the_loads_around_a_call_are_those_of_this_store() -> None:
    engine = engine_on(UnsteadyStore())
    assert engine.loading_around() == ()
    with (
        Loading(Subject(engine.place, ("a",), ("a", "a+"), "a")),
        Loading(Subject("elsewhere", ("b",), ("b",), "b")),
        Loading(Subject(engine.place, ("c",), ("c",), "c")),
    ):
        assert engine.loading_around() == ("c", "a", "a+")


def test_tags_of_so_many_entries_are_remembered_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("frescor._runtime.engine._MOST_EXPECTED", 2)
    engine = engine_on(UnsteadyStore())
    for key in "abc":
        engine.expect(key, (key,))
    assert engine.expected == {"c": ("c",)}


def test_digests_without_a_secret_are_warned_of_once_and_only_where_others_see_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Seen(UnsteadyStore):
        namespace = "ns"

    for engine in (engine_on(UnsteadyStore()), engine_on(Seen(), key_secret=b"secret")):
        engine.note_digest()
    assert caplog.messages == []
    engine = engine_on(Seen())
    engine.note_digest()
    engine.note_digest()
    assert len(caplog.messages) == 1
    assert "key_secret" in caplog.messages[0]


def python_calls(call: Callable[[], object]) -> list[str]:
    """The functions of Frescor's that a call enters, each as often as that is; but for waiting for the server's answer,
    which takes as many as it takes."""
    entered: list[str] = []

    def note(frame: FrameType, event: str, _: object) -> None:
        where = frame.f_code.co_filename
        if event == "call" and "/frescor/_" in where and "/_store/connection/" not in where:
            entered.append(frame.f_code.co_qualname)

    call()
    call()
    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return entered


def test_a_hit_on_the_server_costs_so_many_calls_and_hardly_enters_the_engine(server: PrivateServer) -> None:
    with Cache.from_url(server.url, "test", local=False, timeout=5) as cache:

        @cache.cached(expire=300, key_prefix="hit", tags=("one",))
        def load(number: int) -> int:
            return number

        entered = python_calls(lambda: load(3))
    # One more is about 50 ns: raise it with the reason. The engine is asked whether copies may be read, and to listen.
    # 68: the time is looked up at each call, since a test may have moved it.
    assert len(entered) <= 68
    assert sorted(name for name in entered if name.startswith("Engine.")) == ["Engine.listen", "Engine.reads_local"]
