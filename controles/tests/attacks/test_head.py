"""A HEAD is answered as the GET of the same page: Flask lets it in wherever GET is, and asks it for no token."""

from collections.abc import Callable
from typing import Any

from .conftest import World
from .test_statements import paths_of


def test_head_is_answered_as_get_is(world: World, visit_any: Callable[..., Any]) -> None:
    client = visit_any().client
    for path in paths_of(world):
        with client.get(path) as got, client.head(path) as head:
            assert (head.status_code, head.content_type) == (got.status_code, got.content_type), path
            assert head.data == b"", path
