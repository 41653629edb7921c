"""Which responses may be stored, and in which form."""

import hashlib
import logging
import random
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from frescor._calls.loading import current_load
from frescor._calls.policy import Policy
from frescor._http.options import ViewOptions

logger = logging.getLogger("frescor")

Headers = tuple[tuple[str, str], ...]

# Means that all headers were read.
ANY_HEADER = "*"
# The reason for not storing a response if nothing should be done about it.
UNSAID = "-"
# Headers that belong to one connection or one moment, and one visitor's cookies.
_NOT_KEPT = frozenset(
    {"age", "connection", "date", "keep-alive", "server", "set-cookie", "te", "trailer", "transfer-encoding", "upgrade"}
)
# Headers that may be read: in the key; handled when the entry is sent (RFC 9110, 13); or contexts of tracing.
_NO_MATTER = frozenset(
    {
        "baggage",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "range",
        "traceparent",
        "tracestate",
    }
)


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A stored response; when it was made and when it expires, in seconds since 1970."""

    status: int
    headers: Headers
    body: bytes
    etag: str
    made_at: float
    ends_at: float


# In place of a response that may not be stored.
NOT_STORED = StoredResponse(0, (), b"", "", 0.0, 0.0)


@dataclass(slots=True)
class Reads:
    """What was read from a request while it was answered: names of headers in lower case (ANY_HEADER: all of them), the
    session, and descriptions of anything else that may be specific to one visitor."""

    headers: set[str] = field(default_factory=set)
    session_read: bool = False
    session_modified: bool = False
    others: set[str] = field(default_factory=set)


def values_of(headers: Iterable[tuple[str, str]], name: str) -> list[str]:
    """The parts, separated by commas, of all headers with this name, which is in lower case."""
    return [part.strip() for key, value in headers if key.lower() == name for part in value.split(",") if part.strip()]


def why_not_stored(
    status: int, headers: Headers, reads: Reads, options: ViewOptions, *, for_one: bool | None = None
) -> str:
    """Why a whole response may not be stored, in words that say what to write; '' if it may.

    for_one: whether something else than a function in `vary` says for whom it is.
    """
    personal = bool(options.functions) if for_one is None else for_one
    if reads.session_modified or any(name.lower() == "set-cookie" for name, _ in headers):
        return "it sets a cookie, or changes the session: that is for one visitor alone"
    if reads.session_read and not personal:
        return "it reads the session: give vary=(…,) a function that says for whom the response is"
    if reads.others and not (personal or options.public):
        return (
            f"it reads {', '.join(sorted(reads.others))}: give vary=(…,) a function that says for whom the response "
            "is, or public=True if it is the same for everybody"
        )
    says = {name.lower() for name in values_of(headers, "vary")}
    is_compressed = any(name.lower() == "content-encoding" for name, _ in headers)
    if "accept-encoding" not in options.headers and (is_compressed or "accept-encoding" in says | reads.headers):
        return "it is compressed within the cache: let what compresses responses stand outside of it"
    unnamed = sorted(reads.headers - options.headers - _NO_MATTER - ({"cookie"} if personal else set()))
    if ANY_HEADER in unnamed:
        return "it goes through all request headers: read those that it needs by their names"
    if unnamed:
        named = ", ".join(repr(name.title()) for name in unnamed)
        return f"it reads request headers that it does not vary on: write vary=({named}, …)"
    return _why_it_says_so(headers, options, personal=personal) or ("" if status in options.statuses else UNSAID)


def _why_it_says_so(headers: Headers, options: ViewOptions, *, personal: bool) -> str:
    """Why a response's own headers forbid to store it."""
    vary = {name.lower() for name in values_of(headers, "vary")}
    if "*" in vary:
        return "it says Vary: *"
    beyond = sorted(vary - options.headers - ({"cookie", "authorization"} if personal else set()))
    if beyond:
        named = ", ".join(repr(name.title()) for name in beyond)
        return f"it says Vary: {', '.join(name.title() for name in beyond)}: write vary=({named}, …)"
    control = {part.partition("=")[0].lower() for part in values_of(headers, "cache-control")}
    if "no-store" in control or ("private" in control and not personal):
        return f"it says Cache-Control: {', '.join(values_of(headers, 'cache-control'))}"
    return ""


def to_store(status: int, headers: Headers, body: bytes, policy: Policy) -> StoredResponse:
    """A response in its stored form, for as long as the policy or its loader says; called within the load."""
    load = current_load()
    rest = load.ttl
    if rest is None:
        rest = policy.ttl * (1 + policy.jitter * (2 * random.random() - 1))  # noqa: S311 - spreads, hides nothing
        load.expire(rest)
    kept = tuple((name, value) for name, value in headers if name.lower() not in _NOT_KEPT)
    own = next((value for name, value in headers if name.lower() == "etag"), "")
    now = time.time()
    return StoredResponse(status, kept, body, own or f'"{_digest(kept, body)}"', now, now + rest)


def _digest(headers: Headers, body: bytes) -> str:
    digest = hashlib.blake2b(body, digest_size=16)
    for name, value in headers:
        # The same bytes with another type or language are another representation (RFC 9110, 8.8.3).
        if name.lower() in ("content-type", "content-language", "content-encoding"):
            digest.update(f"\0{name.lower()}:{value}".encode())
    return digest.hexdigest()


class Said:
    """Logs, once for each reason, why responses of one view or rule are not stored."""

    def __init__(self, what: str, policy: Policy) -> None:
        self._what, self._policy = what, policy
        self._reasons: set[str] = set()

    def __call__(self, reason: str) -> None:
        """Say it if it was not said yet."""
        if reason not in self._reasons and reason != UNSAID:
            self._reasons.add(reason)
            logger.warning("a response of %s (policy %s) is not cached: %s.", self._what, self._policy.name, reason)
