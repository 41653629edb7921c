"""Keys of calls: two calls share a key exactly when they are the same call.

The signature is bound, defaults are filled in, and every argument is encoded with its type and length. The key contains
a digest of that, so no argument, and no personal data, can be read from a key.
"""

import hashlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from frescor._calls.borrowed import why_without_identity
from frescor._calls.canonical import Holding, NoIdentity, canonical
from frescor._calls.policy import Policy, tag_fields, tuple_of
from frescor.errors import PolicyError

DIGEST_BYTES = 16
LONGEST_KEY = 400


def check_key(key: object) -> str:
    """The key, if it is valid. Raises PolicyError otherwise."""
    if not isinstance(key, str) or not key.isprintable() or not key or len(key) > LONGEST_KEY:
        if isinstance(key, str) and len(key) > LONGEST_KEY:
            advice = "Let it end in a digest of what makes it long, such as hashlib.sha256(text.encode()).hexdigest()."
        elif isinstance(key, str):
            advice = "Leave line breaks and the like out, or quote them: urllib.parse.quote(text)."
        else:
            advice = "Write it as text, such as f'user:{number}'; of a cached function's call it is function.key(…)."
        raise PolicyError(f"a key is printable text of 1 to {LONGEST_KEY} characters; got {_shown(key)}. {advice}")
    if key.startswith(":") or key.endswith(":") or "::" in key:
        better = ":".join(filter(None, key.split(":")))
        advice = f" Write {_shown(better)}." if better else ""
        raise PolicyError(
            f"a key's parts are separated by single ':' signs, and none is empty; got {_shown(key)}.{advice}"
        )
    return key


def key_digest(key: str) -> str:
    """Twelve hex digits that identify a key in errors and logs without showing it."""
    return hashlib.blake2b(key.encode(), digest_size=6).hexdigest()


_NOTHING = object()
_MISSING = id(_NOTHING)


class CallIdentity:
    """Makes the keys of one function's calls.

    A parameter that has its default value is left out, and one that can be given by position is identified by its
    position. So a new version of the function with an additional or renamed parameter has the same keys for the same
    calls.
    """

    def __init__(
        self,
        signature: inspect.Signature,
        policy: Policy,
        prefix: str,
        *,
        ignore: tuple[str, ...] = (),
        keys: Mapping[str, Callable[[Any], object]] = MappingProxyType({}),
    ) -> None:
        """keys: functions that identify arguments, by the parameter's name."""
        self.prefix = prefix
        self._policy = policy
        self._signature = signature
        self._ignore = frozenset(ignore)
        self._keys = dict(keys)
        self._check_names(policy, ignore)
        parameters = signature.parameters.values()
        # If all parameters can be given by position or name, they are bound here, several times as fast as by inspect.
        self._simple: dict[str, object] | None = None
        if all(parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD for parameter in parameters):
            self._simple = {
                parameter.name: _NOTHING if parameter.default is inspect.Parameter.empty else parameter.default
                for parameter in parameters
            }
        self._names = tuple(signature.parameters)
        self._labels = {parameter.name: _label(place, parameter) for place, parameter in enumerate(parameters)}
        self._defaults = {parameter.name: self._default(parameter) for parameter in parameters}
        # False if two calls with the same key may differ in an argument that fills in a tag.
        self.tags_follow = not policy.names_arguments or not (ignore or keys)

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """The call's arguments by name, with defaults filled in. Raises TypeError as the call itself would."""
        if self._simple is not None and len(args) <= len(self._simple):
            arguments = {**self._simple, **dict(zip(self._simple, args, strict=False)), **kwargs}
            # With unknown, repeated or missing names, inspect raises Python's own error.
            if (
                len(arguments) == len(self._simple)
                and _MISSING not in map(id, arguments.values())
                and kwargs.keys().isdisjoint(self._names[: len(args)])
            ):
                return arguments
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return bound.arguments

    def parts(self, arguments: Mapping[str, Any]) -> bytes:
        """What distinguishes a call of the function from its other calls. Raises PolicyError for an argument without
        identity by value."""
        found = []
        for name, value in arguments.items():
            default = self._defaults[name]
            if name in self._ignore or value is default.only:
                continue
            of = self._keys.get(name)
            try:
                data = canonical(value if of is None else of(value))
            except NoIdentity as error:
                raise PolicyError(self._without_identity(name, error.value), policy=self._policy.name) from None
            if data != default.data:
                found.append(self._labels[name] + data)
        return b"".join(found)

    def key(self, parts: bytes, start: bytes, secret: bytes = b"") -> str:
        """The key of a call of the function that `start` identifies."""
        digest = hashlib.blake2b(start, digest_size=DIGEST_BYTES, key=secret[:64], person=b"frescor-key")
        digest.update(parts)
        for vary in self._policy.varies_on:
            digest.update(canonical(vary()))
        return f"{self.prefix}:{digest.hexdigest()}"

    def _default(self, parameter: inspect.Parameter) -> "_Default":
        of = self._keys.get(parameter.name)
        if of is None or parameter.default is inspect.Parameter.empty:
            return _default(parameter)
        try:
            return _Default(canonical(of(parameter.default)), parameter.default)
        except Exception:  # noqa: BLE001  # the caller's function need not take what stands for no argument
            return _Default(None, parameter.default)

    def _without_identity(self, name: str, value: object) -> str:
        if name in self._keys:
            return (
                f"the argument {name!r} is identified by what its key= or identity= function returns, and that holds a "
                f"{type(value).__module__}.{type(value).__qualname__}, which has no identity by value: return numbers, "
                "text, or a tuple of those."
            )
        why = why_without_identity(value, name)
        if why is not None:
            return f"the argument {name!r} holds {why}"
        kind = value if isinstance(value, type) else type(value)
        where = f"{kind.__module__}.{kind.__qualname__}"
        if "<locals>" in kind.__qualname__ and isinstance(value, type):
            return (
                f"the argument {name!r} holds a {where}, a class that is made in a function and captures something "
                "without identity by value. Define the class at the top level of a module."
            )
        return (
            f"the argument {name!r} holds a {where}, which has no identity by value. Pass what identifies it, such as "
            f"its id; make it a frozen dataclass; give its class a method __cache_key__ that returns what identifies "
            f"it; say it here, as in key={{{name!r}: lambda {name}: {name}.id}}; or, if the result does not depend on "
            f"it, ignore=({name!r},)."
        )

    def _check_names(self, policy: Policy, ignore: object) -> None:
        names = tuple_of("ignore", ignore, policy=policy.name)
        known = ", ".join(self._signature.parameters) or "none"
        for tag in policy.tags:
            for name in tag_fields(tag):
                if name not in self._signature.parameters:
                    raise PolicyError(
                        f"the tag {tag!r} names the argument {name!r}, which the function does not have: {known}.",
                        policy=policy.name,
                    )
        for name in names:
            if name not in self._signature.parameters:
                raise PolicyError(
                    f"ignore names the argument {name!r}, which the function does not have: {known}.",
                    policy=policy.name,
                )


@dataclass(frozen=True, slots=True)
class _Default:
    """The value that leaves a parameter out of the key: with these bytes, or this very object if it cannot change."""

    data: bytes | None
    only: object


def _default(parameter: inspect.Parameter) -> _Default:
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        return _Default(canonical(()), ())
    if parameter.kind is inspect.Parameter.VAR_KEYWORD:
        return _Default(canonical({}), _NOTHING)
    if parameter.default is inspect.Parameter.empty:
        return _Default(None, _NOTHING)
    holding = Holding()
    data = canonical(parameter.default, holding)
    if holding.objects:
        return _Default(None, parameter.default)
    return _Default(data, _NOTHING if holding.is_mutable else parameter.default)


def _label(place: int, parameter: inspect.Parameter) -> bytes:
    if parameter.kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD):
        return canonical(place)
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        return canonical("*")
    return canonical("**" if parameter.kind is inspect.Parameter.VAR_KEYWORD else parameter.name)


def _shown(key: object) -> str:
    return f"{len(key)} characters" if isinstance(key, str) and len(key) > 80 else repr(key)
