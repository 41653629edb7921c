"""Policies: how one kind of value is cached, as a frozen value that is checked where it is declared."""

import dataclasses
import datetime as dt
import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypedDict, Unpack, cast

from frescor.errors import PolicyError

# An entry that lives longer than this is a database row; and Redis counts milliseconds in 64 bits.
LONGEST_EXPIRE = 10 * 366 * 24 * 3600.0

Seconds = float | dt.timedelta


def seconds(expire: Seconds, *, policy: str | None = None) -> float:
    """A time to live in seconds. Raises PolicyError unless it is a number in (0, ten years]."""
    value: object = expire.total_seconds() if isinstance(expire, dt.timedelta) else expire
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= LONGEST_EXPIRE:
        raise PolicyError(
            f"expire must be a number of seconds above 0 and up to {LONGEST_EXPIRE:.0f}, or a timedelta; "
            f"got {expire!r}. For a value that must not be cached, do not cache it; for one that lives long, "
            "give a long time: invalidation ends it earlier.",
            policy=policy,
        )
    return float(value)


def milliseconds(ttl: float) -> int:
    """Whole milliseconds, at least one."""
    return max(1, round(ttl * 1000))


def tag_fields(tag: str) -> tuple[str, ...]:
    """The names of the arguments that a tag template such as `militante:{militante_id}` is filled from."""
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
                f"the tag {tag!r} may name arguments only as {{argument}}: no attribute, index, format or conversion."
            )
        names.append(name)
    return tuple(names)


def check_tag(tag: object) -> str:
    """The tag, if it is text that can name one. Raises PolicyError otherwise."""
    if not isinstance(tag, str) or not tag or len(tag) > 200 or not tag.isprintable():
        raise PolicyError(f"a tag is printable text of 1 to 200 characters; got {tag!r}.")
    if "*" in tag:
        raise PolicyError(f"{tag!r} is a pattern, not a tag: use invalidate_pattern({tag!r}).")
    return tag


def tuple_of(name: str, value: object, *, policy: str | None = None) -> tuple[str, ...]:
    """The names in an iterable; a single string is a mistake. Raises PolicyError for that."""
    if isinstance(value, str):
        raise PolicyError(f"{name} is a tuple: write {name}=({value!r},).", policy=policy)
    return tuple(cast(Iterable[str], value))


class PolicyOptions(TypedDict, total=False):
    """What a preset lets a caller change."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How one kind of value is cached.

    name: what its keys begin with; `:` separates prefixes, each of which can be invalidated (`dashboard:*`).
    expire: seconds (or a timedelta) until an entry counts as a miss.
    version: raise it when the meaning of the value changes; older entries are then never read.
    jitter: each entry's life is drawn from expire × (1 ± jitter), so that entries made together do not end together.
    tags: what an entry depends on; `{argument}` is filled from the call.
    varies_on: functions without arguments whose results the value depends on beside its arguments (locale, tenant).
    sealed: encrypt and authenticate the value; the cache must have been given `seal_secrets`.
    strict: never answer from this process's copies, which may be behind by the delay of the server's push.
    grace: seconds past its time in which a value is still served at once, while one caller loads it anew.
    soft_timeout: seconds to wait for the new value before the one past its time is served.
    on_failure: what a caller gets when the loader fails within `soft_timeout`, or the store is down: "raise", what the
        loader raised or returned; "stale", the value past its time if there is one within its grace.
    serve_invalidated: count an invalidation as the end of its time: within `grace` the old value is served meanwhile.
    early: load anew shortly before the end, by lot, so that callers do not meet there (XFetch).
    none_expire: seconds to live for a value of None; 0: it is not stored. Without it, as any value.
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
    # In the units that the cache counts in; from the fields above.
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
            raise PolicyError(f"on_failure is 'raise' or 'stale'; got {failure!r}.", policy=self.name)
        if not self.grace_ms:
            for needs_grace in ("soft_timeout", "serve_invalidated"):
                if getattr(self, needs_grace):
                    raise PolicyError(f"{needs_grace} does nothing without grace=…, above 0.", policy=self.name)
            if failure == "stale":
                raise PolicyError("on_failure='stale' does nothing without grace=…, above 0.", policy=self.name)
        if self.strict and (self.grace_ms or self.serve_invalidated):
            raise PolicyError("a strict policy serves no value past its time: leave grace out.", policy=self.name)
        version: object = self.version
        if isinstance(version, bool) or not isinstance(version, int) or version < 1:
            raise PolicyError(f"version is a whole number from 1; got {self.version!r}.", policy=self.name)
        jitter: object = self.jitter
        if not isinstance(jitter, int | float) or not 0 <= jitter < 1:
            raise PolicyError(f"jitter is a part of expire, from 0 to below 1; got {self.jitter!r}.", policy=self.name)
        tags: object = self.tags
        if isinstance(tags, str):
            raise PolicyError(f"tags is a tuple: write tags=({self.tags!r},).", policy=self.name)
        for tag in self.tags:
            check_tag(tag)
            tag_fields(tag)
        if not all(callable(vary) for vary in self.varies_on):
            raise PolicyError("varies_on holds functions without arguments.", policy=self.name)

    def _seconds_or_none(self, name: str, value: Seconds) -> float:
        if value == 0 and not isinstance(value, bool):
            return 0.0
        try:
            return seconds(value, policy=self.name)
        except PolicyError:
            raise PolicyError(
                f"{name} is a number of seconds from 0, or a timedelta; got {value!r}.", policy=self.name
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
        """Whether its tags are filled from the arguments."""
        return any(tag_fields(tag) for tag in self.tags)

    def tags_for(self, arguments: Mapping[str, object]) -> tuple[str, ...]:
        """The tags of one call, templates filled. Raises PolicyError for an argument that cannot stand in a tag."""
        return tuple(self._fill(tag, arguments) if "{" in tag or "}" in tag else tag for tag in self.tags)

    def _fill(self, tag: str, arguments: Mapping[str, object]) -> str:
        values = {}
        for name in tag_fields(tag):
            value = arguments[name]
            if isinstance(value, bool) or not isinstance(value, int | str):
                raise PolicyError(
                    f"the tag {tag!r} is filled from {name}={value!r}, which is neither int nor str. "
                    "Tag by an identifier.",
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
