"""A function that is cached: its policy, its codec, and the keys of its calls; the same for sync and async."""

import datetime as dt
import functools
import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any

from frescor.codec import Codec
from frescor.engine import Engine
from frescor.errors import PolicyError
from frescor.keys import CallIdentity, canonical
from frescor.loading import enclosing_load
from frescor.local import Copy
from frescor.policy import Policy
from frescor.shapes import shape_of
from frescor.tags import entry_tags

# Arguments of these types are the same call exactly when they are equal and of one type.
_EXACT = frozenset({int, str, bool, bytes, type(None), dt.date})


class CallSite:
    """What is known of a cached function before it is called."""

    def __init__(self, function: Callable[..., object], policy: Policy) -> None:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise PolicyError(
                f"{function.__qualname__} is a generator, which can be read only once: return a list or a tuple.",
                policy=policy.name,
            )
        self.function = function
        self.policy = policy
        self.codec = codec_of(return_annotation(function))
        self.shape = shape_of(self.codec, canonical(policy.version))
        self._identities: dict[bytes, CallIdentity] = {}
        self._direct = not (policy.strict or policy.varies_on)
        # Made here too, so that a mistake in the policy shows where it is declared.
        self.prefix = self.identity(b"").prefix

    def identity(self, secret: bytes) -> CallIdentity:
        """What makes the keys, for a cache with this key secret."""
        identity = self._identities.get(secret)
        if identity is None:
            identity = CallIdentity(self.function, self.policy, secret=secret)
            self._identities[secret] = identity
        return identity

    def local_copy(self, engine: Engine, args: tuple[Any, ...]) -> Copy | None:
        """This process's copy for a call with these positional arguments, if it holds; makes no key."""
        shortcut = engine.shortcuts.get(self)
        if shortcut is None:
            return None
        try:
            # One argument is the common case, and a tuple of two is made in half the time.
            bound = shortcut.calls.get((args, type(args[0])) if len(args) == 1 else (args, *map(type, args)))
        except TypeError:
            return None  # an unhashable argument
        if bound is None:
            return None
        if enclosing_load() is not None or (engine.dirty_check is not None and engine.dirty_check(())):
            return None  # as `Engine.reads_local`, without its cost
        copy = engine.local.get(bound[0])
        if copy is not None and copy.shape is self.shape:
            shortcut.hits[0] += 1
            return copy
        return None

    def bind(self, engine: Engine, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
        """The key and all tags of a call. Raises TypeError as the call itself would, and PolicyError."""
        direct = not kwargs and self._direct and all(type(argument) in _EXACT for argument in args)
        if direct:
            call = (args, *map(type, args))
            shortcut = engine.shortcuts.get(self)
            if shortcut is not None and (known := shortcut.calls.get(call)) is not None:
                return known
        identity = self.identity(engine.key_secret)
        arguments = identity.bind(args, kwargs)
        key = identity.key(arguments)
        if arguments:
            engine.note_digest()
        bound = (key, entry_tags(key, self.policy.tags_for(arguments)))
        if direct:
            engine.remember(self, self.policy.name, call, bound)
        return bound


@functools.lru_cache(maxsize=1024)
def codec_of(annotation: object) -> Codec:
    """The codec of an annotation."""
    return Codec(annotation)


def return_annotation(function: Callable[..., object]) -> object:
    """What a function is annotated to return; Any where it says nothing. Raises PolicyError if it cannot be read."""
    try:
        hints = typing.get_type_hints(inspect.unwrap(function))
    except TypeError:
        return Any  # a callable object without annotations, such as a partial
    except NameError as error:
        raise PolicyError(
            f"the return annotation of {getattr(function, '__qualname__', function)!r} cannot be read: {error}. "
            "Names that it uses must be importable when the program runs, not only under TYPE_CHECKING."
        ) from error
    return hints.get("return", Any)


def mapped_annotation(function: Callable[..., object]) -> object:
    """What the mapping that a function is annotated to return has as values; Any where it says nothing of that."""
    arguments = typing.get_args(return_annotation(function))
    return arguments[1] if len(arguments) == 2 else Any
