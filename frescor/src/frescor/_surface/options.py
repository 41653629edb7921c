"""The options of `cached` that belong to the function rather than to its policy."""

import datetime as dt
import difflib
from collections.abc import Callable, Mapping
from typing import Any, TypedDict, cast

from frescor._calls.policy import Policy, PolicyOptions, Seconds
from frescor.errors import PolicyError


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
        meant = [difflib.get_close_matches(name, ["key_prefix", *known.split(", ")], 1) for name in unknown]
        near = [
            f"{name} is no option: is {found[0]} meant?" for name, found in zip(unknown, meant, strict=True) if found
        ]
        said = " ".join(near) or f"{', '.join(unknown)} is no option." if unknown else f"{error}."
        raise PolicyError(f"{said} The options are: key_prefix, {known}.") from error


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
