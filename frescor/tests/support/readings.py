"""Plans by hand: a request, an entry, and what a plan comes to when it is told these answers."""

from collections.abc import Generator
from typing import Any

from frescor import Policy
from frescor._copies.local import Local
from frescor._plan import Process, Request
from frescor._protocol.pending import Pending
from frescor._values.codec import Codec
from frescor._values.entry import Entry, Packing

CODEC = Codec()
KEY, TAGS = "k", ("*", "=t")
# µs: entries are as of that, and are fresh for a minute and kept for two.
AS_OF = 1_000_000_000
FRESH, STALE = AS_OF + 60_000_000, AS_OF + 120_000_000
POLICY = Policy(name="p", expire=60, grace=60, jitter=0)
VALID = {"*": AS_OF, "=t": AS_OF}


def process_of(local: Local | None = None) -> Process:
    return Process(local or Local(max_bytes=0), Pending())


def request_of(**fields: Any) -> Request:
    given: dict[str, Any] = {"key": KEY, "tags": TAGS, "policy": POLICY, "codec": CODEC, "token": "mine"}
    given |= {"arrived": 5, "now": AS_OF, "dice": 1.0, "ttl_ms": 60_000}
    return Request(**(given | fields))


def entry_of(value: object = 7, key: str = KEY, **fields: Any) -> bytes:
    given: dict[str, Any] = {"as_of": AS_OF, "fresh_until": FRESH, "stale_until": STALE, "cost": 0, "tags": TAGS}
    return Packing().pack(key, Entry(**(given | fields), payload=CODEC.encode(value)))


def told(steps: Generator[Any, Any, Any], *answers: object) -> tuple[list[Any], Any]:
    """What a plan asks for when it is told these answers, and what it comes to; None while it asks on."""
    asked: list[Any] = []
    try:
        for answer in (None, *answers):
            asked.append(steps.send(answer))  # noqa: PERF401  # in a generator its end would be an error
    except StopIteration as end:
        return asked, end.value
    return asked, None
