import itertools
import socket
from collections.abc import Iterator

import pytest

from frescor._store.connection.eager import FIRST_SLEPT, MOST_SLEPT, Eager
from frescor._store.connection.places import Places

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


def asked(eager: Eager, pair: tuple[_Watched, socket.socket]) -> list[str]:
    """How one answer was waited for."""
    watched, theirs = pair
    watched.asked.clear()
    theirs.sendall(b"answer")
    assert eager.receive(watched) == b"answer"
    return list(watched.asked)


def test_an_answer_that_is_there_is_found_without_sleeping(pair: tuple[_Watched, socket.socket]) -> None:
    eager = Eager(Places(2), processors=2)
    assert [asked(eager, pair) for _ in range(3)] == [[LOOKED]] * 3


def test_answers_that_take_long_are_looked_for_ever_less_often(pair: tuple[_Watched, socket.socket]) -> None:
    eager = Eager(Places(2), processors=2)
    pair[0].far = True
    looks = [number for number in range(20_000) if asked(eager, pair) == [LOOKED, SLEPT]]
    between = [later - earlier - 1 for earlier, later in itertools.pairwise(looks)]
    assert between[:3] == [FIRST_SLEPT, 2 * FIRST_SLEPT, 4 * FIRST_SLEPT]
    assert max(between) == MOST_SLEPT
    assert between == sorted(between)


def test_a_look_that_finds_makes_it_look_again(pair: tuple[_Watched, socket.socket]) -> None:
    eager = Eager(Places(2), processors=2)
    pair[0].far = True
    while asked(eager, pair) != [LOOKED, SLEPT]:
        pass
    for _ in range(FIRST_SLEPT):
        assert asked(eager, pair) == [SLEPT]
    pair[0].far = False
    assert asked(eager, pair) == [LOOKED]
    pair[0].far = True
    assert asked(eager, pair) == [LOOKED, SLEPT]
    assert [asked(eager, pair) for _ in range(FIRST_SLEPT + 1)] == [[SLEPT]] * FIRST_SLEPT + [[LOOKED, SLEPT]]


def test_several_who_ask_at_the_same_time_sleep(pair: tuple[_Watched, socket.socket]) -> None:
    asking = Places(4)
    eager = Eager(asking, processors=2)
    with asking:
        assert asked(eager, pair) == [LOOKED]
        with asking:
            assert asked(eager, pair) == [SLEPT]
        assert asked(eager, pair) == [LOOKED]


def test_on_a_single_processor_it_is_left_to_the_server(pair: tuple[_Watched, socket.socket]) -> None:
    assert asked(Eager(Places(2), processors=1), pair) == [SLEPT]
