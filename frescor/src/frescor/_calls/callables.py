"""What can be cached: functions and similar callables. Anything else is refused, with advice on what to write."""

import asyncio
import collections.abc
import functools
import inspect
import sys
import types
import typing
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal

from frescor._calls.borrowed import why_without_identity
from frescor._calls.canonical import function_parts
from frescor._values.names import module_name, namespace_of
from frescor.errors import PolicyError

Binding = Literal["instance", "class", "none"]


@dataclass(frozen=True, slots=True)
class Callee:
    """A function to be cached. core: the innermost Python or C function that it runs."""

    function: Callable[..., Any]
    binding: Binding
    awaits: bool
    core: Callable[..., Any]
    module: str
    label: str


def read_callable(given: object, policy: str) -> Callee:
    """What was decorated. Raises PolicyError for what cannot be cached."""
    function, binding = _unbound(given, policy)
    core = core_of(function)
    awaits = _awaits(function)
    label = getattr(core, "__qualname__", None) or type(core).__qualname__
    if inspect.isgeneratorfunction(core) or inspect.isasyncgenfunction(core):
        raise PolicyError(
            f"{label} is a generator, which can be read only once: return a list or a tuple.", policy=policy
        )
    if not awaits and _gives_awaitable(core):
        raise PolicyError(
            f"{label} returns a coroutine, which can be awaited only once: declare it as `async def` and await inside.",
            policy=policy,
        )
    module = module_name(getattr(core, "__module__", None) or "builtins", namespace_of(core))
    return Callee(function, binding, awaits, core, module, label)


def _unbound(given: object, policy: str) -> tuple[Callable[..., Any], Binding]:
    if isinstance(given, classmethod):
        return given.__func__, "class"
    if isinstance(given, staticmethod):
        return given.__func__, "none"
    advice = {
        property: "a property: put @property above, and the cache's decorator below it, on the function",
        functools.cached_property: (
            "a cached_property, which keeps its value as long as its object: write @property above, and the cache's "
            "decorator below it, on the function"
        ),
        functools.partialmethod: "a partialmethod: write a method that calls the other one, and decorate that",
        functools.singledispatchmethod: (
            "a singledispatchmethod: write a method that calls it, and decorate that one, or decorate each of its "
            "implementations"
        ),
    }
    for kind, words in advice.items():
        if isinstance(given, kind):
            raise PolicyError(f"this is {words}.", policy=policy)
    if isinstance(given, type):
        raise PolicyError(
            f"{given.__qualname__} is a class: write a function that returns what is to be kept, and decorate that.",
            policy=policy,
        )
    if inspect.iscoroutine(given):
        given.close()
        raise PolicyError("this is a coroutine: decorate the function, not its call.", policy=policy)
    if not callable(given):
        raise PolicyError(
            f"only a function can be cached, and this is a {type(given).__qualname__}: decorate the function that "
            "makes it.",
            policy=policy,
        )
    # As in Python, an object without `__get__`, such as a partial, is not bound when it is an attribute of a class.
    binds = hasattr(type(given), "__get__") and not isinstance(given, types.MethodType | functools.partial)
    return given, "instance" if binds else "none"


def core_of(function: Callable[..., object]) -> Callable[..., Any]:
    """The innermost function, which provides name and annotations, inside partials and bound methods."""
    core: Any = function
    while True:
        if isinstance(core, functools.partial):
            core = core.func
        elif isinstance(core, types.MethodType):
            core = core.__func__
        elif isinstance(core, types.FunctionType) or function_parts(core) is not None:
            return core  # type: ignore[no-any-return]  # it is called, and cannot be narrowed further
        else:
            # For a callable object, the function that its class defines.
            call = vars_of(type(core)).get("__call__")
            return call if isinstance(call, types.FunctionType) else core


def vars_of(cls: type) -> dict[str, Any]:
    """The attributes of a class, including inherited ones."""
    return {name: part for base in reversed(cls.__mro__) for name, part in vars(base).items()}


def _awaits(function: Callable[..., Any]) -> bool:
    core: Any = function
    while isinstance(core, functools.partial):
        core = core.func
    return (
        inspect.iscoroutinefunction(core)
        # What `types.coroutine` and mocks mark; `inspect` knows it from 3.12 on.
        or (sys.version_info < (3, 12) and asyncio.iscoroutinefunction(core))
        or inspect.iscoroutinefunction(vars_of(type(core)).get("__call__"))
    )


def _gives_awaitable(core: Callable[..., Any]) -> bool:
    try:
        returns = typing.get_type_hints(inspect.unwrap(core)).get("return")
    except (TypeError, NameError, AttributeError):
        return False
    kind = typing.get_origin(returns) or returns
    return isinstance(kind, type) and issubclass(kind, collections.abc.Awaitable)


_VARIABLE = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def signatures_of(callee: Callee, policy: str) -> list[inspect.Signature]:
    """The parameters of a call. For a wrapper that takes any arguments: first those of the wrapped function, then its
    own, since it may supply some arguments itself. Raises PolicyError if Python cannot tell them."""
    try:
        if not isinstance(callee.function, types.FunctionType):
            return [inspect.signature(callee.function)]
        own = inspect.signature(callee.function, follow_wrapped=False)
        if not any(parameter.kind in _VARIABLE for parameter in own.parameters.values()):
            return [own]
        wrapped = inspect.signature(callee.function)
        return [own] if wrapped == own else [wrapped, own]
    except (ValueError, TypeError) as error:
        raise PolicyError(
            f"the parameters of {callee.label} cannot be read, so its calls cannot be told apart: write a "
            "function around it, as in `def read(name: str) -> int: return …`, and decorate that.",
            policy=policy,
        ) from error


def check_parameters(callee: Callee, settled: Collection[str], policy: str) -> None:
    """Raise PolicyError for a parameter whose annotated type has no identity by value, except for `settled` parameters,
    which are ignored or have a key function."""
    function: Any = callee.function
    try:
        own = inspect.signature(function, follow_wrapped=False).parameters
        hints = typing.get_type_hints(inspect.unwrap(callee.core))
    except (ValueError, TypeError, NameError, AttributeError):
        return
    for name, hint in hints.items():
        # A parameter that a wrapper supplies itself is not part of the call.
        if name == "return" or name in settled or name not in own:
            continue
        for kind in _classes(hint):
            why = _why_not(kind, name)
            if why is not None:
                raise PolicyError(f"{callee.label} has the argument {name!r}, {why}", policy=policy)


def _classes(hint: object) -> list[type]:
    hint = getattr(hint, "__supertype__", hint)
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        return _classes(typing.get_args(hint)[0])
    if origin in (typing.Union, types.UnionType):
        return [kind for part in typing.get_args(hint) for kind in _classes(part)]
    kind = origin or hint
    return [kind] if isinstance(kind, type) else []


def _why_not(kind: type, name: str) -> str | None:
    if kind in (collections.abc.Iterator, collections.abc.Generator, collections.abc.AsyncIterator):
        return (
            f"a {kind.__module__}.{kind.__qualname__}, which can be read only once and has no identity by value. Take "
            f"a tuple instead; or, if the result does not depend on it, ignore=({name!r},)."
        )
    return why_without_identity(kind, name)
