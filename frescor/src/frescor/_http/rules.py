"""A middleware's rules: which paths are cached, and how."""

import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any, TypeVar

from frescor._calls.policy import Policy, Seconds
from frescor._http.naming import name_in_keys
from frescor._http.options import ViewOptions, options_from
from frescor.errors import PolicyError

# The functions get the ASGI scope, or the WSGI environment.
VaryOfScope = str | Callable[[MutableMapping[str, Any]], object]
_WILD = {"*": "[^/]*", "**": ".*"}
_ONE_OF_THEM = re.compile(r"(\*\*|\*)")


class Rule:
    """How the responses for some paths are cached: `Rule("/products/*", Policy(name="products", expire=300))`.

    path: relative to where the application is mounted. `*` matches characters except a slash, `**` any characters. With
    a policy of None these paths are not cached. The first matching rule counts.

    vary: names of request headers, and functions that say whom a response is for; these get the ASGI scope or the WSGI
    environment. public: the response is the same for everybody, whatever cookies they send. max_age: for how many
    seconds browsers may keep it, but never longer than its entry is kept; with 0 they ask each time. statuses: those of
    responses that are stored. watch: do not store a response if request headers that are not in `vary` were read to
    make it. A framework that reads headers of each request beforehand (Django, Quart, Litestar) needs False; then the
    `Vary` of its response has to name what it depends on.

    Raises PolicyError for an invalid rule.
    """

    def __init__(
        self,
        path: str,
        policy: Policy | None,
        *,
        vary: VaryOfScope | Iterable[VaryOfScope] = (),
        public: bool = False,
        max_age: Seconds = 0,
        statuses: Iterable[int] = (200,),
        watch: bool = True,
    ) -> None:
        given: object = path
        if not isinstance(given, str) or not given.startswith(("/", "*")):
            raise PolicyError(f"a rule's path begins with '/', as in '/products/*'; got {path!r}.")
        decided: object = policy
        if decided is not None and not isinstance(decided, Policy):
            raise PolicyError(f"a rule takes a Policy, or None for paths that are not cached; got {policy!r}.")
        if policy is not None and policy.names_arguments:
            raise PolicyError(
                "a rule's policy has no arguments to fill its tags from: leave out those with {…}, or cache the view.",
                policy=policy.name,
            )
        self.path, self.policy, self.watch = path, policy, watch
        pattern = "".join(_WILD.get(part) or re.escape(part) for part in _ONE_OF_THEM.split(path))
        self._pattern = re.compile(pattern, re.DOTALL)
        self.options: ViewOptions = options_from(
            vary,
            public=public,
            max_age=max_age,
            statuses=statuses,
            policy=policy or _NO_POLICY,
            arguments="of the request's scope or environment",
        )

    def fits(self, path: str) -> bool:
        """Whether this rule applies to a path."""
        return self._pattern.fullmatch(path) is not None

    @property
    def label(self) -> str:
        """The name of its calls in keys."""
        return name_in_keys(self.path)


_NO_POLICY = Policy(name="none", expire=1)
Made = TypeVar("Made")


def rules_from(given: Iterable[Rule], make: Callable[[Rule, Policy], Made]) -> Callable[[str], Made | None]:
    """A function that returns, for a path, what `make` made for the first matching rule; None: the path is not cached.
    Raises PolicyError for anything but a list of rules."""
    rules: object = given
    if isinstance(rules, Rule | str | Mapping) or not isinstance(rules, Iterable):
        raise PolicyError(f"rules is a list of Rule('/path/*', policy); got {rules!r}.")
    made: list[tuple[Rule, Made | None]] = []
    for rule in rules:
        if not isinstance(rule, Rule):
            raise PolicyError(f"rules is a list of Rule('/path/*', policy); it holds {rule!r}.")
        made.append((rule, None if rule.policy is None else make(rule, rule.policy)))
    return lambda path: next((one for rule, one in made if rule.fits(path)), None)
