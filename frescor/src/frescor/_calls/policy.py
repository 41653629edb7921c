"""Policies: how one kind of value is cached, as a frozen value that is checked at its declaration."""

import dataclasses
import datetime as dt
import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypedDict, Unpack, cast

from frescor.errors import PolicyError

# Longer than any cached value is useful; and Redis counts milliseconds in 64 bits.
LONGEST_EXPIRE = 10 * 366 * 24 * 3600.0

Seconds = float | dt.timedelta


def seconds(expire: Seconds, *, policy: str | None = None) -> float:
    """A time to live in seconds. Raises PolicyError unless it is a number in (0, ten years]."""
    value: object = expire.total_seconds() if isinstance(expire, dt.timedelta) else expire
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LONGEST_EXPIRE:
        raise PolicyError(
            f"expire must be a number of seconds above 0 and up to {LONGEST_EXPIRE:.0f}, or a timedelta; "
            f"got {expire!r}. A value that must not be cached needs no policy; for a value that should live long, "
            "give a long time: invalidation ends it earlier.",
            policy=policy,
        )
    return float(value)


def milliseconds(ttl: float) -> int:
    """Whole milliseconds, at least one."""
    return max(1, round(ttl * 1000))


def tag_fields(tag: str) -> tuple[str, ...]:
    """The names of the arguments that fill in a tag template such as `militante:{militante_id}`."""
    try:
        parts = list(string.Formatter().parse(tag))
    except ValueError as error:
        raise PolicyError(f"the tag {tag!r} is no valid template: {error}. Write a brace itself as '{{{{'.") from error
    names = []
    for _, name, spec, conversion in parts:
        if name is None:
            continue
        if not name.isidentifier() or spec or conversion:
            raise PolicyError(
                f"the tag {tag!r} may name arguments only as {{argument}}: no attribute, index, format or conversion. "
                "Let the function take what identifies it, such as a number, and name that."
            )
        names.append(name)
    return tuple(names)


def check_tag(tag: object) -> str:
    """The tag, if it is valid text. Raises PolicyError otherwise."""
    if not isinstance(tag, str) or not tag or len(tag) > 200 or not tag.isprintable():
        raise PolicyError(
            f"a tag is printable text of 1 to 200 characters, such as 'orders' or 'order:7'; got {tag!r}."
        )
    if "*" in tag:
        raise PolicyError(f"{tag!r} is a pattern, not a tag: use invalidate_pattern({tag!r}).")
    return tag


def tuple_of(name: str, value: object, *, policy: str | None = None) -> tuple[str, ...]:
    """The names in an iterable. Raises PolicyError for a single string, which is a likely mistake."""
    if isinstance(value, str):
        raise PolicyError(f"{name} must be a tuple: write {name}=({value!r},).", policy=policy)
    return tuple(cast(Iterable[str], value))


class PolicyOptions(TypedDict, total=False):
    """The options that a preset lets a caller change."""

    expire: Seconds
    version: int
    jitter: float
    tags: tuple[str, ...]
    varies_on: tuple[Callable[[], object], ...]
    sealed: bool
    strict: bool
    grace: Seconds
    soft_timeout: Seconds
    on_failure: Literal["raise", "stale"]
    serve_invalidated: bool
    early: bool
    none_expire: Seconds | None
    shared: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How one kind of value is cached.

    name: the beginning of its keys; `:` separates prefixes, each of which can be invalidated (`dashboard:*`).
    expire: seconds (or a timedelta) after which an entry counts as a miss.
    version: increase it when the meaning of the value changes; older entries are then not read.
    jitter: each entry's time is drawn from expire × (1 ± jitter), so that entries made together do not expire together.
    tags: what an entry depends on; `{argument}` is filled in from the call.
    varies_on: functions without arguments whose results the value depends on, beside its arguments (locale, tenant).
    sealed: encrypt and authenticate the value; the cache needs `seal_secrets`.
    strict: never answer from this process's copies, which may be behind by the delay of the server's push.
    grace: for how many seconds after it expired a value is still served at once, while one caller loads it anew.
    soft_timeout: how many seconds to wait for the new value before the expired one is served.
    on_failure: what a caller gets if the loader fails within `soft_timeout`, or the store is down: "raise", what the
        loader raised or returned; "stale", the expired value if there is one within its grace.
    serve_invalidated: treat an invalidated value like an expired one: it is served within `grace` meanwhile.
    early: load anew shortly before the value expires, chosen at random, so that callers do not all meet then (XFetch).
    none_expire: seconds to keep a value of None; 0: it is not stored. Without it, as any other value.
    shared: whoever calls promises not to change what it gets, so that a hit on this process's copy is the object itself
        rather than a copy of it. FRESCOR_CHECK_SHARED=1 notices a broken promise.
    """

    name: str
    expire: Seconds
    version: int = 1
    jitter: float = 0.1
    tags: tuple[str, ...] = ()
    varies_on: tuple[Callable[[], object], ...] = ()
    sealed: bool = False
    strict: bool = False
    grace: Seconds = 0
    soft_timeout: Seconds = 0
    on_failure: Literal["raise", "stale"] = "raise"
    serve_invalidated: bool = False
    early: bool = True
    none_expire: Seconds | None = None
    shared: bool = False
    # In the units that the cache uses; derived from the fields above.
    ttl: float = field(init=False, repr=False)
    grace_ms: int = field(init=False, repr=False)
    patience: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_prefix(self.name)
        object.__setattr__(self, "ttl", seconds(self.expire, policy=self.name))
        object.__setattr__(self, "grace_ms", round(self._seconds_or_none("grace", self.grace) * 1000))
        object.__setattr__(self, "patience", self._seconds_or_none("soft_timeout", self.soft_timeout))
        if self.none_expire is not None:
            self._seconds_or_none("none_expire", self.none_expire)
        failure: object = self.on_failure
        if failure not in ("raise", "stale"):
            raise PolicyError(f"on_failure must be 'raise' or 'stale'; got {failure!r}.", policy=self.name)
        if not self.grace_ms:
            for needs_grace in ("soft_timeout", "serve_invalidated"):
                if getattr(self, needs_grace):
                    raise PolicyError(f"{needs_grace} has no effect without grace=…, above 0.", policy=self.name)
            if failure == "stale":
                raise PolicyError("on_failure='stale' has no effect without grace=…, above 0.", policy=self.name)
        if self.strict and (self.grace_ms or self.serve_invalidated):
            raise PolicyError("a strict policy serves no expired value: leave grace out.", policy=self.name)
        if self.strict and self.shared:
            raise PolicyError(
                "a strict policy reads from the server every time, so there is no object to share: leave shared out.",
                policy=self.name,
            )
        version: object = self.version
        if isinstance(version, bool) or not isinstance(version, int) or version < 1:
            raise PolicyError(f"version must be a whole number from 1; got {self.version!r}.", policy=self.name)
        jitter: object = self.jitter
        if not isinstance(jitter, int | float) or not 0 <= jitter < 1:
            raise PolicyError(f"jitter must be a fraction from 0 to below 1; got {self.jitter!r}.", policy=self.name)
        tags: object = self.tags
        if isinstance(tags, str):
            raise PolicyError(f"tags must be a tuple: write tags=({self.tags!r},).", policy=self.name)
        for tag in self.tags:
            check_tag(tag)
            tag_fields(tag)
        if not all(callable(vary) for vary in self.varies_on):
            raise PolicyError(
                "varies_on holds functions without arguments that return what the value depends on beside its "
                f"arguments, such as varies_on=(current_locale,); got {self.varies_on!r}.",
                policy=self.name,
            )

    def _seconds_or_none(self, name: str, value: Seconds) -> float:
        if value == 0 and not isinstance(value, bool):
            return 0.0
        try:
            return seconds(value, policy=self.name)
        except PolicyError:
            raise PolicyError(
                f"{name} must be a number of seconds from 0, or a timedelta; got {value!r}.", policy=self.name
            ) from None

    @classmethod
    def dashboard(cls, name: str, **options: Unpack[PolicyOptions]) -> "Policy":
        """A policy for dashboards: 5 minutes."""
        return cls._preset(name, 300, options)

    @classmethod
    def user(cls, name: str, **options: Unpack[PolicyOptions]) -> "Policy":
        """A policy for a user's data: 30 minutes."""
        return cls._preset(name, 1800, options)

    @classmethod
    def static(cls, name: str, **options: Unpack[PolicyOptions]) -> "Policy":
        """A policy for data that seldom changes: 1 hour."""
        return cls._preset(name, 3600, options)

    @classmethod
    def configuration(cls, name: str, **options: Unpack[PolicyOptions]) -> "Policy":
        """A policy for configuration: 24 hours."""
        return cls._preset(name, 86400, options)

    def replace(self, **changes: Unpack[PolicyOptions]) -> "Policy":
        """The same policy with some options changed. Raises PolicyError as a declaration does."""
        return dataclasses.replace(self, **changes)

    @classmethod
    def _preset(cls, name: str, expire: float, options: PolicyOptions) -> "Policy":
        options.setdefault("expire", expire)
        return cls(name=name, **options)

    @property
    def names_arguments(self) -> bool:
        """Whether any of its tags is filled in from arguments."""
        return any(tag_fields(tag) for tag in self.tags)

    def tags_for(self, arguments: Mapping[str, object]) -> tuple[str, ...]:
        """The tags of one call, with templates filled in. Raises PolicyError for an argument that cannot be part of a
        tag."""
        return tuple(self._fill(tag, arguments) if "{" in tag or "}" in tag else tag for tag in self.tags)

    def _fill(self, tag: str, arguments: Mapping[str, object]) -> str:
        values = {}
        for name in tag_fields(tag):
            value = arguments[name]
            if isinstance(value, bool) or not isinstance(value, int | str):
                raise PolicyError(
                    f"the tag {tag!r} is filled in from {name}={value!r}, which is neither int nor str. Use an "
                    "identifier in the tag.",
                    policy=self.name,
                )
            values[name] = value
        return check_tag(tag.format_map(values))


def check_prefix(prefix: object) -> str:
    """The prefix, if keys can begin with it. Raises PolicyError otherwise."""
    if (
        not isinstance(prefix, str)
        or not prefix.isprintable()
        or not all(prefix.split(":"))
        or len(prefix) > 120
        or "*" in prefix
    ):
        raise PolicyError(
            f"a policy's name (key_prefix) is printable text such as 'dashboard' or 'dashboard:stats', up to 120 "
            f"characters, without '*' and without an empty part; got {prefix!r}."
        )
    return prefix
