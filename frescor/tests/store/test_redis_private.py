"""What Frescor needs of redis-py's private parts is looked for, and refused in a sentence where it is not there."""

import socket

import pytest
import redis

from frescor._store.connection import redis_private
from frescor.errors import CacheError


def test_a_part_that_redis_lost_is_refused_in_a_sentence() -> None:
    with pytest.raises(CacheError, match=r"works with redis>=5\.0\.1,<9; in redis-py .* Connection has no _gone"):
        redis_private.require(redis.Connection, "_connect", "_gone")


def test_the_socket_of_a_connection_is_found_and_replaced() -> None:
    connection = redis.Connection()  # type: ignore[no-untyped-call]
    one, other = socket.socketpair()
    with one, other:
        redis_private.put_socket(connection, one)
        assert redis_private.socket_of(connection) is one
        redis_private.put_socket(connection, other)
        assert redis_private.socket_of(connection) is other
