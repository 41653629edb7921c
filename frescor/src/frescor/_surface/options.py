"""The options of `cached` that belong to the function rather than to its policy."""

import datetime as dt
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
        if options:
            raise PolicyError(f"give a Policy or options, not both; got a Policy and {', '.join(options)}.")
        if not isinstance(policy, Policy):
            raise PolicyError(f"cached takes a Policy, or expire= and key_prefix=; got {policy!r}.")
        return policy
    fields = {"expire": 300, **options}
    if "key_prefix" not in fields:
        raise PolicyError("cached needs a Policy, or key_prefix='…' as the start of its keys.")
    fields["name"] = fields.pop("key_prefix")
    try:
        return Policy(**fields)
    except TypeError as error:
        known = ", ".join(
            [name for name, field in Policy.__dataclass_fields__.items() if field.init and name != "name"]
            + list(CallOptions.__annotations__)
        )
        raise PolicyError(f"{error}. The options are: key_prefix, {known}.") from error
