"""A cached function: its policy, its codec, and the keys of its calls; the same for sync and async."""

import datetime as dt
import functools
import inspect
import logging
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Unpack

from frescor._calls.callables import Callee, check_parameters, core_of, signatures_of
from frescor._calls.canonical import Holding, canonical
from frescor._calls.claims import Claims, Name
from frescor._calls.closure import ClosureState, Token, closure_state_of, token_of
from frescor._calls.identified import keys_of_parameters
from frescor._calls.keys import CallIdentity, key_digest
from frescor._calls.loading import enclosing_load
from frescor._calls.policy import Policy
from frescor._copies.local import Copy
from frescor._runtime.engine import Engine
from frescor._surface.conditions import check_conditions, loader_of
from frescor._surface.options import CallOptions
from frescor._values.codec import Codec
from frescor._values.names import namespace_of, short_name
from frescor._values.shapes import shape_of
from frescor._values.tags import entry_tags, key_tags
from frescor.errors import PolicyError

logger = logging.getLogger("frescor")

# Arguments of these types are the same call exactly when they are equal and have the same type.
_EXACT = frozenset({int, str, bool, bytes, type(None), dt.date})
LONGEST_NAME = 120
# For this many calls of one function the key is remembered; beyond that all are forgotten.
_MOST_SHORTCUTS = 4096
# The functions for which the warning about captured objects was logged.
_SAID: set[tuple[str, str]] = set()


@dataclass(frozen=True, slots=True)
class Shortcut:
    """The keys and tags of one function's calls, by their arguments, and the counter of its local hits. Valid for one
    engine, from its start or the last fork on."""

    start: object
    calls: dict[tuple[object, ...], tuple[str, tuple[str, ...]]]
    hits: list[int]


class CacheInfo(NamedTuple):
    """The fields of `functools.lru_cache`'s, for this process. hits: calls that were answered. misses: calls that ran
    the function. maxsize: None, since there is no limit. currsize: the copies that this process keeps."""

    hits: int
    misses: int
    maxsize: None
    currsize: int


class CallSite:
    """What is known about a cached function before it is called."""

    def __init__(
        self,
        callee: Callee,
        policy: Policy,
        claims: Claims,
        *,
        is_method: bool = False,
        **options: Unpack[CallOptions],
    ) -> None:
        """is_method: the first argument is an instance, identified by its class and by what `identity` returns."""
        name, ignore = options.get("name"), options.get("ignore", ())
        self.callee = callee
        self.function = callee.function
        self.policy = policy
        self.label = _checked_name(name, policy) if name is not None else callee.label
        self._is_named = name is not None
        # Identifies this import of the module: a reload keeps the namespace but makes a new spec.
        self.execution: object = (namespace_of(callee.core) or {}).get("__spec__")
        self._signature, *others = signatures_of(callee, policy.name)
        keys = keys_of_parameters(
            callee,
            self._signature,
            key=options.get("key", {}),
            identity=options.get("identity"),
            is_method=is_method,
            policy=policy.name,
        )
        check_conditions(options, policy)
        # The loader applies the conditions to the value; `bypass` says which calls bypass the cache.
        self.loader = loader_of(callee, options, policy)
        self.bypass = options.get("bypass_if")
        # For `cache_info`, in this process: calls that no local copy answered at once, and loads.
        self.asked = 0
        self.loads = 0
        # Parameters that need no identity of their own.
        self.settled = frozenset((*ignore, *keys))
        check_parameters(callee, self.settled, policy.name)
        self.codec = codec_of(return_annotation(callee.core))
        self.prefix = f"{policy.name}:{_key_part(self.label)}"
        self._identity = CallIdentity(self._signature, policy, self.prefix, ignore=ignore, keys=keys)
        # Other ways to call it, where a wrapper supplies some of the parameters itself.
        self._otherwise = [
            CallIdentity(other, policy, self.prefix)
            for other in others
            if not (ignore or keys or policy.names_arguments)
        ]
        # Fails at the declaration if a key would have too many parts.
        key_tags(f"{self.prefix}:digest")
        self._called_by_value = not (policy.strict or policy.varies_on)
        self._token: Token | None = None
        self._shortcut: Shortcut | None = None
        self._take(closure_state_of(callee, named=self._is_named))
        claims.claim(self)
        self._claimed_in = claims
        if self.objects and not self._is_named and (self.prefix, callee.module) not in _SAID:
            _SAID.add((self.prefix, callee.module))
            logger.warning("%s", self._sentence())

    # -- its identity among all functions (see `_calls.claims`) ------------------------------------------------------

    @property
    def first_parameter(self) -> str | None:
        """The parameter that takes a method's instance."""
        for parameter in self._signature.parameters.values():
            if parameter.kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD):
                return parameter.name
            return None
        return None

    @property
    def name(self) -> Name:
        return (self.prefix, self.callee.module, self._start)

    @property
    def policy_name(self) -> str:
        return self.policy.name

    @property
    def namespace(self) -> object:
        return namespace_of(self.callee.core)

    @property
    def is_main(self) -> bool:
        return getattr(self.callee.core, "__module__", None) in ("__main__", "__mp_main__")

    @property
    def objects(self) -> tuple[object, ...]:
        return self._held.objects

    @property
    def body(self) -> bytes:
        return self._held.body

    def _take(self, held: ClosureState) -> None:
        """Derive the shape and the start of all keys from the closure's present state."""
        self._held = held
        self._start = canonical((self.callee.module, self.label)) + held.by_value
        made_by = [canonical((self.policy.version, _text(self._signature))), held.body]
        if held.objects and not self._is_named:
            self._token = token_of(held.objects)
            made_by.append(self._token.value)
        self.shape = shape_of(self.codec, b"".join(made_by))
        self._watched = held.cells
        self._direct = self._called_by_value and not held.is_mutable

    def _follow(self) -> None:
        """Read the closure's state again if it has changed."""
        held = self._held
        if held.is_mutable or held.moved():
            was_complete = held.is_complete
            self._take(closure_state_of(self.callee, named=self._is_named))
            if was_complete and not held.is_mutable:
                # Its variables change, so a remembered key could belong to another value.
                self._called_by_value = self._direct = False

    def watch(self) -> Callable[[], bool] | None:
        """A function that says, at the end of a load, whether the closure has changed since. None if it cannot
        change."""
        if not self._watched and not self._held.is_mutable:
            return None
        return functools.partial(self._has_moved, self._start)

    def _has_moved(self, start: bytes) -> bool:
        self._follow()
        return self._start != start

    # -- its calls ---------------------------------------------------------------------------------------------------

    def local_copy(self, engine: Engine, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Copy | None:
        """This process's valid copy for a call with these arguments; computes no key."""
        shortcut = self._shortcut
        if shortcut is None or shortcut.start is not engine.start:
            return None
        if self._watched and (not self._direct or self._held.moved()):
            return None
        try:
            if kwargs:
                bound = shortcut.calls.get(_keyword_call(args, kwargs))
            else:
                # One argument is the common case, and building a tuple of two takes half the time.
                bound = shortcut.calls.get((args, type(args[0])) if len(args) == 1 else (args, *map(type, args)))
        except TypeError:
            return None  # an unhashable argument
        if bound is None:
            return None
        if enclosing_load() is not None or (engine.detour is not None and engine.detour(())):
            return None  # what `Engine.reads_local` checks, without the cost of a property
        copy = engine.local.get(bound[0])
        if copy is not None and copy.shape is self.shape:
            shortcut.hits[0] += 1
            return copy
        return None

    def info(self, engine: Engine) -> CacheInfo:
        """How this function's calls ended in this process, and how many of its copies the process keeps."""
        local = engine.reporter.counted(self.policy.name, self.prefix)
        hits = local + self.asked - self.loads
        return CacheInfo(max(0, hits), self.loads, None, engine.local.count(f"{self.prefix}:"))

    def join_enclosing_load(self, engine: Engine, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Let the load that the caller is part of depend on this call's tags; nothing if there is none.

        A call that is not kept still passes on what it was made of, including what only its policy declares.
        """
        load = enclosing_load()
        if load is None:
            return
        try:
            load.consists_of(self.bind(engine, args, kwargs)[1])
        except PolicyError:
            # The arguments have no identity, so the tags are unknown and the load's value must not be kept.
            load.keep_private()

    def bind(self, engine: Engine, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
        """The key and all tags of a call. Raises TypeError as the call itself would, and PolicyError."""
        if self._watched or self._held.is_mutable:
            self._follow()
        direct = self._direct and all(type(argument) in _EXACT for argument in (*args, *kwargs.values()))
        if direct:
            call = _keyword_call(args, kwargs) if kwargs else (args, *map(type, args))
            shortcut = self._shortcut
            if shortcut is not None and shortcut.start is engine.start and (known := shortcut.calls.get(call)):
                return known
        if self._claimed_in is not engine.claims:
            engine.claims.claim(self)
            self._claimed_in = engine.claims
        identity, arguments = self._bound(args, kwargs)
        parts = identity.parts(arguments)
        if not direct and identity.tags_follow and self._direct:
            # Computing the digest and the tags costs more than everything before.
            call = (identity, parts)
            shortcut = self._shortcut
            if shortcut is not None and shortcut.start is engine.start and (known := shortcut.calls.get(call)):
                return known
        key = identity.key(parts, self._start, engine.key_secret)
        if arguments:
            engine.note_digest()
        bound = (key, entry_tags(key, self.policy.tags_for(arguments)))
        if self._direct and (direct or identity.tags_follow):
            self._remember(engine, call, bound)
        return bound

    def _remember(self, engine: Engine, call: tuple[object, ...], bound: tuple[str, tuple[str, ...]]) -> None:
        """Remember the key of a call by its arguments."""
        shortcut = self._shortcut
        if shortcut is None or shortcut.start is not engine.start or len(shortcut.calls) >= _MOST_SHORTCUTS:
            shortcut = self._shortcut = Shortcut(engine.start, {}, engine.reporter.cell(self.policy.name, self.prefix))
        shortcut.calls[call] = bound

    def _bound(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[CallIdentity, dict[str, Any]]:
        try:
            return self._identity, self._identity.bind(args, kwargs)
        except TypeError:
            for other in self._otherwise:
                return other, other.bind(args, kwargs)
            raise

    def _sentence(self) -> str:
        kinds = ", ".join(dict.fromkeys(f"a {type(held).__qualname__}" for held in self.objects))
        return (
            f"{self.label} (policy {self.policy.name}) holds {kinds} without an identity by value: what it returns is "
            f"kept for this process alone. Give it a name=, unique in the program, and all processes share it."
        )


def _keyword_call(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[object, ...]:
    """A call as its arguments were given, with their names and types. Another order of keyword arguments makes another
    one."""
    given = tuple(kwargs.values())
    return (args, tuple(kwargs), given, *map(type, args), *map(type, given))


def _key_part(label: str) -> str:
    """A function's name as a part of keys."""
    return short_name(label.replace(":", ".").replace("*", "."), LONGEST_NAME, key_digest(label))


def _checked_name(name: object, policy: Policy) -> str:
    if (
        not isinstance(name, str)
        or not name.isprintable()
        or not name
        or len(name) > LONGEST_NAME
        or set(name) & set(":*")
    ):
        raise PolicyError(
            f"name is what the function is called in keys: printable text of 1 to {LONGEST_NAME} characters without "
            f"':' and '*', such as 'users.get'; got {name!r}.",
            policy=policy.name,
        )
    return name


def _text(signature: inspect.Signature) -> str:
    """A signature as text, with its defaults where they have an identity by value."""
    parts = []
    for parameter in signature.parameters.values():
        default = b""
        if parameter.default is not inspect.Parameter.empty:
            default = canonical(parameter.default, Holding())
        parts.append(f"{parameter.kind.name} {parameter.name} {default.hex()}")
    return ", ".join(parts)


@functools.lru_cache(maxsize=1024)
def codec_of(annotation: object) -> Codec:
    """The codec of an annotation."""
    return Codec(annotation)


def return_annotation(function: Callable[..., object]) -> object:
    """The return annotation of a function; Any if it has none. Raises PolicyError if it cannot be read."""
    try:
        hints = typing.get_type_hints(inspect.unwrap(core_of(function)))
    except TypeError:
        return Any  # a callable object without annotations
    except NameError as error:
        raise PolicyError(
            f"the return annotation of {getattr(function, '__qualname__', function)!r} cannot be read: {error}. "
            "Names that it uses must be importable when the program runs: import them outside of `if TYPE_CHECKING:`."
        ) from error
    return hints.get("return", Any)


def mapped_annotation(function: Callable[..., object]) -> object:
    """The type of the values in the mapping that a function is annotated to return; Any if the annotation does not
    say."""
    arguments = typing.get_args(return_annotation(function))
    return arguments[1] if len(arguments) == 2 else Any
