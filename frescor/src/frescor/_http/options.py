"""How responses are cached, apart from the policy: what they vary on, whom they are for, and what browsers are told."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import cast

from frescor._calls.policy import Policy, Seconds, seconds
from frescor.errors import PolicyError

Vary = str | Callable[..., object]

# A field name according to RFC 9110, 5.1, since it is also sent in a Vary header.
_NAME = re.compile(r"[!#$%&'+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """vary: as it was given. headers: the names of request headers in it, in lower case. functions: the functions in
    it, which say whom a response is for. public: the response is the same for everybody. max_age: for how many seconds
    browsers may keep it. statuses: those of responses that are stored."""

    vary: tuple[Vary, ...]
    headers: frozenset[str]
    functions: tuple[Callable[..., object], ...]
    public: bool
    max_age: float
    statuses: frozenset[int]


def options_from(
    vary: Vary | Iterable[Vary],
    *,
    public: bool,
    max_age: Seconds,
    statuses: Iterable[int],
    policy: Policy,
    arguments: str = "without arguments, such as lambda: current_user.get_id()",
) -> ViewOptions:
    """The options of a view or a rule; `arguments` describes what its functions take. Raises PolicyError for options
    that make no sense."""
    given: tuple[object, ...] = (vary,) if isinstance(vary, str) or callable(vary) else tuple(vary)
    for one in given:
        if callable(one) or (isinstance(one, str) and one != "*" and _NAME.fullmatch(one)):
            continue
        raise PolicyError(
            "vary holds names of request headers, such as 'Accept-Language', each by itself, and functions "
            f"{arguments}; got {one!r}.",
            policy=policy.name,
        )
    if public and any(callable(one) for one in given):
        raise PolicyError(
            "public=True says that everybody gets the same response, and a function in vary that each gets another: "
            "leave one of them out.",
            policy=policy.name,
        )
    chosen = cast("tuple[Vary, ...]", given)
    return ViewOptions(
        vary=chosen,
        headers=frozenset(one.lower() for one in chosen if isinstance(one, str)),
        functions=tuple(one for one in chosen if not isinstance(one, str)),
        public=public,
        max_age=0.0 if max_age == 0 else seconds(max_age, policy=policy.name),
        statuses=frozenset(statuses),
    )
