"""Which of an endpoint's arguments distinguish responses.

Path and query parameters are already in the address. Headers and cookies distinguish responses, and so do the results
of dependencies: these may have been read from a database before the endpoint began, so the entry does not depend on
what was read there, and the value itself has to count. A session is identified by its database. An argument without an
identity by value, such as a service, is left out, unless its dependency may read the request: then it could be the
current user.

FastAPI is only queried through its public classes, and only if it has been imported.
"""

import inspect
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.websockets import WebSocket

from frescor._calls.borrowed import kind_of
from frescor._calls.callables import core_of
from frescor._calls.canonical import NoIdentity, canonical
from frescor.errors import PolicyError

# Names under which FastAPI is asked for what the cache itself needs; endpoints do not get these arguments.
REQUEST, RESPONSE = "frescor_request", "frescor_response"


@dataclass(frozen=True, slots=True)
class Counted:
    """An argument that distinguishes responses. key: the function that identifies it. headers: the names of the request
    headers that it is read from. personal: it says whom the response is for. optional: it is left out if it has no
    identity."""

    name: str
    key: Callable[[Any], object] | None
    headers: tuple[str, ...]
    personal: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Arguments:
    """What is known about an endpoint's parameters: those for the request and the response, the counted ones, and the
    signature that the framework sees."""

    request: str | None
    response: str | None
    counted: tuple[Counted, ...]
    signature: inspect.Signature

    def identify(self, given: Mapping[str, object]) -> "Identified":
        """The identity of a call's counted arguments. Raises PolicyError for one that needs an identity and has
        none."""
        found, personal = b"", False
        headers: list[str] = []
        for one in self.counted:
            if one.name not in given:
                continue
            value = given[one.name] if one.key is None else one.key(given[one.name])
            try:
                found += canonical((one.name, _plain(value)))
            except NoIdentity as error:
                # A collection is data, and no service.
                if one.optional and not isinstance(value, Collection):
                    continue
                raise PolicyError(
                    f"its argument {one.name} is a {type(error.value).__module__}.{type(error.value).__qualname__}, "
                    "which has no identity by value, and may tell responses apart: give "
                    f"key={{{one.name!r}: lambda {one.name}: …}}, what tells it from others, such as its id"
                ) from None
            headers += one.headers
            # A session that a dependency takes from the request is not personal.
            personal = personal or (one.personal and kind_of(type(value)) in (None, "instance"))
        return Identified(found, tuple(headers), personal)


def _plain(value: object) -> object:
    """A value, with rows of SQLAlchemy as the tuples and dictionaries that they are like."""
    if type(value).__module__.startswith("sqlalchemy.engine"):
        if isinstance(value, Mapping):
            return dict(value)
        return tuple(value) if isinstance(value, Sequence) else value
    return [_plain(one) for one in value] if type(value) is list else value


@dataclass(frozen=True, slots=True)
class Identified:
    """The counted arguments of one call: their bytes, the request headers that they are read from, and whether they say
    whom the response is for."""

    value: bytes
    headers: tuple[str, ...]
    personal: bool


def read_arguments(
    endpoint: Callable[..., object], key: Mapping[str, Callable[[Any], object]], policy: str, *, public: bool
) -> Arguments:
    """What is known about an endpoint's parameters. Raises PolicyError for a generator, for a websocket's endpoint, for
    a signature that cannot be read, and for a `key` that names no parameter."""
    core = core_of(endpoint)
    if inspect.isgeneratorfunction(core) or inspect.isasyncgenfunction(core):
        raise PolicyError(
            f"{core.__qualname__} is a generator, whose response is sent while it is made: return the whole to have it "
            "cached.",
            policy=policy,
        )
    try:
        signature = inspect.signature(endpoint, eval_str=True)
    except NameError as error:
        raise PolicyError(
            f"an annotation of {endpoint!r} cannot be read: {error}. Names that it uses must be importable when the "
            "program runs, not only under TYPE_CHECKING.",
            policy=policy,
        ) from error
    parameters = signature.parameters
    if unknown := sorted(set(key) - set(parameters)):
        raise PolicyError(
            f"key= names {', '.join(unknown)}, which is no parameter of the endpoint: it has "
            f"{', '.join(parameters) or 'none'}.",
            policy=policy,
        )
    request = response = None
    counted = []
    for name, parameter in parameters.items():
        kind, _ = _annotation(parameter)
        if _is(kind, WebSocket):
            raise PolicyError("a websocket's endpoint has no response that could be cached.", policy=policy)
        if _is(kind, HTTPConnection):
            request = name
        elif _is(kind, Response):
            response = name
        elif (one := _counted(parameter, key.get(name), public=public)) is not None:
            counted.append(one)
    return Arguments(request, response, tuple(counted), _shown(signature, request, response))


def _counted(parameter: inspect.Parameter, key: Callable[[Any], object] | None, *, public: bool) -> Counted | None:
    kind, info = _annotation(parameter)
    if _is_info(info, "Header"):
        return Counted(parameter.name, key, _header_names(parameter.name, kind, info))
    if _is_info(info, "Cookie"):
        return Counted(parameter.name, key, ("Cookie",), personal=True)
    if _is_info(info, "Depends"):
        looks = _looks_at_request(info.dependency or kind, set())
        if key is None and looks and public:
            return None
        return Counted(parameter.name, key, (), personal=looks, optional=key is None and not looks)
    return None if key is None else Counted(parameter.name, key, ())


def _annotation(parameter: inspect.Parameter) -> tuple[Any, Any]:
    """A parameter's type, and what it declares to FastAPI."""
    annotation, info = parameter.annotation, parameter.default
    if get_origin(annotation) is Annotated:
        annotation, *told = get_args(annotation)
        info = next((one for one in reversed(told) if type(one).__module__ == "fastapi.params"), info)
    return annotation, info


def _is(kind: Any, base: type) -> bool:
    return isinstance(kind, type) and issubclass(kind, base)


def _is_info(info: object, name: str) -> bool:
    params = sys.modules.get("fastapi.params")
    return params is not None and isinstance(info, getattr(params, name))


def _header_names(name: str, kind: Any, info: Any) -> tuple[str, ...]:
    fields = getattr(kind, "model_fields", None)
    names = [name] if fields is None else [field.alias or given for given, field in fields.items()]
    if fields is None and info.alias:
        return (info.alias,)
    return tuple(one.replace("_", "-") if info.convert_underscores else one for one in names)


def _looks_at_request(dependency: Any, seen: set[int]) -> bool:
    """Whether a dependency may return different values for requests to the same address."""
    if id(dependency) in seen:
        return False
    seen.add(id(dependency))
    try:
        signature = inspect.signature(dependency, eval_str=True)
    except (TypeError, ValueError, NameError):
        return True
    for parameter in signature.parameters.values():
        kind, info = _annotation(parameter)
        if _is(kind, HTTPConnection) or _is_info(info, "Header") or _is_info(info, "Cookie"):
            return True
        if _is_info(info, "Depends") and _looks_at_request(info.dependency or kind, seen):
            return True
    return False


def _shown(signature: inspect.Signature, request: str | None, response: str | None) -> inspect.Signature:
    """The signature with a request and a response, so that FastAPI provides both."""
    added = [
        (name, kind) for has, name, kind in ((request, REQUEST, Request), (response, RESPONSE, Response)) if not has
    ]
    new = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=kind) for name, kind in added]
    old = list(signature.parameters.values())
    keywords = [one for one in old if one.kind is inspect.Parameter.VAR_KEYWORD]
    return signature.replace(parameters=[*(one for one in old if one not in keywords), *new, *keywords])
