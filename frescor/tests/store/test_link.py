import socket
import threading
import time
from typing import Any, cast

import pytest
from redis import exceptions as driver

from frescor._store.connection.link import DriverConnection, Link
from frescor._store.connection.semaphore import FastSemaphore
from frescor._store.connection.spin_wait import SpinWait


class _Connected:
    def __init__(self, connected: socket.socket) -> None:
        self._sock = connected

    def disconnect(self) -> None:
        self._sock.close()


@pytest.fixture
def pair() -> Any:
    ours, theirs = socket.socketpair()
    ours.settimeout(0.2)
    yield Link(cast(DriverConnection, _Connected(ours)), SpinWait(FastSemaphore(1)), 0.2), theirs
    theirs.close()
    ours.close()


def test_a_server_that_says_nothing_is_given_up_in_time(pair: tuple[Link, socket.socket]) -> None:
    link, _ = pair
    began = time.monotonic()
    with pytest.raises(driver.TimeoutError):
        link.receive(1)
    assert time.monotonic() - began >= 0.15


def test_a_server_that_answers_byte_by_byte_is_given_up_too(pair: tuple[Link, socket.socket]) -> None:
    link, theirs = pair
    given_up = threading.Event()

    def answer() -> None:
        theirs.sendall(b"$1000\r\n")
        # Each byte comes well within the time that a single receive may take.
        while not given_up.wait(0.02):
            theirs.sendall(b"x")

    server = threading.Thread(target=answer)
    server.start()
    try:
        with pytest.raises(driver.TimeoutError):
            link.receive(1)
    finally:
        given_up.set()
        server.join()


def test_a_server_that_takes_nothing_is_given_up_in_time(pair: tuple[Link, socket.socket]) -> None:
    link, _ = pair
    with pytest.raises(driver.TimeoutError):
        link.send(b"x" * 50_000_000)


def test_an_answer_in_pieces_is_put_together(pair: tuple[Link, socket.socket]) -> None:
    link, theirs = pair
    theirs.sendall(b"$5\r\nhe")
    threading.Timer(0.02, theirs.sendall, (b"llo\r\n+OK\r\n",)).start()
    assert link.receive(2) == [b"hello", b"OK"]
