"""Conditions of a cached function: which values are kept, for how long, and which calls bypass the cache."""

import datetime as dt
import inspect
import time
from collections.abc import Callable
from typing import Any

from frescor._calls.callables import Callee
from frescor._calls.loading import current_load
from frescor._calls.policy import Policy, seconds
from frescor._surface.options import CallOptions
from frescor._values.detached import detached
from frescor.errors import PolicyError

_NAMES = ("store_if", "bypass_if", "ttl", "expire_at")


def check_conditions(options: CallOptions, policy: Policy) -> None:
    """Raise PolicyError for conditions of the wrong kind."""
    given = {name: options.get(name) for name in _NAMES if options.get(name) is not None}
    for name, value in given.items():
        if name == "expire_at" and isinstance(value, dt.time):
            continue
        if not callable(value) or inspect.iscoroutinefunction(value):
            kinds = {
                "store_if": "a function of the value that says whether it is kept",
                "bypass_if": "a function of the call's arguments that says whether the call bypasses the cache",
                "ttl": "a function of the value that returns seconds, a timedelta, or None for what the policy says; "
                "for all values alike write expire=…",
                "expire_at": "a time of day, or a function of the value that returns a datetime",
            }
            found = "a coroutine function" if callable(value) else repr(value)
            raise PolicyError(f"{name} is {kinds[name]}; got {found}.", policy=policy.name)
    detaches: object = options.get("detached", False)
    if not isinstance(detaches, bool):
        raise PolicyError(
            f"detached is True, so that callers get copies of ORM objects, or False; got {detaches!r}.",
            policy=policy.name,
        )
    if "ttl" in given and "expire_at" in given:
        raise PolicyError("ttl and expire_at both set when a value ends: give only one of them.", policy=policy.name)


def loader_of(callee: Callee, options: CallOptions, policy: Policy) -> Callable[..., Any]:
    """The function as loads run it: its conditions are applied to what it returned."""
    function, store_if, ttl, expire_at = (
        callee.function,
        options.get("store_if"),
        options.get("ttl"),
        options.get("expire_at"),
    )
    detaches = options.get("detached", False)
    if store_if is None and ttl is None and expire_at is None and not detaches:
        return function

    def look_at(value: Any) -> Any:
        load = current_load()
        if detaches:
            value = detached(value)
        if store_if is not None and not store_if(value):
            load.do_not_store()
        elif load.ttl is None:
            # A time that the function set itself, during the load, has priority.
            after = ttl(value) if ttl is not None else _until(expire_at, value, policy)
            if after is not None:
                left: object = after.total_seconds() if isinstance(after, dt.timedelta) else after
                if isinstance(left, float | int) and left <= 0:
                    load.do_not_store()
                else:
                    load.expire(seconds(after, policy=policy.name))
        return value

    if callee.awaits:

        async def load_awaited(*args: Any, **kwargs: Any) -> Any:
            return look_at(await function(*args, **kwargs))

        return load_awaited

    def load(*args: Any, **kwargs: Any) -> Any:
        return look_at(function(*args, **kwargs))

    return load


def _until(
    expire_at: "dt.time | Callable[[Any], dt.datetime | None] | None", value: Any, policy: Policy
) -> float | None:
    """The seconds until a value expires; None if `expire_at` does not say."""
    if isinstance(expire_at, dt.time):
        now = dt.datetime.fromtimestamp(time.time(), expire_at.tzinfo)
        end = now.replace(hour=expire_at.hour, minute=expire_at.minute, second=expire_at.second, microsecond=0)
        if end <= now:
            end = (end.replace(tzinfo=None) + dt.timedelta(days=1)).replace(tzinfo=expire_at.tzinfo)
        return end.timestamp() - time.time()
    end_of_value = None if expire_at is None else expire_at(value)
    if end_of_value is None:
        return None
    if not isinstance(end_of_value, dt.datetime):
        raise PolicyError(f"expire_at must return a datetime or None; got {end_of_value!r}.", policy=policy.name)
    return end_of_value.timestamp() - time.time()
