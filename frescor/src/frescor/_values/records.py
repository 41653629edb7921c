"""Classes whose instances consist of fields, and how an instance is taken apart and made again without its `__init__`.

These are dataclasses, msgspec Structs, named tuples, attrs classes and Pydantic models (SQLModel's among them). The
libraries are not imported here: attrs and Pydantic are recognised by the attributes that they document for classes.
"""

import base64
import dataclasses
import enum
import functools
import hashlib
import inspect
import operator
import typing
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from frescor._values.names import class_name
from frescor._values.scalars import Unsupported
from frescor.errors import PolicyError

# Where attrs keeps the hash of an instance of a class with slots and `cache_hash=True`; None: not computed yet.
_ATTRS_HASH = "_attrs_cached_hash"
# What a Pydantic model consists of beside its fields.
_OF_MODEL = ("__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")


def is_mapped(cls: type) -> bool:
    """Whether it is a class of SQLAlchemy's ORM: its instances belong to a session."""
    return hasattr(cls, "__mapper__") and hasattr(cls, "_sa_class_manager")


def state_of(value: object) -> Any:
    """What SQLAlchemy knows of an ORM object, as its `inspect` returns it; None for any other value."""
    return getattr(value, "_sa_instance_state", None)


def is_record(kind: object) -> bool:
    """Whether it is a class whose instances have fields, or an Enum. A mapped class is none, even if it is a dataclass
    or a Pydantic model as well."""
    return (
        isinstance(kind, type)
        and (
            dataclasses.is_dataclass(kind)
            or issubclass(kind, msgspec.Struct | enum.Enum)
            or _is_named_tuple(kind)
            or is_attrs(kind)
            or is_model(kind)
        )
        and not is_mapped(kind)
    )


def _is_named_tuple(cls: type) -> bool:
    return issubclass(cls, tuple) and hasattr(cls, "_fields")


def is_attrs(cls: type) -> bool:
    """Whether attrs made the class."""
    return hasattr(cls, "__attrs_attrs__")


def is_model(cls: type) -> bool:
    """Whether it is a Pydantic model. A dataclass of Pydantic is a dataclass."""
    return isinstance(getattr(cls, "__pydantic_fields__", None), dict) and not dataclasses.is_dataclass(cls)


def field_names(cls: type) -> tuple[str, ...]:
    """The fields of such a class; those of an Enum are none."""
    if issubclass(cls, enum.Enum):
        return ()
    if dataclasses.is_dataclass(cls):
        return tuple(field.name for field in dataclasses.fields(cls))
    if issubclass(cls, msgspec.Struct):
        return cls.__struct_fields__
    if is_attrs(cls):
        return tuple(attribute.name for attribute in cls.__attrs_attrs__)  # type: ignore[attr-defined]
    if is_model(cls):
        return tuple(cls.__pydantic_fields__)  # type: ignore[attr-defined]
    return tuple(cls._fields)  # type: ignore[attr-defined]  # a named tuple


def hints_of(cls: type) -> dict[str, Any]:
    """The annotations of a class, by attribute. Raises PolicyError if they cannot be read."""
    try:
        if is_model(cls):
            return _hints_of_model(cls)
        return typing.get_type_hints(cls)
    except (NameError, TypeError) as error:
        raise PolicyError(
            f"the annotations of {cls.__module__}.{cls.__qualname__} cannot be read: {error}. Names that they use "
            "must be importable when the program runs, not only under TYPE_CHECKING."
        ) from error


def _hints_of_model(cls: Any) -> dict[str, Any]:
    if not cls.__pydantic_complete__:
        # Its names may have been defined since.
        cls.model_rebuild(raise_errors=True)
    # Pydantic has filled in the type variables of a generic model here, and only here.
    found = {name: field.annotation for name, field in cls.__pydantic_fields__.items()}
    private = {*cls.__private_attributes__, "__pydantic_extra__"}
    return found | {name: hint for name, hint in typing.get_type_hints(cls).items() if name in private}


def record_name(cls: type) -> str:
    """The dotted name of a class. That of a generic Pydantic model, such as `Page[User]`, has the full names of its
    arguments, of which Pydantic's own name for it has only the last parts."""
    generic = getattr(cls, "__pydantic_generic_metadata__", None)
    if not generic or not generic["args"]:
        return class_name(cls)
    arguments = [record_name(part) if isinstance(part, type) else str(part) for part in generic["args"]]
    return f"{class_name(generic['origin'])}[{', '.join(arguments)}]"


class Record:
    """How instances of one class are taken apart and made again."""

    def __init__(self, cls: type) -> None:
        self.cls = cls
        self.fields = field_names(cls)
        # Changes with the names and the order of the fields: stored values are by position.
        digest = hashlib.blake2b("\0".join(self.fields).encode(), digest_size=3, person=b"frescor-fields")
        self.name = f"{record_name(cls)}#{base64.b64encode(digest.digest()).decode()}"
        self._all = frozenset(self.fields)
        self._is_model = is_model(cls)
        self._count = len(self.fields) + len(_OF_MODEL) * self._is_model
        self._lost = functools.lru_cache(maxsize=64)(functools.partial(_lost, cls, self._all))
        self._why_not = _why_not_made(cls)
        self._read = _reader(cls, self.fields)
        self._make = _maker(cls, self.fields)

    def parts(self, value: Any) -> Sequence[Any]:
        """The parts of an instance: its fields, and what else a model has. Raises Unsupported for an instance that
        would not come back as it is."""
        if self._why_not:
            raise Unsupported(value, self._why_not)
        attributes = getattr(value, "__dict__", None)
        if attributes and not self._all.issuperset(attributes) and (lost := self._lost(tuple(attributes))):
            raise Unsupported(
                value,
                f"its attribute {lost!r} is no field, and would be lost. Declare it as a field, such as "
                "field(init=False), or make it a cached_property.",
            )
        try:
            return self._read(value)
        except (AttributeError, KeyError):
            there = attributes if self._is_model and attributes is not None else _Attributes(value)
            unset = next(name for name in self.fields if name not in there)
            raise Unsupported(value, f"its field {unset!r} is not set.") from None

    def path(self, place: int) -> str:
        """The path to the part at this place."""
        return f".{(*self.fields, *_OF_MODEL)[place]}"

    def made(self, values: list[Any]) -> Any:
        """An instance of these parts. Raises ValueError or TypeError for parts that are not those of an instance."""
        if len(values) != self._count:
            raise ValueError(f"{self.cls.__qualname__} has {self._count} parts, and the entry {len(values)}")
        return self._make(values)


class _Attributes:
    def __init__(self, value: object) -> None:
        self._value = value

    def __contains__(self, name: str) -> bool:
        return hasattr(self._value, name)


def _reader(cls: type, fields: tuple[str, ...]) -> Callable[[Any], Sequence[Any]]:
    """A function that returns the parts of an instance. Raises AttributeError or KeyError if a field is not set."""
    if is_model(cls):
        everything = frozenset(fields)

        def read(value: Any) -> Sequence[Any]:
            attributes, given = value.__dict__, value.__pydantic_fields_set__
            return (
                *[attributes[name] for name in fields],
                None if given == everything else sorted(given),
                value.__pydantic_extra__,
                value.__pydantic_private__,
            )

        return read
    if len(fields) > 1:
        return operator.attrgetter(*fields)
    return lambda value: [getattr(value, name) for name in fields]


def _maker(cls: type, fields: tuple[str, ...]) -> Callable[[list[Any]], Any]:
    """A function that makes an instance of its parts."""
    if issubclass(cls, tuple):
        return lambda values: cls(*values)
    if issubclass(cls, msgspec.Struct):
        return lambda values: cls(**dict(zip(fields, values, strict=True)))
    new, set_attribute = object.__new__, object.__setattr__

    # Not through __init__, which is code: the instance was valid when it was stored. So validators do not run again.
    def make(values: list[Any]) -> Any:
        instance = new(cls)
        for name, value in zip(fields, values, strict=True):
            set_attribute(instance, name, value)
        return instance

    def make_with_hash(values: list[Any]) -> Any:
        instance = make(values)
        set_attribute(instance, _ATTRS_HASH, None)
        return instance

    def make_model(values: list[Any]) -> Any:
        *content, given, extra, private = values
        if not all(part is None or type(part) is dict for part in (extra, private)):
            raise ValueError("the extra or private attributes of a model are no dictionary")
        instance = new(cls)
        set_attribute(instance, "__dict__", dict(zip(fields, content, strict=True)))
        set_attribute(instance, "__pydantic_fields_set__", set(fields if given is None else given))
        set_attribute(instance, "__pydantic_extra__", extra)
        set_attribute(instance, "__pydantic_private__", private)
        return instance

    if is_model(cls):
        return make_model
    return make_with_hash if hasattr(cls, _ATTRS_HASH) else make


def _why_not_made(cls: type) -> str:
    """Why an instance cannot be made without calling the class; empty if it can."""
    if issubclass(cls, tuple | msgspec.Struct | enum.Enum):
        return ""
    try:
        object.__new__(cls)
    except TypeError as error:
        return f"an instance cannot be made from its fields alone ({error}). Let it hold what it inherits as a field."
    return ""


def _lost(cls: type, fields: Iterable[str], attributes: Iterable[str]) -> str:
    """The first attribute of an instance that is no field, and that no descriptor of the class computes again."""
    for name in attributes:
        if name not in fields and not hasattr(type(inspect.getattr_static(cls, name, None)), "__get__"):
            return name
    return ""
