import itertools
import socket
from collections.abc import Iterator

import pytest

from frescor._store.connection.semaphore import FastSemaphore
from frescor._store.connection.spin_wait import FIRST_SLEPT, MOST_SLEPT, SpinWait

LOOKED, SLEPT = "looked", "slept"


class _Watched(socket.socket):
    """A socket that keeps how it was asked. With `far` what it has comes only to who sleeps."""

    far = False

    def __init__(self, family: int, kind: int, protocol: int, fileno: int) -> None:
        super().__init__(family, kind, protocol, fileno)
        self.asked: list[str] = []

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        how = LOOKED if flags & socket.MSG_DONTWAIT else SLEPT
        if self.asked[-1:] != [LOOKED] or how != LOOKED:
            self.asked.append(how)
        if self.far and how == LOOKED:
            raise BlockingIOError
        return super().recv(size, flags)


@pytest.fixture
def pair() -> Iterator[tuple[_Watched, socket.socket]]:
    ours, theirs = socket.socketpair()
    watched = _Watched(ours.family, ours.type, ours.proto, ours.detach())
    yield watched, theirs
    watched.close()
    theirs.close()


def asked(spin_wait: SpinWait, pair: tuple[_Watched, socket.socket]) -> list[str]:
    """How one answer was waited for."""
    watched, theirs = pair
    watched.asked.clear()
    theirs.sendall(b"answer")
    assert spin_wait.receive(watched) == b"answer"
    return list(watched.asked)


def test_an_answer_that_is_there_is_found_without_sleeping(pair: tuple[_Watched, socket.socket]) -> None:
    spin_wait = SpinWait(FastSemaphore(2), processors=2)
    assert [asked(spin_wait, pair) for _ in range(3)] == [[LOOKED]] * 3


def test_answers_that_take_long_are_looked_for_ever_less_often(pair: tuple[_Watched, socket.socket]) -> None:
    spin_wait = SpinWait(FastSemaphore(2), processors=2)
    pair[0].far = True
    looks = [number for number in range(20_000) if asked(spin_wait, pair) == [LOOKED, SLEPT]]
    between = [later - earlier - 1 for earlier, later in itertools.pairwise(looks)]
    assert between[:3] == [FIRST_SLEPT, 2 * FIRST_SLEPT, 4 * FIRST_SLEPT]
    assert max(between) == MOST_SLEPT
    assert between == sorted(between)


def test_a_look_that_finds_makes_it_look_again(pair: tuple[_Watched, socket.socket]) -> None:
    spin_wait = SpinWait(FastSemaphore(2), processors=2)
    pair[0].far = True
    while asked(spin_wait, pair) != [LOOKED, SLEPT]:
        pass
    for _ in range(FIRST_SLEPT):
        assert asked(spin_wait, pair) == [SLEPT]
    pair[0].far = False
    assert asked(spin_wait, pair) == [LOOKED]
    pair[0].far = True
    assert asked(spin_wait, pair) == [LOOKED, SLEPT]
    assert [asked(spin_wait, pair) for _ in range(FIRST_SLEPT + 1)] == [[SLEPT]] * FIRST_SLEPT + [[LOOKED, SLEPT]]


def test_several_who_ask_at_the_same_time_sleep(pair: tuple[_Watched, socket.socket]) -> None:
    asking = FastSemaphore(4)
    spin_wait = SpinWait(asking, processors=2)
    with asking:
        assert asked(spin_wait, pair) == [LOOKED]
        with asking:
            assert asked(spin_wait, pair) == [SLEPT]
        assert asked(spin_wait, pair) == [LOOKED]


def test_on_a_single_processor_it_is_left_to_the_server(pair: tuple[_Watched, socket.socket]) -> None:
    assert asked(SpinWait(FastSemaphore(2), processors=1), pair) == [SLEPT]
