"""Tokens are unique among processes, forked ones too."""

import os

from frescor._runtime.nondeterminism import Nondeterminism, Tokens


def test_tokens_differ_within_a_process_and_between_two() -> None:
    one, other = Tokens(), Tokens()
    assert len({next(one), next(one), next(other), Nondeterminism().token()}) == 4


def test_a_child_has_tokens_of_its_own() -> None:
    tokens = Tokens()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, next(tokens).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 100).decode() != next(tokens)
    os.close(reading)
    os.close(writing)
