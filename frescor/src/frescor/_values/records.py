"""Classes whose instances consist of fields, and how an instance is taken apart and made again without its `__init__`.

These are dataclasses, msgspec Structs, named tuples, attrs classes and Pydantic models (SQLModel's among them). The
libraries are not imported here: attrs and Pydantic are recognised by the attributes that they document for classes.
"""

import dataclasses
import enum
import functools
import hashlib
import inspect
import typing
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from frescor._values.names import class_name
from frescor._values.scalars import Unsupported
from frescor.errors import PolicyError

# Where attrs keeps the hash of an instance of a class with slots and `cache_hash=True`; None: not computed yet.
_ATTRS_HASH = "_attrs_cached_hash"


def is_mapped(cls: type) -> bool:
    """Whether it is a class of SQLAlchemy's ORM: its instances belong to a session."""
    return hasattr(cls, "__mapper__") and hasattr(cls, "_sa_class_manager")


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
        digest = hashlib.blake2b("\0".join(self.fields).encode(), digest_size=4, person=b"frescor-fields")
        self.name = f"{record_name(cls)}#{digest.hexdigest()}"
        self._all = frozenset(self.fields)
        self._is_model = is_model(cls)
        self._lost = functools.lru_cache(maxsize=64)(functools.partial(_lost, cls, self._all))
        self._why_not = _why_not_made(cls)
        self.make: Callable[[list[Any]], Any] = self._made_plain
        if issubclass(cls, tuple):
            self.make = self._made_by_position
        elif issubclass(cls, msgspec.Struct):
            self.make = self._made_by_name
        elif self._is_model:
            self.make = self._made_model
        elif hasattr(cls, _ATTRS_HASH):
            self.make = self._made_with_hash

    def parts(self, value: Any) -> Iterator[tuple[str, Any]]:
        """The parts of an instance, with the path to each. Raises Unsupported for an instance that would not come back
        as it is."""
        if self._why_not:
            raise Unsupported(value, self._why_not)
        attributes = getattr(value, "__dict__", None)
        if attributes and not self._all.issuperset(attributes) and (lost := self._lost(tuple(attributes))):
            raise Unsupported(
                value,
                f"its attribute {lost!r} is no field, and would be lost. Declare it as a field, such as "
                "field(init=False), or make it a cached_property.",
            )
        for name in self.fields:
            try:
                part = getattr(value, name) if not self._is_model else attributes[name]  # type: ignore[index]
            except (AttributeError, KeyError):
                raise Unsupported(value, f"its field {name!r} is not set.") from None
            yield f".{name}", part
        if self._is_model:
            given = value.__pydantic_fields_set__
            yield ".__pydantic_fields_set__", None if given == self._all else sorted(given)
            yield ".__pydantic_extra__", value.__pydantic_extra__
            yield ".__pydantic_private__", value.__pydantic_private__

    def made(self, values: list[Any]) -> Any:
        """An instance of these parts. Raises ValueError or TypeError for parts that are not those of an instance."""
        if len(values) != len(self.fields) + 3 * self._is_model:
            raise ValueError(
                f"{self.cls.__qualname__} has {len(self.fields)} fields, and the entry {len(values)} parts"
            )
        return self.make(values)

    def _made_by_position(self, values: list[Any]) -> Any:
        return self.cls(*values)

    def _made_by_name(self, values: list[Any]) -> Any:
        return self.cls(**dict(zip(self.fields, values, strict=True)))

    def _made_plain(self, values: list[Any]) -> Any:
        # Not through __init__, which is code: the instance was valid when it was stored.
        instance: Any = object.__new__(self.cls)
        for name, value in zip(self.fields, values, strict=True):
            object.__setattr__(instance, name, value)
        return instance

    def _made_with_hash(self, values: list[Any]) -> Any:
        instance = self._made_plain(values)
        object.__setattr__(instance, _ATTRS_HASH, None)
        return instance

    def _made_model(self, values: list[Any]) -> Any:
        *fields, given, extra, private = values
        if not all(part is None or type(part) is dict for part in (extra, private)):
            raise ValueError("the extra or private attributes of a model are no dictionary")
        instance: Any = object.__new__(self.cls)
        # Its validators do not run again: the instance was valid when it was stored.
        object.__setattr__(instance, "__dict__", dict(zip(self.fields, fields, strict=True)))
        object.__setattr__(instance, "__pydantic_fields_set__", set(self.fields if given is None else given))
        object.__setattr__(instance, "__pydantic_extra__", extra)
        object.__setattr__(instance, "__pydantic_private__", private)
        return instance


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
