"""Two different functions, or calls with instances of two classes, never share an entry; one function always does."""

import dataclasses
import enum
import functools
import gc
import importlib
import logging
import operator
import subprocess
import sys
import types
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from frescor import Cache, Cached, Policy, PolicyError
from frescor._store.memory import MemoryStore

POLICY = Policy(name="p", expire=300)


@pytest.fixture
def cache() -> Iterator[Cache]:
    with Cache.from_url("memory://", "test") as cache:
        yield cache


def cached(cache: Cache, function: Callable[..., Any], **options: Any) -> Cached[..., Any]:
    made: Cached[..., Any] = cache.cached(POLICY, **options)(function)
    return made


def adder(number: Any) -> Callable[[int], Any]:
    return lambda given: given + number


def through(function: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(*args: Any) -> Any:
        return function(*args)

    return wrapper


def times(number: int, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any) -> Any:
        return function(*args) * number

    return wrapper


def with_default(number: int) -> Callable[..., int]:
    def function(given: int, number: int = number) -> int:
        return given * number

    return function


def with_hidden_default(number: int) -> Callable[..., int]:
    @functools.wraps(one)
    def wrapper(*args: int, _number: int = number) -> int:
        return one(*args) * _number

    return wrapper


def with_attribute(number: int) -> Callable[..., int]:
    def function(given: int) -> int:
        return given * int(function.number)  # type: ignore[attr-defined]

    function.number = number  # type: ignore[attr-defined]
    function.marks = object()  # type: ignore[attr-defined]  # as frameworks set them
    function.itself = function  # type: ignore[attr-defined]
    return function


def one(given: int) -> int:
    return given


def two(given: int, by: int) -> int:
    return given * by


@dataclasses.dataclass(frozen=True)
class Times:
    number: int

    def __call__(self, given: int) -> int:
        return given * self.number

    def of(self, given: int) -> int:
        return given * self.number


PAIRS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "closures over numbers": (adder(1), adder(2)),
    "closures over equal numbers of two types": (adder(1), adder(1.0)),
    "closures over closures": (through(adder(1)), through(adder(2))),
    "closures over containers": (
        through(lambda given, table=(1, {"a": [2]}): table),
        through(lambda given, table=(1, {"a": [3]}): table),
    ),
    "lambdas": (lambda given: 1, lambda given: 2),
    "lambdas whose constants are equal": (lambda given: 1, lambda given: True),
    "lambdas that call other methods": (lambda given: str(given).upper(), lambda given: str(given).title()),
    "wrappers without wraps": (through(one), through(abs)),
    "wrappers with a parameter": (times(2, one), times(3, one)),
    "defaults": (with_default(2), with_default(3)),
    "defaults that a wrapper hides": (with_hidden_default(2), with_hidden_default(3)),
    "attributes of functions": (with_attribute(2), with_attribute(3)),
    "partials": (functools.partial(two, by=2), functools.partial(two, by=3)),
    "partials by place": (functools.partial(two, 2), functools.partial(two, 3)),
    "partials of partials": (
        functools.partial(functools.partial(two), by=2),
        functools.partial(functools.partial(two), by=3),
    ),
    "callable objects": (Times(2), Times(3)),
    "bound methods": (Times(2).of, Times(3).of),
    "functions of operator": (through(operator.itemgetter(0)), through(operator.itemgetter(1))),
}


@pytest.mark.parametrize(("first", "second"), PAIRS.values(), ids=PAIRS.keys())
def test_two_functions_have_two_keys_and_each_is_the_same_when_it_is_declared_again(
    cache: Cache, first: Callable[..., Any], second: Callable[..., Any]
) -> None:
    keys = [cached(cache, function).key(7) for function in (first, second, first, second)]
    assert keys[:2] == keys[2:]
    assert keys[0] != keys[1]


def test_what_a_closure_holds_counts_as_it_is_at_the_call(cache: Cache) -> None:
    number, table = 1, {"a": 1}

    def function() -> tuple[int, int]:
        return number, table["a"]

    read = cached(cache, function)
    assert [read(), read()] == [(1, 1), (1, 1)]
    number = 2
    assert read() == (2, 1)
    table["a"] = 2
    assert read() == (2, 2)
    number, table = 1, {"a": 1}
    assert read() == (1, 1)


def test_what_was_read_of_a_closure_that_changed_meanwhile_is_not_kept(cache: Cache) -> None:
    number = 1

    def function() -> int:
        bump()
        return number

    def bump() -> None:
        nonlocal number
        number += 1

    read = cached(cache, function)
    assert [read(), read()] == [2, 3]
    number = 1
    assert read() == 2
    assert cache.stats()["p"].loads == 0
    assert cache.stats()["p"].bypassed == 3


def test_state_that_a_function_writes_itself_does_not_count(cache: Cache) -> None:
    runs, counts, loads = [], {"all": 0}, 0

    def function(given: int) -> int:
        nonlocal loads
        runs.append(given)
        counts["all"] += 1
        loads += 1
        return given

    read = cached(cache, function)
    assert [read(1), read(1), read(2)] == [1, 1, 2]
    assert (runs, counts, loads) == ([1, 2], {"all": 2}, 2)


def test_a_function_of_a_function_that_calls_itself_is_one(cache: Cache) -> None:
    def factory(start: int) -> Cached[..., int]:
        @cache.cached(POLICY)
        def count(number: int) -> int:
            return start if number == 0 else count(number - 1) + 1

        return count

    first, again, other = factory(0), factory(0), factory(10)
    assert [first(3), again(3), other(3)] == [3, 3, 13]
    assert first.key(3) == again.key(3) != other.key(3)


class Plain:
    def __init__(self, number: int) -> None:
        self.number = number

    def of(self, given: int) -> int:
        return given * self.number

    def __call__(self, given: int) -> int:
        return given * self.number


def by_object(held: Plain) -> Callable[[int], int]:
    def function(given: int) -> int:
        return given * held.number

    return function


@pytest.mark.parametrize(
    "make", [by_object, lambda held: held.of, lambda held: held], ids=["closure", "method", "call"]
)
def test_a_second_function_that_holds_another_object_is_refused_and_a_name_helps(
    cache: Cache, make: Callable[[Plain], Callable[..., Any]]
) -> None:
    one, other = Plain(2), Plain(3)
    first = cached(cache, make(one))
    assert cached(cache, make(one)).key(7) == first.key(7)
    with pytest.raises(PolicyError, match=r"Plain.*name='users.get'"):
        cached(cache, make(other))
    named = cached(cache, make(other), name="other")
    assert (first(7), named(7)) == (14, 21)
    with pytest.raises(PolicyError, match="second, different function other"):
        cached(cache, make(one), name="other")


def test_objects_of_two_processes_are_not_the_same_and_each_process_ends_what_all_have(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with Cache.from_url("memory://", "test") as cache, Cache.from_url("memory://", "test") as elsewhere:
        elsewhere._engine.store = cache._engine.store
        first, second = (
            cache.cached(expire=60, key_prefix="of_two")(by_object(Plain(2))),
            elsewhere.cached(expire=60, key_prefix="of_two")(by_object(Plain(3))),
        )
        assert [first(1), second(1), first(1), second(1)] == [2, 3, 2, 3]
        assert first.key(1) == second.key(1)
        first._site._held.objects[0].number = 5  # type: ignore[attr-defined]
        second.invalidate(1)
        assert first(1) == 5
    # Said once for a function, however often it is declared.
    (warning,) = caplog.records
    assert "holds a Plain without an identity by value" in warning.message
    assert "name=" in warning.message


def test_one_that_is_gone_leaves_its_name_and_nothing_of_its_values(cache: Cache) -> None:
    for number in range(1, 50):
        assert cached(cache, by_object(Plain(number)))(10) == 10 * number


def test_declarations_that_are_gone_are_not_kept(cache: Cache) -> None:
    def declare(number: int) -> weakref.ref[Any]:
        function = cached(cache, adder(number))
        function(1)
        function(1)
        return weakref.ref(function._site)

    gone = [declare(number) for number in range(20)]
    gc.collect()
    assert [reference() for reference in gone] == [None] * 20
    assert not cache._engine.claims._held


def test_a_name_stands_for_what_can_change_but_not_for_values(cache: Cache) -> None:
    def of(tenant: str) -> Cached[..., Any]:
        table = {"tenant": tenant}
        return cached(cache, lambda: (tenant, table["tenant"]), name="settings")

    first, second = of("a"), of("b")
    assert (first(), second()) == (("a", "a"), ("b", "b"))
    assert first.key().startswith("p:settings:")


@pytest.mark.parametrize("name", ["", "a:b", "a*", "a\n", "x" * 121, 7])
def test_what_cannot_be_a_name_is_refused(cache: Cache, name: Any) -> None:
    with pytest.raises(PolicyError, match=r"name is .* such as 'users.get'"):
        cached(cache, one, name=name)


# -- classes ---------------------------------------------------------------------------------------------------------


def dataclass_of(number: int) -> Any:
    @dataclasses.dataclass(frozen=True)
    class Point:
        x: int

        def scaled(self) -> int:
            return self.x * number

    return Point(1)


def tuple_of(number: int) -> Any:
    class Point(NamedTuple):
        x: int

        def scaled(self) -> int:
            return self.x * number

    return Point(1)


def struct_of(number: int) -> Any:
    class Point(msgspec.Struct, frozen=True):
        x: int

        def scaled(self) -> int:
            return self.x * number

    return Point(1)


def enum_of(number: int) -> Any:
    class Point(enum.Enum):
        X = 1

        def scaled(self) -> int:
            return number

    return Point.X


def inherited(number: int) -> Any:
    class Base:
        def scaled(self) -> int:
            return number

    @dataclasses.dataclass(frozen=True)
    class Point(Base):
        x: int

        def scaled(self) -> int:
            return super().scaled() * self.x

    return Point(1)


@pytest.mark.parametrize("make", [dataclass_of, tuple_of, struct_of, enum_of, inherited])
@pytest.mark.parametrize("inside", [lambda point: point, lambda point: [{"a": (point,)}], type])
def test_instances_of_two_classes_with_one_name_are_two_arguments(
    cache: Cache, make: Callable[[int], Any], inside: Callable[[Any], Any]
) -> None:
    key = cached(cache, lambda given: None).key
    assert key(inside(make(2))) == key(inside(make(2)))
    assert key(inside(make(2))) != key(inside(make(3)))


def test_methods_that_classes_inherit_are_of_each_class(cache: Cache) -> None:
    @dataclasses.dataclass(frozen=True)
    class Base:
        number: int

        @cache.cached(POLICY)
        def name(self) -> str:
            return type(self).__name__

        @classmethod
        @cache.cached(POLICY)
        def kind(cls) -> str:
            return cls.__name__

        @cache.cached(POLICY)
        @classmethod
        def sort(cls) -> str:
            return cls.__name__

    class One(Base): ...

    class Other(Base): ...

    for cls in (One, Other):
        made: Any = cls
        assert (made(1).name(), made.kind(), made.sort(), made(1).sort()) == (cls.__name__,) * 4


# -- modules ---------------------------------------------------------------------------------------------------------

MODULE = """
from frescor import Cache, Policy
cache = Cache.from_url("memory://", namespace="test")
policy = Policy(name="p", expire=60)

class Row:
    pass

import dataclasses
@dataclasses.dataclass(frozen=True)
class Price:
    cents: int

@cache.cached(policy)
def price(number: int) -> Price:
    return Price({body})

double = cache.cached(policy)(lambda number: number * 2)

if __name__ == "__main__":
    print(price.key(1), price._site.shape.digest, double.key(1), double._site.shape.digest, price.key(Price(1)))
"""


def run(*arguments: str, folder: Path, seed: str = "0") -> list[str]:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_a_file_that_is_run_is_the_module_that_is_imported_in_every_process(tmp_path: Path) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "module.py").write_text(MODULE.format(body="number"))
    shown = "import package.module as m; print(m.price.key(1), m.price._site.shape.digest, m.double.key(1), "
    shown += "m.double._site.shape.digest, m.price.key(m.Price(1)))"
    ways = [
        run("-c", shown, folder=tmp_path),
        run("-m", "package.module", folder=tmp_path, seed="1"),
        run("package/module.py", folder=tmp_path, seed="2"),
    ]
    assert ways[0] == ways[1] == ways[2]
    assert len(ways[0]) == 5
    (package / "module.py").write_text(MODULE.format(body="number + 1"))
    now = run("-m", "package.module", folder=tmp_path)
    assert now[0] == ways[0][0]
    assert now[1] != ways[0][1]


def test_a_function_with_another_body_is_another_one_where_it_is_defined_anew(
    cache: Cache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("builtins.the_cache", cache, raising=False)
    path = tmp_path / "defined_anew.py"
    source = "@the_cache.cached(expire=60, key_prefix='p')\ndef number() -> int:\n    return {}\n"
    path.write_text(source.format(1))
    module = importlib.import_module("defined_anew")
    first = module.number
    assert first() == 1
    for number in (1, 22, 1):
        path.write_text(source.format(number) + "#" * number)
        importlib.invalidate_caches()
        importlib.reload(module)
        assert module.number() == number
        assert module.number.key() == first.key()
    del sys.modules["defined_anew"]
    assert importlib.import_module("defined_anew").number() == 1
    del sys.modules["defined_anew"]


def test_a_notebook_may_define_a_function_anew(cache: Cache) -> None:
    notebook = {"__name__": "__main__", "cache": cache}
    source = "@cache.cached(expire=60, key_prefix='p')\ndef number() -> int:\n    return {}\n"
    got = []
    for number in (1, 2, 1):
        exec(source.format(number), notebook)
        got.append(notebook["number"]())  # type: ignore[operator]
    assert got == [1, 2, 1]


def test_a_second_function_of_one_name_is_refused_in_a_module(cache: Cache) -> None:
    module = types.ModuleType("twice")
    module.__dict__["cache"] = cache
    source = "@cache.cached(expire=60, key_prefix='p')\ndef _() -> int:\n    return {}\n"
    exec(source.format(1), module.__dict__)
    with pytest.raises(PolicyError, match=r"second, different function _ .*name='users.get'"):
        exec(source.format(2), module.__dict__)


def test_a_function_whose_globals_are_others_is_another_one(cache: Cache) -> None:
    made = []
    for number in (2, 3):
        namespace: dict[str, Any] = {"__name__": "elsewhere", "number": number}
        exec("def function() -> int:\n    return number\n", namespace)
        made.append(namespace["function"])
    first = cached(cache, made[0])
    with pytest.raises(PolicyError, match="second, different function"):
        cached(cache, made[1])
    assert first() == 2


def test_a_version_with_another_body_keeps_its_key_and_reads_only_its_own(cache: Cache) -> None:
    def version(body: Callable[[int], int]) -> Cached[..., Any]:
        made = types.FunctionType(body.__code__, {**globals(), "__spec__": object()}, "f")
        made.__qualname__ = "f"
        return cached(cache, made, name="f")

    old, new = version(lambda given: given + 1), version(lambda given: given + 2)
    assert old.key(1) == new.key(1)
    assert [old(1), new(1), old(1), new(1)] == [2, 3, 2, 3]
    store = cache.store
    assert isinstance(store, MemoryStore)


def test_an_application_that_is_made_twice_declares_the_same_functions(
    cache: Cache, caplog: pytest.LogCaptureFixture
) -> None:
    def create_app(title: str) -> Cached[..., Any]:
        @cache.cached(expire=60, key_prefix="app")
        def stats(number: int, *, detailed: bool = False) -> str:
            return f"{title} {number} {detailed}"

        return stats

    first, second, other = create_app("a"), create_app("a"), create_app("b")
    assert first.key(1) == second.key(1) != other.key(1)
    assert (first(1), second(1), other(1)) == ("a 1 False", "a 1 False", "b 1 False")
    assert caplog.record_tuples == []
    assert logging.getLogger("frescor").isEnabledFor(logging.WARNING)


def test_keys_stay_short_however_long_the_names_are(cache: Cache) -> None:
    def long(tail: str) -> Cached[..., Any]:
        def function() -> str:
            return tail

        function.__qualname__ = "n" * 500 + tail
        return cached(cache, function)

    first, second = long("a"), long("b")
    assert len(first.key()) < 200
    assert first.key() != second.key()
    assert (first(), second()) == ("a", "b")
    with pytest.raises(PolicyError, match="at most 8 parts"):
        cache.cached(expire=60, key_prefix="a:b:c:d:e:f:g")(one)
