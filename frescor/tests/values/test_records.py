"""Dataclasses, attrs classes and Pydantic models come back field by field, or are refused."""

import functools
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

import attrs
import msgspec
import pydantic
import pytest
import sqlalchemy as sa
import sqlmodel
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import orm

from frescor import Cache, PolicyError
from frescor._values.codec import Codec
from frescor._values.records import Record, is_record
from frescor.errors import EntryUnreadable

T = TypeVar("T")


class Item(pydantic.BaseModel):
    name: str = pydantic.Field(alias="itemName")
    price: float = 0.0
    tags: set[str] = set()

    @pydantic.computed_field  # type: ignore[prop-decorator]
    @functools.cached_property
    def shouted(self) -> str:
        return self.name.upper()


class Order(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")

    items: tuple[Item, ...]
    parent: "Order | None" = None
    _seen: list[int] = pydantic.PrivateAttr(default_factory=list)
    _item: Item | None = None


class Frozen(pydantic.BaseModel, frozen=True):
    number: int
    runs: int = 0

    @pydantic.model_validator(mode="after")
    def count(self) -> "Frozen":
        VALIDATED.append(self.number)
        return self

    @pydantic.field_validator("number")
    @classmethod
    def double(cls, number: int) -> int:
        return number * 2


class Page(pydantic.BaseModel, Generic[T]):
    rows: list[T]


class Names(pydantic.RootModel[dict[str, list[int]]]):
    pass


class Hero(sqlmodel.SQLModel):
    name: str
    age: int | None = None


class Villain(sqlmodel.SQLModel, table=True):
    id: int | None = sqlmodel.Field(default=None, primary_key=True)


class Mapped(orm.MappedAsDataclass, orm.DeclarativeBase):
    pass


class Saved(Mapped):
    __tablename__ = "saved"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)


VALIDATED: list[int] = []


@attrs.define
class Slotted:
    x: float
    _hidden: list[int] = attrs.field(factory=list, alias="hidden")
    doubled: int = attrs.field(init=False, default=3)

    @functools.cached_property
    def total(self) -> int:
        return sum(self._hidden)


def plus_one(value: int) -> int:
    return value + 1


@attrs.frozen(cache_hash=True)
class Hashed:
    x: int = attrs.field(converter=plus_one)


@attrs.define(slots=False)
class Loose:
    slots: tuple[Slotted, ...]


@dataclass
class Initial:
    x: int
    y: int = field(init=False)

    def __post_init__(self) -> None:
        self.y = self.x * 2

    @functools.cached_property
    def z(self) -> int:
        return self.x * 3


def there_and_back(annotation: Any, value: Any, *, proven: bool = True) -> Any:
    return Codec(annotation).decode(Codec(annotation).encode(value), proven=proven)


numbers = st.integers(-(2**70), 2**70)
items = st.builds(lambda name, rest: Item(itemName=name, **rest), st.text(), st.fixed_dictionaries(
    {}, optional={"price": st.floats(allow_nan=False), "tags": st.sets(st.text(max_size=3))}
))  # fmt: skip
orders = st.recursive(
    st.builds(Order, items=st.tuples(items) | st.just(())),
    lambda inner: st.builds(
        lambda parent, extra: Order(items=(), parent=parent, **extra),
        inner,
        st.dictionaries(st.sampled_from(["a", "b"]), numbers | st.lists(st.text(max_size=3), max_size=2)),
    ),
    max_leaves=3,
)


def state(model: pydantic.BaseModel) -> tuple[object, ...]:
    return (type(model), model.__pydantic_fields_set__, model.__pydantic_extra__, model.__pydantic_private__)


@settings(max_examples=40, deadline=None)
@given(orders, st.booleans(), st.lists(numbers, max_size=3))
def test_a_model_comes_back_with_what_was_set_beside_its_fields(order: Order, proven: bool, seen: list[int]) -> None:
    order._seen = seen
    order._item = order.items[0] if order.items else None
    back = there_and_back(list[Order], [order], proven=proven)[0]
    assert back == order
    assert state(back) == state(order)
    assert [state(item) for item in back.items] == [state(item) for item in order.items]
    assert back.model_dump(exclude_unset=True) == order.model_dump(exclude_unset=True)


def test_a_computed_field_is_computed_again() -> None:
    item = Item(itemName="a")
    assert item.shouted == "A"
    back = there_and_back(Item, item)
    assert "shouted" not in vars(back)
    assert back.model_dump(by_alias=True) == item.model_dump(by_alias=True)


@pytest.mark.parametrize("proven", [True, False])
def test_validators_run_once_when_the_model_is_made_and_not_when_it_is_read(proven: bool) -> None:
    VALIDATED.clear()
    made = Frozen(number=2)
    back = there_and_back(Frozen, made, proven=proven)
    assert (back.number, VALIDATED) == (4, [4])
    assert hash(back) == hash(made)


def test_a_model_that_was_made_without_validation_comes_back_as_it_is() -> None:
    made = Frozen.model_construct(number="no number", runs=-0.0)
    assert there_and_back(Frozen, made) == made
    with pytest.raises(PolicyError, match="its field 'number' is not set"):
        Codec(Frozen).encode(Frozen.model_construct())


def test_generic_models_are_told_apart_by_their_arguments() -> None:
    pages = (Page[int](rows=[1]), Page[Item](rows=[Item(itemName="a")]), Page[list[int]](rows=[[1]]))
    back = there_and_back(tuple[Page[int], Page[Item], Page[list[int]]], pages)
    assert back == pages
    assert list(map(type, back)) == list(map(type, pages))
    assert Record(Page[Item]).name != Record(Page[Frozen]).name
    first, other = (make([name], "pydantic") for name in "ab")
    assert Codec(Page[first]).fingerprint != Codec(Page[other]).fingerprint  # type: ignore[valid-type]
    with pytest.raises(PolicyError, match=r"-> Page\[int\]"):
        Codec(Page).encode(Page[int](rows=[1]))


def test_root_models_and_models_of_sqlmodel_without_a_table_come_back() -> None:
    names, hero = Names({"a": [1]}), Hero(name="b")
    back = there_and_back(dict[str, Names | Hero], {"names": names, "hero": hero})
    assert (back["names"], back["hero"], type(back["hero"])) == (names, hero, Hero)
    assert back["hero"].model_dump(exclude_unset=True) == {"name": "b"}


@pytest.mark.parametrize("mapped", [Villain, Saved])
def test_a_mapped_class_is_an_orm_object_even_if_it_is_a_model_or_a_dataclass(mapped: Any) -> None:
    assert not is_record(mapped)
    with pytest.raises(PolicyError, match="ORM object"):
        Codec(list[mapped]).encode([mapped(id=1)])
    assert sa.inspect(mapped).primary_key


@pytest.mark.parametrize("proven", [True, False])
def test_attrs_classes_come_back_without_converters_running_again(proven: bool) -> None:
    value = Loose((Slotted(float("-0.0"), [1, 2]), Slotted(2.5)))
    assert value.slots[0].total == 3
    back = there_and_back(Loose, value, proven=proven)
    assert back == value
    assert repr(back) == repr(value)
    assert back.slots[0].total == 3
    hashed = Hashed(1)
    assert hash(there_and_back(set[Hashed], {hashed}, proven=proven).pop()) == hash(Hashed(1))


@settings(max_examples=20, deadline=None)
@given(st.builds(Slotted, st.floats(allow_nan=False), st.lists(numbers)))
def test_each_reader_of_an_attrs_class_gets_its_own(value: Slotted) -> None:
    payload = Codec(Slotted).encode(value)
    one, other = Codec(Slotted).decode(payload), Codec(Slotted).decode(payload)
    one._hidden.append(1)
    assert other == value


def test_a_dataclass_keeps_fields_that_init_does_not_take_and_loses_only_what_is_computed_again() -> None:
    value = Initial(2)
    assert value.z == 6
    value.y = 9
    back = there_and_back(Initial, value)
    assert (back.x, back.y, back.z) == (2, 9, 6)


class Row(NamedTuple):
    x: int


class RowWithRoom(Row):
    pass


class Struct(msgspec.Struct, dict=True):
    x: int


@pytest.mark.parametrize("kind", [Initial, Loose, RowWithRoom, Struct])
def test_an_attribute_that_is_no_field_is_refused_rather_than_lost(kind: Any) -> None:
    value = kind(())
    value.note = "lost"
    with pytest.raises(PolicyError, match="its attribute 'note' is no field, and would be lost"):
        Codec(kind).encode(value)


def test_the_place_of_a_part_and_the_name_of_a_field_that_is_not_set_are_told() -> None:
    with pytest.raises(PolicyError, match=r"cannot cache the object at result\.slots\[0\]:"):
        Codec(Loose).encode(Loose((object(),)))  # type: ignore[arg-type]
    order = Order(items=())
    order._seen.append(object())  # type: ignore[arg-type]
    with pytest.raises(PolicyError, match=r"at result\.__pydantic_private__\[a str key\]\[0\]:"):
        Codec(Order).encode(order)
    unset = Slotted(1.0)
    del unset.doubled
    with pytest.raises(PolicyError, match=r"cannot cache the .*Slotted: its field 'doubled' is not set"):
        Codec(Slotted).encode(unset)


def test_a_dataclass_that_is_a_dictionary_as_well_is_refused() -> None:
    @dataclass
    class Both(dict):  # type: ignore[type-arg]
        x: int

    with pytest.raises(PolicyError, match="cannot be made from its fields alone"):
        Codec(Both).encode(Both(1))


def make(names: list[str], kind: str) -> Any:
    if kind == "pydantic":
        return pydantic.create_model("Version", **dict.fromkeys(names, (int, 0)))  # type: ignore[call-overload]
    return attrs.make_class("Version", {name: attrs.field(type=int, default=0) for name in names})


@pytest.mark.parametrize("kind", ["pydantic", "attrs"])
@pytest.mark.parametrize(
    ("before", "after"), [(["a"], ["a", "b"]), (["a", "b"], ["a"]), (["a", "b"], ["a", "c"]), (["a", "b"], ["b", "a"])]
)
def test_another_release_with_other_fields_has_a_miss(kind: str, before: list[str], after: list[str]) -> None:
    old, new = make(before, kind), make(after, kind)
    assert Codec(old).fingerprint != Codec(new).fingerprint
    payload = Codec(old).encode(old())
    for proven in (True, False):
        with pytest.raises(EntryUnreadable):
            Codec(new).decode(payload, proven=proven)


def test_a_read_by_key_of_a_dataclass_whose_fields_were_renamed_is_a_miss() -> None:
    def version(name: str) -> Any:
        return dataclass(type("Shape", (), {"__annotations__": {name: list[Any]}}))

    old, new = version("before"), version("after")
    with Cache.from_url("memory://", "test") as cache:
        cache.set("k", old([1]), as_type=old)
        assert cache.get("k", as_type=new) is None
        assert cache.get("k", as_type=old) == old([1])


def test_stored_bytes_make_no_model_that_the_annotation_does_not_name_and_none_of_wrong_parts() -> None:
    payload = Codec(Item).encode(Item(itemName="a"))
    with pytest.raises(EntryUnreadable):
        Codec(Frozen).decode(payload)
    codec = Codec(Frozen)
    name = Record(Frozen).name
    for parts in ([1, 0], [1, 0, None, 3, None], [1, 0, 5, None, None]):
        forged = b"n" + codec._encoder.encode(codec._extension(11, [name, *parts]))
        with pytest.raises(EntryUnreadable):
            codec.decode(forged)


def test_a_model_with_a_value_of_the_wrong_type_is_no_value_of_unproven_bytes() -> None:
    forged = Codec(Frozen).encode(Frozen.model_construct(number="text", runs=0))
    with pytest.raises(EntryUnreadable):
        Codec(Frozen).decode(forged, proven=False)
