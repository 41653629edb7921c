"""Whatever stands for a function is cached as one; the rest is refused where it is declared, with what to write."""

import abc
import asyncio
import dataclasses
import enum
import functools
import inspect
import io
import math
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Annotated, Any, NamedTuple

import msgspec
import pytest
from sqlalchemy import orm

from frescor import AsyncCached, Cache, Policy, PolicyError

POLICY = Policy(name="p", expire=60)


@pytest.fixture
def cache() -> Iterator[Cache]:
    with Cache.from_url("memory://", "test") as cache:
        yield cache


def add(first: int, second: int = 1) -> int:
    return first + second


async def awaited_add(first: int, second: int = 1) -> int:
    return first + second


class Adder:
    def __call__(self, first: int, second: int = 1) -> int:
        return first + second

    def add(self, first: int, second: int = 1) -> int:
        return first + second


class AwaitedAdder:
    async def __call__(self, first: int, second: int = 1) -> int:
        return first + second


@pytest.mark.parametrize(
    "function",
    [
        add,
        functools.partial(add),
        Adder(),
        Adder().add,
        functools.lru_cache(add),
        lambda first, second=1: first + second,
    ],
    ids=["function", "partial", "object", "method", "lru_cache", "lambda"],
)
def test_what_stands_for_a_function_is_cached(cache: Cache, function: Callable[..., int]) -> None:
    cached = cache.cached(POLICY)(function)
    assert [cached(1), cached(1), cached(1, second=2), cached.uncached(1)] == [2, 2, 3, 2]
    assert cache.stats()["p"].loads == 2
    assert cached.key(1) == cached.key(1, 1) != cached.key(2)


@pytest.mark.parametrize(
    "function",
    [awaited_add, functools.partial(awaited_add), AwaitedAdder()],
    ids=["function", "partial", "object"],
)
def test_what_is_awaited_stays_so(cache: Cache, function: Callable[..., Awaitable[int]]) -> None:
    cached: Any = cache.cached(POLICY)(function)
    assert isinstance(cached, AsyncCached)

    async def run() -> list[int]:
        return [await cached(1), await cached(1), await cached.refresh(1)]

    assert asyncio.run(run()) == [2, 2, 2]
    assert cache.stats()["p"].loads == 2


def test_a_partial_gives_the_type_that_its_function_is_annotated_with(cache: Cache) -> None:
    def pair(first: int, second: int) -> tuple[int, int]:
        return first, second

    cached = cache.cached(POLICY)(functools.partial(pair, second=2))
    assert [cached(1), cached(1)] == [(1, 2), (1, 2)]


def test_functions_in_c_are_cached_where_their_parameters_are_known(cache: Cache) -> None:
    root = cache.cached(POLICY)(math.sqrt)
    assert [root(4.0), root(4.0)] == [2.0, 2.0]
    with pytest.raises(PolicyError, match=r"the parameters of .* cannot be read.*write a function around it"):
        cache.cached(POLICY)(functools.partial(int, base=2))


def test_class_and_static_methods_work_in_either_order(cache: Cache) -> None:
    class Shop:
        @classmethod
        @cache.cached(POLICY)
        def inner(cls, number: int) -> str:
            return f"{cls.__name__} {number}"

        @cache.cached(POLICY)
        @classmethod
        def outer(cls, number: int) -> str:
            return f"{cls.__name__} {number}"

        @staticmethod
        @cache.cached(POLICY)
        def inner_static(number: int) -> int:
            return number

        @cache.cached(POLICY)
        @staticmethod
        def outer_static(number: int) -> int:
            return number

    class Other(Shop): ...

    for cls in (Shop, Other):
        shop: Any = cls
        for owner in (shop, shop()):
            assert [owner.inner(1), owner.outer(1)] == [f"{cls.__name__} 1"] * 2
            assert [owner.inner_static(1), owner.outer_static(1)] == [1, 1]
        assert shop.outer.invalidate(1) is True
        assert shop.outer.key(1) == shop().outer.key(1)
        assert shop.inner_static.invalidate(1) is shop.outer_static.invalidate(1) is True
    made: Any = Shop
    derived: Any = Other
    assert made.outer.key(1) != derived.outer.key(1)


data: dict[int, str] = {}


@dataclasses.dataclass(frozen=True)
class Service:
    tenant: int


def test_a_method_has_the_calls_of_a_cached_function_for_its_instance(cache: Cache) -> None:
    data.update({1: "a", 2: "b"})

    @dataclasses.dataclass(frozen=True)
    class Tenant(Service):
        @cache.cached(POLICY, name="name")
        def name(self, suffix: str = "") -> str:
            return data[self.tenant] + suffix

        @property
        @cache.cached(POLICY, name="title")
        def title(self) -> str:
            return data[self.tenant].upper()

        @cache.cached(POLICY, name="awaited")
        async def awaited(self) -> str:
            return data[self.tenant]

    one, other = Tenant(1), Tenant(2)
    assert [one.name("!"), other.name("!"), one.title] == ["a!", "b!", "A"]
    assert one.name.key("!") == one.name.key(suffix="!") == Tenant.name.key(one, "!") != other.name.key("!")
    assert inspect.signature(one.name).parameters.keys() == {"suffix"}
    assert one.name.policy is POLICY
    assert one.name.__self__ is one
    assert Tenant.name.__get__(None, Tenant) is Tenant.name
    data[1] = "c"
    assert one.name.uncached("!") == "c!"
    assert [one.name.refresh("!"), one.name("!")] == ["c!", "c!"]
    data[1] = data[2] = "d"
    assert one.name.invalidate("!") is True
    assert [one.name("!"), other.name("!")] == ["d!", "b!"]
    assert one.name.invalidate_all() is True
    assert other.name("!") == "d!"

    async def run() -> None:
        assert [await one.awaited(), await other.awaited()] == ["d", "d"]
        data[1] = "e"
        assert await one.awaited() == "d"
        assert await one.awaited.refresh() == await one.awaited.uncached() == "e"
        data[1] = "f"
        assert await one.awaited.invalidate() is True
        assert await one.awaited() == "f"
        assert one.awaited.key() != other.awaited.key()
        assert one.awaited.policy is POLICY
        assert await other.awaited.invalidate_all() is True

    asyncio.run(run())


def generator() -> Iterator[int]:
    yield 1


async def async_generator() -> AsyncIterator[int]:
    yield 1


def coroutine() -> Awaitable[int]:
    return awaited_add(1)


REFUSED: dict[str, tuple[Any, str]] = {
    "property": (property(lambda self: 1), "put @property above"),
    "cached_property": (functools.cached_property(lambda self: 1), "write @property above"),
    "partialmethod": (functools.partialmethod(add, 1), "write a method that calls the other one"),
    "singledispatchmethod": (functools.singledispatchmethod(add), "write a method that calls it"),
    "class": (Adder, "Adder is a class: write a function"),
    "builtin class": (int, "int is a class"),
    "generator": (generator, "read only once: return a list"),
    "partial of a generator": (functools.partial(generator), "read only once: return a list"),
    "async generator": (async_generator, "read only once: return a list"),
    "returns an awaitable": (coroutine, "declare it as `async def`"),
    "number": (7, "only a function can be cached, and this is a int"),
}


@pytest.mark.parametrize(("given", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_cached_is_refused_with_what_to_write(cache: Cache, given: Any, sentence: str) -> None:
    with pytest.raises(PolicyError, match=sentence):
        cache.cached(POLICY)(given)


def test_a_coroutine_that_was_called_already_is_refused_and_closed(cache: Cache) -> None:
    with pytest.raises(PolicyError, match="decorate the function, not its call"):
        cache.cached(POLICY)(awaited_add(1))  # type: ignore[call-overload, unused-ignore]


# -- arguments without an identity -----------------------------------------------------------------------------------


def of_session(session: orm.Session, number: int) -> int:
    return number


def of_database(db: Annotated[sqlite3.Connection | None, "injected"] = None) -> int:
    return 1


async def of_file(number: int, *, file: io.BytesIO) -> int:
    return number


def of_iterator(rows: Iterator[int]) -> int:
    return sum(rows)


@pytest.mark.parametrize(
    ("function", "argument"),
    [
        (of_database, "db"),
        (of_file, "file"),
        (of_iterator, "rows"),
    ],
)
def test_an_argument_that_can_have_no_identity_is_refused_where_it_is_declared(
    cache: Cache, function: Callable[..., Any], argument: str
) -> None:
    with pytest.raises(PolicyError, match=rf"argument '{argument}'.*ignore=\('{argument}',\)"):
        cache.cached(POLICY)(function)


def test_an_argument_that_is_ignored_makes_no_other_call(cache: Cache) -> None:
    read = cache.cached(POLICY, ignore=("session",))(of_session)
    with orm.Session() as one, orm.Session() as other:
        assert [read(one, 1), read(other, 1), read(one, 2)] == [1, 1, 2]
        assert read.key(one, 1) == read.key(other, 1)
    assert cache.stats()["p"].loads == 2
    with pytest.raises(PolicyError, match="ignore names the argument 'db'"):
        cache.cached(POLICY, ignore=("session", "db"))(of_session)
    with pytest.raises(PolicyError, match=r"write ignore=\('session',\)"):
        cache.cached(POLICY, ignore="session")(of_session)  # type: ignore[call-overload]


def test_a_session_that_a_wrapper_gives_is_no_argument(cache: Cache) -> None:
    def with_session(function: Callable[..., int]) -> Callable[..., int]:
        @functools.wraps(function)
        def wrapper(*args: Any) -> int:
            with orm.Session() as session:
                return function(session, *args)

        return wrapper

    read = cache.cached(POLICY)(with_session(of_session))
    assert [read(1), read(1), read(2)] == [1, 1, 2]
    assert cache.stats()["p"].loads == 2


def test_a_method_of_a_class_without_identity_is_refused_with_the_class(cache: Cache) -> None:
    with pytest.raises(
        PolicyError, match=r"instances of .*Users have no .*cached_method.*identity=lambda self.*frozen dataclass"
    ):

        class Users:
            @cache.cached(POLICY)
            def get(self, number: int) -> int:
                return number


def test_a_method_of_a_class_that_inherits_nothing_to_know_it_by_is_refused(cache: Cache) -> None:
    class Repository: ...

    # Python 3.11 hides what a descriptor raises when it is given its name.
    with pytest.raises((PolicyError, RuntimeError)) as raised:

        class Users(Repository):
            @cache.cached(POLICY)
            async def get(self, number: int) -> int:
                return number

    error = raised.value if isinstance(raised.value, PolicyError) else raised.value.__cause__
    assert isinstance(error, PolicyError)
    assert "have no identity by value" in str(error)


def test_a_method_of_a_class_that_inherits_its_fields_is_not_refused(cache: Cache) -> None:
    class Users(Service):
        @cache.cached(POLICY)
        def get(self, number: int) -> int:
            return number * self.tenant

    class Point(NamedTuple):
        x: int

        @cache.cached(POLICY)
        def get(self) -> int:
            return self.x

    class Kind(enum.Enum):
        A = 1

        @cache.cached(POLICY)
        def get(self) -> int:
            return int(self.value)

    class Struct(msgspec.Struct, frozen=True):
        x: int

        @cache.cached(POLICY)
        def get(self) -> int:
            return self.x

    class Mixin(abc.ABC):  # noqa: B024  # what it is for is told by those who inherit
        @cache.cached(POLICY)
        def kind(self) -> str:
            return type(self).__name__

    @dataclasses.dataclass(frozen=True)
    class Mixed(Mixin):
        x: int

    assert Mixed(1).kind() == "Mixed"
    assert [Users(2).get(2), Point(5).get(), Kind.A.get(), Struct(7).get()] == [4, 5, 1, 7]


def test_a_method_may_ignore_its_instance(cache: Cache) -> None:
    class Users:
        @cache.cached(POLICY, ignore=("self",))
        def get(self, number: int) -> int:
            return number

    assert [Users().get(1), Users().get(1)] == [1, 1]
    assert cache.stats()["p"].loads == 1
    assert Users().get.key(1) == Users().get.key(1)


def test_a_class_that_a_decorator_gives_an_identity_is_not_refused(cache: Cache) -> None:
    @dataclasses.dataclass(frozen=True)
    class Users:
        tenant: int

        @cache.cached(POLICY)
        def get(self, number: int) -> int:
            return number * self.tenant

    assert [Users(2).get(1), Users(3).get(1)] == [2, 3]
