"""What is refused says what to write instead, as somebody reads it who sees Frescor for the first time."""

import datetime as dt
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from frescor import Cache, Policy, PolicyError, current_load

if TYPE_CHECKING:
    from decimal import Decimal

cache = Cache.from_url("memory://", "refused")
cached: Any = cache.cached
POLICY = Policy(name="dues", expire=60)


def value(number: int = 1) -> int:
    return number


def unreadable() -> "Decimal":
    raise NotImplementedError


async def awaited(_: object) -> bool:
    return True


class Service:
    def of(self) -> int:
        return 1


# What somebody writes, and what the sentence has to name so that the next attempt works.
REFUSED: list[tuple[str, Callable[[], object], str]] = [
    ("no parentheses", lambda: cached(value), "@cache.cached(expire=300, key_prefix='…') above value"),
    ("only a time", lambda: cached(300), "cached(expire=300, key_prefix='…')"),
    ("only a name", lambda: cached("dues"), "cached(expire=300, key_prefix='dues')"),
    ("something else", lambda: cached([]), "cached takes a Policy, or options such as expire=300 and key_prefix='…'"),
    ("no prefix", lambda: cached(expire=60), "@cache.cached(expire=300, key_prefix='dashboard')"),
    ("policy and options", lambda: cached(POLICY, expire=5), "policy.replace(expire=…)"),
    ("a misspelt option", lambda: cached(key_prefix="p", expires=5), "expires is no option: is expire meant?"),
    ("an unknown option", lambda: cached(key_prefix="p", zzz=1), "zzz is no option. The options are: key_prefix"),
    ("Flask-Caching's timeout", lambda: cached(key_prefix="p", timeout=5), "timeout is no option. Here it is expire=."),
    (
        "Flask-Caching's unless",
        lambda: cached(key_prefix="p", unless=1),
        "no option. Here it is bypass_if=, a function",
    ),
    ("dogpile's time", lambda: cached(key_prefix="p", expiration_time=5), "no option. Here it is expire=."),
    ("functools' size", lambda: cached(key_prefix="p", maxsize=5), "Here it is Cache.from_url(…, local=bytes)"),
    ("a wild prefix", lambda: cached(key_prefix="p:*"), "such as 'dashboard' or 'dashboard:stats'"),
    ("no time", lambda: cached(key_prefix="p", expire=0), "a number of seconds above 0"),
    ("one tag", lambda: cached(key_prefix="p", tags="dues"), "tags=('dues',)"),
    ("a pattern as a tag", lambda: cache.invalidate("dues:*"), "invalidate_pattern('dues:*')"),
    ("an empty tag", lambda: cache.invalidate(""), "such as 'orders' or 'order:7'"),
    ("a tag of a part", lambda: cached(key_prefix="p", tags=("u:{user.id}",))(value), "take what identifies it"),
    ("a wrong tag name", lambda: cached(key_prefix="p", tags=("u:{id}",))(value), "number"),
    ("varies on a value", lambda: cached(key_prefix="p", varies_on=("pt",)), "varies_on=(current_locale,)"),
    ("a time without grace", lambda: cached(key_prefix="p", soft_timeout=1), "without grace=…"),
    ("stale without grace", lambda: cached(key_prefix="p", on_failure="stale"), "without grace=…"),
    ("strict and grace", lambda: cached(key_prefix="p", strict=True, grace=5), "leave grace out"),
    (
        "a coroutine condition",
        lambda: cached(key_prefix="p", store_if=awaited)(value),
        "kept; got a coroutine function",
    ),
    ("a fixed ttl", lambda: cached(key_prefix="p", ttl=60)(value), "expire=…"),
    (
        "two ends",
        lambda: cached(key_prefix="p", ttl=len, expire_at=dt.time(0))(value),
        "give only one of them",
    ),
    ("a call", lambda: cached(key_prefix="p")(value()), "decorate the function"),
    ("a class", lambda: cached(key_prefix="p")(Service), "write a function that returns what is to be kept"),
    ("a type for checkers", lambda: cached(key_prefix="p")(unreadable), "import them outside of `if TYPE_CHECKING:`"),
    ("a name with a star", lambda: cached(key_prefix="p", name="a*")(value), "such as 'users.get'"),
    ("ignore what is not there", lambda: cached(key_prefix="p", ignore=("n",))(value), "number"),
    ("key of what is not there", lambda: cached(key_prefix="p", key={"n": str})(value), "number"),
    ("a number as a key", lambda: cache.get(7), "f'user:{number}'"),  # type: ignore[call-overload]
    ("a long key", lambda: cache.get("k" * 500), "hashlib.sha256"),
    ("a key with a line break", lambda: cache.get("a\nb"), "urllib.parse.quote"),
    ("an empty part", lambda: cache.get("a::b"), "Write 'a:b'"),
    ("a star in the midst", lambda: cache.invalidate_pattern("a*b"), "declare a tag and invalidate that"),
    ("no load", current_load, "inside a cached function or loader"),
    ("a URL instead of a cache", lambda: cache.replaced_by("memory://").__enter__(), "the fixture frescor_cache"),  # type: ignore[arg-type]
    ("a part as text", lambda: Cache.from_url("memory://", "n", auditing="x"), "such as 0.001"),  # type: ignore[arg-type]
    ("no address", lambda: Cache.from_url("", "n"), "redis://host:6379/0"),
    ("no namespace", lambda: Cache.from_url("memory://", ""), "such as 'shop'"),
    ("a scheme", lambda: Cache.from_url("http://localhost", "n"), "redis://"),
    ("a touch without a time", lambda: cache.touch("k", 0), "a number of seconds above 0"),
]


@pytest.mark.parametrize(
    ("call", "names"), [(call, names) for _, call, names in REFUSED], ids=[one for one, *_ in REFUSED]
)
def test_a_refusal_names_what_to_write(call: Callable[[], object], names: str) -> None:
    with pytest.raises(PolicyError) as refused:
        call()
    said = str(refused.value)
    assert names in said
    assert re.search(r"[.?](?: \(.*\))?$", said), "a whole sentence"
