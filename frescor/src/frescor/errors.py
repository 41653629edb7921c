"""Frescor's errors: one tree; each says what it was about and what to do."""


class CacheError(Exception):
    """The base class of every error that Frescor raises.

    `operation`, `policy` and `key_digest` say what it was about, if known; the digest identifies a key without showing
    it. The cause, such as a driver's exception, is in `__cause__`.
    """

    def __init__(
        self,
        message: str,
        *,
        operation: str | None = None,
        policy: str | None = None,
        key_digest: str | None = None,
    ) -> None:
        about = [
            f"{name} {value}"
            for name, value in (("operation", operation), ("policy", policy), ("key", key_digest))
            if value is not None
        ]
        super().__init__(f"{message} ({', '.join(about)})" if about else message)
        self.operation = operation
        self.policy = policy
        self.key_digest = key_digest


class PolicyError(CacheError):
    """A policy, key, tag, argument or value for which Frescor cannot keep its promises: a mistake in the program."""


class StoreUnavailable(CacheError):
    """The store did not answer in time or cannot be reached. Reads and loads never raise it; they run the loader."""


class StoreRejected(CacheError):
    """The store answered with a refusal: out of memory, read-only replica, missing permission, wrong type."""


class EntryUnreadable(CacheError):
    """Stored bytes that are not a valid entry. Reads count it and treat it as a miss."""
