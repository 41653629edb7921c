"""The options of `cached` that belong to the function rather than to its policy."""

import datetime as dt
import difflib
from collections.abc import Callable, Mapping
from typing import Any, TypedDict, cast

from frescor._calls.policy import Policy, PolicyOptions, Seconds
from frescor.errors import PolicyError

# What other caches call it, and what to write here.
_ELSEWHERE = {
    "args_to_ignore": "ignore=('name', …)",
    "condition": "store_if=, a function of the value, or bypass_if=, one of the arguments",
    "expiration_time": "expire=",
    "ex": "expire=",
    "forced_update": "function.refresh(…)",
    "function_key_generator": "key={'argument': function}",
    "key_builder": "key={'argument': function}",
    "key_func": "key={'argument': function}",
    "make_cache_key": "key={'argument': function}",
    "maxsize": "Cache.from_url(…, local=bytes), for the copies in a process; the server evicts by its own limit",
    "namespace": "key_prefix=",
    "query_string": "nothing: a view's query is always part of its key",
    "response_filter": "store_if=, a function of the value",
    "should_cache_fn": "store_if=, a function of the value",
    "timeout": "expire=",
    "typed": "nothing: arguments of different types are always different calls",
    "unless": "bypass_if=, a function of the arguments",
}


class CallOptions(TypedDict, total=False):
    """What `cached` takes in addition to a policy (see `Cache.cached`)."""

    name: str | None
    ignore: tuple[str, ...]
    key: Mapping[str, Callable[[Any], object]]
    identity: Callable[[Any], object] | None
    store_if: Callable[[Any], bool] | None
    bypass_if: Callable[..., bool] | None
    ttl: Callable[[Any], Seconds | None] | None
    expire_at: dt.time | Callable[[Any], dt.datetime | None] | None
    detached: bool


class CachedOptions(PolicyOptions, CallOptions, total=False):
    """What `cached` takes instead of a policy, together with key_prefix."""


def split(policy: Policy | None, options: Mapping[str, Any]) -> tuple[Policy, CallOptions]:
    """The policy that a decorator's arguments describe (see `policy_from`), and the function's own options. Raises
    PolicyError for unknown or invalid options."""
    of_call = {name: value for name, value in options.items() if name in CallOptions.__annotations__}
    of_policy = {name: value for name, value in options.items() if name not in of_call}
    return policy_from(policy, of_policy), cast(CallOptions, of_call)


def policy_from(policy: Policy | None, options: Mapping[str, Any]) -> Policy:
    """The policy that a decorator's arguments describe: a Policy alone, or its fields with key_prefix as the name."""
    if policy is not None:
        given: object = policy
        if not isinstance(given, Policy):
            raise PolicyError(_instead_of(given))
        if options:
            changes = ", ".join(f"{name}=…" for name in options)
            raise PolicyError(
                f"give a Policy or options, not both; got the policy {policy.name!r} and {', '.join(options)}. For the "
                f"same policy with other options write policy.replace({changes})."
            )
        return policy
    fields = {"expire": 300, **options}
    if "key_prefix" not in fields:
        raise PolicyError(
            "cached needs a Policy, or key_prefix= as the start of its keys, such as "
            "@cache.cached(expire=300, key_prefix='dashboard')."
        )
    fields["name"] = fields.pop("key_prefix")
    try:
        return Policy(**fields)
    except TypeError as error:
        known = ", ".join(
            [name for name, field in Policy.__dataclass_fields__.items() if field.init and name != "name"]
            + list(CallOptions.__annotations__)
        )
        unknown = [name for name in options if name not in known.split(", ") and name != "key_prefix"]
        said = " ".join(_unknown(name, ["key_prefix", *known.split(", ")]) for name in unknown) or f"{error}."
        raise PolicyError(f"{said} The options are: key_prefix, {known}.") from error


def _unknown(name: str, known: list[str]) -> str:
    if name in _ELSEWHERE:
        return f"{name} is no option. Here it is {_ELSEWHERE[name]}."
    near = difflib.get_close_matches(name, known, 1)
    return f"{name} is no option: is {near[0]} meant?" if near else f"{name} is no option."


def _instead_of(given: object) -> str:
    """What to write in place of what was given as a policy."""
    if callable(given):
        name = getattr(given, "__name__", "the function")
        return (
            f"cached is written with parentheses: @cache.cached(expire=300, key_prefix='…') above {name}, not "
            "@cache.cached alone."
        )
    if isinstance(given, int | float | dt.timedelta):
        return f"a time to live is given by name: write cached(expire={given!r}, key_prefix='…')."
    if isinstance(given, str):
        return f"what keys begin with is given by name: write cached(expire=300, key_prefix={given!r})."
    return f"cached takes a Policy, or options such as expire=300 and key_prefix='…'; got {given!r}."
