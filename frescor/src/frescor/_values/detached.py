"""Copies of ORM objects: the values of their columns, and of what was loaded with them, without a session."""

from collections.abc import Iterator, Mapping
from typing import Any

from frescor._values.names import class_name
from frescor._values.records import is_mapped, state_of


class Detached:
    """A copy of one ORM object, which `detached=True` keeps in its place. Its attributes are the columns and the
    relationships that were loaded when the function returned; a reader can change them, and nothing saves that.

    Any other attribute of the model raises AttributeError, with what to write in the function to have it loaded.
    """

    __slots__ = ("_left_out", "_loaded", "_model")
    _left_out: tuple[str, ...]
    _loaded: dict[str, Any]
    _model: str

    def __init__(self, model: str, values: Mapping[str, Any], left_out: tuple[str, ...]) -> None:
        """model: the class's dotted name. left_out: the names of its mapped attributes that were not loaded."""
        object.__setattr__(self, "_model", model)
        object.__setattr__(self, "_loaded", dict(values))
        object.__setattr__(self, "_left_out", left_out)

    def __getattr__(self, name: str) -> Any:
        try:
            return self._loaded[name]
        except KeyError:
            pass
        model = self._model.rpartition(".")[2]
        if name in self._left_out:
            raise AttributeError(
                f"{model}.{name} was not loaded when the cached function returned (or leads back to the object that "
                "holds this one), and a cached copy has no session to load it with. Load it in the function: "
                f"select({model}).options(selectinload({model}.{name})) for a relationship, undefer({model}.{name}) "
                "for a column."
            )
        raise AttributeError(
            f"a cached copy of {model} has no {name!r}: it holds the columns and relationships that were loaded, not "
            "the methods and properties of the class. Return a dataclass from the cached function, with what is needed."
        )

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._loaded:
            raise AttributeError(f"a cached copy of {self._model} has no {name!r} to set; it is never saved.")
        self._loaded[name] = value

    def __dir__(self) -> Iterator[str]:
        yield from self._loaded

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Detached) and (self._model, self._loaded, self._left_out) == (
            other._model,
            other._loaded,
            other._left_out,
        )

    __hash__ = None  # type: ignore[assignment]  # it can change, as a dictionary

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value!r}" for name, value in self._loaded.items())
        return f"<cached copy of {self._model}: {values}>"

    def __reduce__(self) -> tuple[object, ...]:
        return (Detached, content_of(self))


def content_of(copy: Detached) -> tuple[str, dict[str, Any], tuple[str, ...]]:
    """What a copy consists of."""
    return (copy._model, copy._loaded, copy._left_out)


def from_content(content: Any) -> Detached:
    """The copy that consists of this. Raises ValueError or TypeError for anything else."""
    model, values, left_out = content
    if type(model) is not str or type(values) is not dict or type(left_out) is not tuple:
        raise ValueError("no copy of an ORM object")
    return Detached(model, values, left_out)


def detached(value: Any) -> Any:
    """The value with copies in place of ORM objects, in lists, tuples and dictionaries, too."""
    kind = type(value)
    if kind is list or kind is tuple:
        return kind(map(detached, value))
    if kind is dict:
        return {key: detached(item) for key, item in value.items()}
    return _copy(value, ()) if is_mapped(kind) else value


def _copy(value: Any, around: tuple[object, ...]) -> Detached:
    """A copy of an object that was reached through those around it."""
    state = state_of(value)
    loaded, around = state.dict, (*around, value)
    columns = [attribute.key for attribute in state.mapper.column_attrs]
    related = [attribute.key for attribute in state.mapper.relationships]
    values = {name: loaded[name] for name in columns if name in loaded}
    for name in related:
        if name in loaded and not _leads_back(loaded[name], around):
            values[name] = _related(loaded[name], around)
    left_out = tuple(sorted({*columns, *related} - values.keys()))
    return Detached(class_name(type(value)), values, left_out)


def _members(related: Any) -> list[Any]:
    if related is None or is_mapped(type(related)):
        return [related]
    return list(related.values() if isinstance(related, Mapping) else related)


def _leads_back(related: Any, around: tuple[object, ...]) -> bool:
    return any(member is one for member in _members(related) for one in around)


def _related(related: Any, around: tuple[object, ...]) -> Any:
    if related is None:
        return None
    if is_mapped(type(related)):
        return _copy(related, around)
    if isinstance(related, Mapping):
        return {key: _copy(member, around) for key, member in related.items()}
    # Copies cannot be members of a set.
    return [_copy(member, around) for member in related]
