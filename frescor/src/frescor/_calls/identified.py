"""What identifies an argument where the caller says so: `key=` for parameters, `identity=` for a method's instance."""

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from frescor._calls.callables import Callee
from frescor.errors import PolicyError


@dataclass(frozen=True, slots=True)
class Key:
    """What `key` returns."""

    of: Callable[[Any], object]


def key(of: Callable[[Any], object]) -> Key:
    """For annotations, as in `user: Annotated[User, key(lambda user: user.id)]`: the argument is identified only by
    what this function returns for it, which needs an identity by value."""
    return Key(of)


def instance(identity: Callable[[Any], object] | None) -> Callable[[Any], object]:
    """What identifies a method's instance: its class, and what `identity` returns for it."""
    if identity is None:
        return type
    given = identity
    return lambda of: (type(of), given(of))


def keys_of_parameters(
    callee: Callee,
    signature: inspect.Signature,
    *,
    key: Mapping[str, Callable[[Any], object]],
    identity: Callable[[Any], object] | None,
    is_method: bool,
    policy: str,
) -> dict[str, Callable[[Any], object]]:
    """The functions that identify arguments, by the name of their parameter. Raises PolicyError for a name that the
    cached function does not have, and for something that is not a function."""
    found = dict(_annotated(callee))
    if not isinstance(key, Mapping):
        raise PolicyError(
            f"key maps parameters' names to functions, such as {{'user': lambda user: user.id}}; got {key!r}.",
            policy=policy,
        )
    found.update(key)
    if is_method or identity is not None:
        first = next(iter(signature.parameters), None)
        if callee.binding != "instance" or first is None:
            raise PolicyError(
                f"{callee.label} has no instance: cached_method and identity= are for methods. Use cached, above or "
                "below @staticmethod or @classmethod.",
                policy=policy,
            )
        found[first] = instance(identity)
    for name, function in found.items():
        if name not in signature.parameters:
            known = ", ".join(signature.parameters) or "none"
            raise PolicyError(
                f"key names the argument {name!r}, which the function does not have: {known}.", policy=policy
            )
        if not callable(function):
            raise PolicyError(f"key of {name!r} must be a function of the argument; got {function!r}.", policy=policy)
    return found


def _annotated(callee: Callee) -> typing.Iterator[tuple[str, Callable[[Any], object]]]:
    try:
        hints = typing.get_type_hints(inspect.unwrap(callee.core), include_extras=True)
    except (TypeError, NameError, AttributeError):
        return
    for name, hint in hints.items():
        for part in getattr(hint, "__metadata__", ()) if name != "return" else ():
            if isinstance(part, Key):
                yield name, part.of
