"""Types of a program with a codec of its own: exact, or refused; unknown to a reader, a miss."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frescor import Cache, PolicyError, register_codec
from frescor._values import registered
from frescor._values.codec import Codec
from frescor.errors import EntryUnreadable


class Money:
    def __init__(self, cents: int, currency: str) -> None:
        self.cents, self.currency = cents, currency

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and (other.cents, other.currency) == (self.cents, self.currency)

    def __hash__(self) -> int:
        return hash(self.cents)


class Euros(Money):
    pass


@dataclass(frozen=True)
class Bill:
    total: Money
    parts: tuple[Money, ...] = ()


@dataclass(frozen=True)
class Point:
    x: float


def of_money(money: Money) -> object:
    return (money.cents, money.currency)


def to_money(content: Any) -> Money:
    return Money(*content)


@pytest.fixture(autouse=True)
def codecs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registered, "_by_type", dict(registered._by_type))
    monkeypatch.setattr(registered, "_by_name", dict(registered._by_name))
    monkeypatch.setattr(registered, "_settled", set())


@pytest.fixture
def money() -> None:
    register_codec(Money, of_money, to_money)


@pytest.fixture
def cache() -> Iterator[Cache]:
    with Cache.from_url("memory://", "test") as cache:
        yield cache


moneys = st.builds(Money, st.integers(), st.text(max_size=3))


@settings(max_examples=40, deadline=None)
@given(st.data(), st.booleans())
def test_a_registered_type_comes_back_wherever_it_stands(data: st.DataObject, proven: bool) -> None:
    if Money not in registered._by_type:
        register_codec(Money, of_money, to_money)
    nested = st.recursive(
        moneys,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.tuples(inner)
            | st.dictionaries(moneys, inner, max_size=3)
            | st.frozensets(moneys, max_size=3)
        ),
        max_leaves=6,
    )
    value = data.draw(nested)
    back = Codec().decode(Codec().encode(value), proven=proven)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.usefixtures("money")
def test_a_dataclass_holds_one_and_each_reader_gets_a_copy(cache: Cache) -> None:
    runs: list[int] = []

    @cache.cached(expire=60, key_prefix="bill")
    def bill(number: int) -> Bill:
        runs.append(number)
        return Bill(Money(number, "BRL"), (Money(1, "EUR"),))

    one, other = bill(7), bill(7)
    assert one == other == Bill(Money(7, "BRL"), (Money(1, "EUR"),))
    assert one.total is not other.total
    assert runs == [7]
    cache.set("m", [Money(1, "BRL")])
    assert cache.get("m") == [Money(1, "BRL")]


@pytest.mark.usefixtures("money")
def test_a_subclass_needs_a_codec_of_its_own(cache: Cache) -> None:
    with pytest.raises(PolicyError, match="no encoding is known"):
        cache.set("m", Euros(1, "EUR"))
    register_codec(Euros, of_money, lambda content: Euros(*content))
    cache.set("m", [Euros(1, "EUR"), Money(1, "EUR")])
    assert list(map(type, cache.get("m") or [])) == [Euros, Money]  # type: ignore[call-overload]


def stored() -> bytes:
    return Codec().encode([Money(1, "BRL")])


@pytest.mark.usefixtures("money")
@pytest.mark.parametrize("version", [None, 2])
@pytest.mark.parametrize("proven", [True, False])
def test_a_reader_without_the_codec_or_with_another_version_has_a_miss(version: int | None, proven: bool) -> None:
    payload = stored()
    registered._by_type.clear()
    registered._by_name.clear()
    if version is not None:
        register_codec(Money, of_money, to_money, version=version)
    with pytest.raises(EntryUnreadable):
        Codec().decode(payload, proven=proven)


@pytest.mark.usefixtures("money")
def test_a_decode_function_that_raises_is_a_miss_for_the_reader() -> None:
    inner = msgspec.msgpack.encode([f"{__name__}.Money", 1, "not two"])
    with pytest.raises(EntryUnreadable):
        Codec().decode(b"n" + msgspec.msgpack.encode(msgspec.msgpack.Ext(17, inner)))


def test_another_version_is_another_shape_so_that_both_releases_hit() -> None:
    register_codec(Money, of_money, to_money)
    first = Codec(list[Money]).fingerprint
    registered._by_type.clear()
    registered._by_name.clear()
    registered._settled.clear()
    register_codec(Money, of_money, to_money, version=2)
    assert Codec(list[Money]).fingerprint != first


def test_a_dataclass_with_a_codec_is_stored_by_it() -> None:
    register_codec(Point, lambda point: point.x * 2, lambda content: Point(content / 2))
    codec = Codec(list[Point])
    payload = codec.encode([Point(4.0)])
    assert codec.decode(payload) == [Point(4.0)]
    assert msgspec.msgpack.encode(8.0) in payload


@pytest.mark.usefixtures("money")
def test_a_second_codec_of_a_type_or_of_a_name_is_refused() -> None:
    with pytest.raises(PolicyError, match=r"already is a codec named '.*\.Money'.*Register it in one place"):
        register_codec(Money, lambda money: money.cents, to_money)
    with pytest.raises(PolicyError, match="each codec a name of its own"):
        register_codec(Euros, of_money, to_money, name=f"{__name__}.Money")  # type: ignore[arg-type]


@pytest.mark.usefixtures("money")
def test_the_same_definition_may_run_again() -> None:
    register_codec(Money, of_money, to_money)
    register_codec(Money, of_money, to_money, version=2)
    assert registered._by_type[Money].version == 2


def test_a_class_that_was_defined_again_replaces_the_one_before() -> None:
    def define() -> type:
        class Cell:
            pass

        return Cell

    for _ in range(2):
        kind = define()
        register_codec(kind, lambda _: (), lambda _, made=kind: made())  # type: ignore[misc]
    assert type(Codec().decode(Codec().encode(kind()))) is kind


def test_a_codec_comes_before_the_functions_that_return_its_type(cache: Cache) -> None:
    @cache.cached(expire=60, key_prefix="bill")
    def bill() -> list[Bill]:
        return []

    with pytest.raises(PolicyError, match="declared before its codec was registered"):
        register_codec(Money, of_money, to_money)


@pytest.mark.parametrize(
    ("encode", "decode", "says"),
    [
        (lambda money: money, to_money, "returned the same type again"),
        (lambda money: money.gone, to_money, "encode function of its codec raised AttributeError"),
        (of_money, lambda content: content[9], "decode function of its codec raised IndexError"),
        (of_money, lambda content: content, "not return what went in, but a tuple"),
        (of_money, lambda content: Euros(*content), "but a Euros"),
        (lambda money: (money.cents, ""), to_money, "but another value"),
        (lambda money: object(), to_money, "cannot cache the object"),
    ],
)
def test_a_codec_that_does_not_return_what_went_in_is_refused(
    encode: Callable[[Any], object], decode: Callable[[Any], Any], says: str
) -> None:
    register_codec(Money, encode, decode)
    with pytest.raises(PolicyError, match=says):
        Codec().encode([Money(1, "BRL")])


def test_a_type_without_equality_is_compared_by_what_it_is_encoded_to() -> None:
    class Handle:
        def __init__(self, number: int) -> None:
            self.number = number

    register_codec(Handle, lambda handle: [handle.number], lambda content: Handle(content[0]), name="handle")
    assert Codec().decode(Codec().encode(Handle(3))).number == 3
    registered._by_type.clear()
    registered._by_name.clear()
    register_codec(Handle, lambda handle: [handle.number], lambda content: Handle(0), name="handle")
    with pytest.raises(PolicyError, match="decodes is encoded differently"):
        Codec().encode(Handle(3))


def test_a_value_that_does_not_equal_itself_is_kept() -> None:
    register_codec(Point, lambda point: point.x, Point)
    assert repr(Codec().decode(Codec().encode(Point(float("nan"))))) == repr(Point(float("nan")))


@pytest.mark.parametrize(
    ("arguments", "options", "says"),
    [
        ((1, of_money, to_money), {}, "takes a class"),
        ((int, of_money, to_money), {}, "int needs no codec"),
        ((Money, None, to_money), {}, "two functions"),
        ((Money, of_money, to_money), {"version": 0}, "whole number from 1"),
        ((Money, of_money, to_money), {"version": True}, "whole number from 1"),
        ((Money, of_money, to_money), {"name": ""}, "printable text"),
        ((Money, of_money, to_money), {"name": "numpy.money"}, "choose another"),
    ],
)
def test_a_wrong_registration_is_refused(arguments: Any, options: Any, says: str) -> None:
    with pytest.raises(PolicyError, match=says):
        register_codec(*arguments, **options)
