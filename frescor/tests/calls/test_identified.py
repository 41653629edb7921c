"""What identifies an argument or an instance, where its caller says so."""

import dataclasses
from collections.abc import Iterator
from typing import Annotated, Any

import pytest

from frescor import Cache, Policy, PolicyError, key

POLICY = Policy(name="p", expire=60)


@pytest.fixture
def cache() -> Iterator[Cache]:
    with Cache.from_url("memory://", "test") as cache:
        yield cache


class User:
    """Without an identity by value."""

    def __init__(self, number: int, name: str = "") -> None:
        self.id, self.name = number, name


def by_annotation(user: Annotated[User, key(lambda user: user.id)], page: int = 1) -> int:
    return page


def plain(user: Any, page: int = 1) -> int:
    return page


def test_an_argument_counts_by_what_its_key_returns(cache: Cache) -> None:
    for read in (cache.cached(POLICY)(by_annotation), cache.cached(POLICY, key={"user": lambda one: one.id})(plain)):
        assert read.key(User(1, "a")) == read.key(user=User(1, "b"))
        assert len({read.key(User(1)), read.key(User(2)), read.key(User(1), 2)}) == 3


def test_an_option_comes_before_the_annotation(cache: Cache) -> None:
    read = cache.cached(POLICY, key={"user": lambda user: user.name})(by_annotation)
    assert read.key(User(1, "a")) == read.key(User(2, "a")) != read.key(User(1, "b"))


def test_a_default_is_the_same_call_whether_it_is_given_or_not(cache: Cache) -> None:
    def find(names: tuple[str, ...] = ("a", "b"), other: User | None = None) -> int:
        return 1

    read = cache.cached(POLICY, key={"names": sorted, "other": lambda user: user.id})(find)
    assert read.key() == read.key(("b", "a")) == read.key(["a", "b"], None)  # type: ignore[arg-type]
    assert read.key() != read.key(("a",))
    assert read.key(other=User(1)) != read.key(other=User(2))


def test_a_key_that_cannot_be_meant_is_refused(cache: Cache) -> None:
    with pytest.raises(PolicyError, match="key names the argument 'usr', which the function does not have: user, page"):
        cache.cached(POLICY, key={"usr": id})(plain)
    with pytest.raises(PolicyError, match="key maps"):
        cache.cached(POLICY, key=lambda user: 1)(plain)  # type: ignore[call-overload]
    with pytest.raises(PolicyError, match="key of 'user' must be a function"):
        cache.cached(POLICY, key={"user": 3})(plain)  # type: ignore[dict-item]
    with pytest.raises(PolicyError, match=r"identified by what its key= or identity= function.*holds a .*User"):
        cache.cached(POLICY, key={"user": lambda user: user})(plain).key(User(1))


# -- instances -------------------------------------------------------------------------------------------------------


def test_a_method_of_a_service_without_state_is_one_call_for_all_instances(cache: Cache) -> None:
    class Service:
        def __init__(self) -> None:
            self.runs: list[int] = []

        @cache.cached_method(expire=60, key_prefix="service")
        def twice(self, number: int) -> int:
            self.runs.append(number)
            return 2 * number

    class Other(Service):
        pass

    one, two, other = Service(), Service(), Other()
    assert [one.twice(1), two.twice(1), other.twice(1)] == [2, 2, 2]
    assert (one.runs, two.runs, other.runs) == ([1], [], [1])
    assert one.twice.invalidate(1)
    two.twice(1)
    assert two.runs == [1]


def test_a_method_counts_by_what_identity_says_and_by_its_class(cache: Cache) -> None:
    class Tenant:
        def __init__(self, number: int) -> None:
            self.number, self.connection = number, object()

        @cache.cached(expire=60, key_prefix="tenant", identity=lambda self: self.number)
        def read(self, row: int) -> int:
            return self.number * row

        @cache.cached_method(expire=60, key_prefix="tenant", identity=lambda self: self.number)
        async def awaited(self, row: int) -> int:
            return self.number * row

    class Sub(Tenant):
        pass

    assert Tenant(1).read.key(2) == Tenant(1).read.key(2)
    keys = [of(n).read.key(2) for of in (Tenant, Sub) for n in (1, 2)]
    keys += [of(n).awaited.key(2) for of in (Tenant, Sub) for n in (1, 2)]
    assert len(set(keys)) == 8
    assert [Tenant(2).read(3), Tenant(3).read(3)] == [6, 9]


def test_an_instance_may_say_itself_what_it_is(cache: Cache) -> None:
    class Shop:
        def __init__(self, number: int) -> None:
            self.number, self.opened = number, object()

        @cache.cached(expire=60, key_prefix="shop")
        def name(self) -> str:
            return f"shop {self.number}"

        @property
        @cache.cached(expire=60, key_prefix="shop")
        def size(self) -> int:
            return self.number * 10

        def __cache_key__(self) -> object:
            return self.number

    class Branch(Shop):
        pass

    assert [Shop(1).name(), Shop(2).name(), Branch(1).name(), Shop(1).name()] == [
        "shop 1",
        "shop 2",
        "shop 1",
        "shop 1",
    ]
    assert [Shop(3).size, Shop(4).size, Shop(3).size] == [30, 40, 30]
    assert cache.stats()["shop"].loads == 5
    read = cache.cached(POLICY)(plain)
    assert read.key(Shop(1)) == read.key(Shop(1))
    assert len({read.key(Shop(1)), read.key(Shop(2)), read.key(Branch(1)), read.key(1)}) == 4


@dataclasses.dataclass
class Filter:
    words: list[str]
    page: int = 1


def test_a_dataclass_that_can_change_counts_by_what_it_holds_at_the_call(cache: Cache) -> None:
    read = cache.cached(POLICY)(plain)
    given = Filter(["a"])
    before = read.key(given)
    assert before == read.key(Filter(["a"]))
    given.words.append("b")
    assert read.key(given) == read.key(Filter(["a", "b"])) != before


def test_class_and_static_methods_are_told_apart_by_class_and_arguments(cache: Cache) -> None:
    class Base:
        @classmethod
        @cache.cached(expire=60, key_prefix="methods")
        def below(cls, number: int) -> str:
            return f"{cls.__name__} {number}"

        @cache.cached(expire=60, key_prefix="methods")
        @classmethod
        def above(cls, number: int) -> str:
            return f"{cls.__name__} {number}"

        @cache.cached(expire=60, key_prefix="methods")
        @staticmethod
        def static(number: int) -> int:
            return number

    class Sub(Base):
        pass

    reads: list[Any] = [Base.above, Sub.above, Sub().above, Base.below, Sub.below]
    assert [read(1) for read in reads] == ["Base 1", "Sub 1", "Sub 1", "Base 1", "Sub 1"]
    assert [Base.static(1), Sub.static(1)] == [1, 1]


def test_a_method_without_an_identity_is_refused_with_the_three_ways_out(cache: Cache) -> None:
    with pytest.raises(PolicyError, match=r"cached_method\(…\).*identity=lambda self.*__cache_key__.*frozen dataclass"):

        class Plain:
            @cache.cached(expire=60, key_prefix="plain")
            def read(self) -> int:
                return 1


def test_what_has_no_instance_cannot_be_a_cached_method(cache: Cache) -> None:
    with pytest.raises(PolicyError, match="are for methods"):

        class Static:
            @cache.cached_method(expire=60, key_prefix="static")
            @staticmethod
            def read(number: int) -> int:
                return number


def test_an_argument_without_an_identity_is_refused_with_the_ways_out(cache: Cache) -> None:
    with pytest.raises(
        PolicyError, match=r"frozen dataclass.*__cache_key__.*key={'user': lambda user: user\.id}.*ignore"
    ):
        cache.cached(POLICY)(plain).key(User(1))
