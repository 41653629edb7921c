"""The cache, for programs that wait: each call by the sync driver."""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, Unpack, overload

from frescor._calls.policy import Policy, Seconds
from frescor._copies.local import DEFAULT_MAX_BYTES
from frescor._extras import extra
from frescor._plan import CallSteps
from frescor._runtime.driver import Driver
from frescor._runtime.engine import Engine
from frescor._runtime.events import PolicyStats, by_policy
from frescor._runtime.nondeterminism import Nondeterminism
from frescor._store.base import KeyInfo, ServerInfo, Store
from frescor._store.connection.connection import DEADLINE
from frescor._store.opening import open_store
from frescor._surface import calls
from frescor._surface.decorator import CachedDecorator, caching, invalidating
from frescor._surface.options import CachedOptions, CallOptions, split
from frescor._values.entry import LARGEST_VALUE, MOST_VALUE
from frescor.errors import PolicyError

if TYPE_CHECKING:
    from frescor._surface.aio import AsyncCache
    from frescor._surface.callsite import CallSite
    from frescor._surface.explanation import Explanation

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Cache:
    """A read-through cache over one store and namespace.

    Safe to share between threads, and after a fork. With the store down nothing here raises: reads miss, loaders run,
    and writes wait in memory until the store is back (their calls return False).
    """

    def __init__(
        self, engine: Engine, *, around_refresh: Callable[[], AbstractContextManager[object]] | None = None
    ) -> None:
        """Use `from_url`. `around_refresh` makes the context in which background threads run loaders."""
        self._engine = engine
        if around_refresh is not None:
            engine.around_refresh = around_refresh

    @classmethod
    def from_url(
        cls,
        url: str,
        namespace: str,
        *,
        local: bool | int = True,
        timeout: float = DEADLINE,
        key_secret: bytes = b"",
        seal_secrets: Sequence[bytes] = (),
        largest_value: int = LARGEST_VALUE,
        confirm: bool = False,
    ) -> "Cache":
        """A cache on the server at `url`.

        `redis://host:6379/0`, `rediss://…` for TLS, `unix:///path/to/socket?db=0`: one server.
        `redis-cluster://host:port,host:port`: a cluster, of which some nodes are named; `rediss-cluster://…` for TLS.
        `redis-sentinel://host:port,host:port/service/0`: the primary of a service, as these sentinels name it, and its
        database; `rediss-sentinel://…` for TLS.
        `memory://`: this process's memory, for tests and for one process alone; another hears of nothing.
        User and password come before the hosts, redis-py's options behind: `?ssl_ca_certs=/path/to/ca.pem`.

        Does not connect: an unreachable server is found out, and survived, by the first call. Raises PolicyError for a
        URL or namespace that cannot be right.

        local: keep copies in this process, in up to so many bytes (True: 64 MiB). timeout: seconds that a call
        may wait for the server, connecting and all its round trips together: what a caller pays, once, when the server
        hangs or is slow. A miss takes three of them: give a server that is far away more. (In an event loop each round
        trip has them to itself, since a busy loop is not the server's fault.) key_secret: keys the digests in
        keys, so that arguments with few possible values cannot be guessed from them. seal_secrets: the current one
        first; for sealed policies, and every other entry is proven by them too. Without them a key_secret proves the
        entries; without either, whoever has the server's password can forge them (docs/threat-model.md). All processes
        of a namespace are given the same secrets. largest_value: bytes of a value, encoded and not compressed, that
        are kept; a larger one is returned to its caller, computed each time, counted and reported once.

        confirm: each invalidation, of a tracked commit too, returns once every process that keeps copies has dropped
        what it ends, or uses none: so there is no delay at all. About a millisecond; 1.6 s where one of them
        was killed or stopped just before, and for as long once the server knows nobody. A call may choose otherwise.
        """
        return cls(
            engine_for(
                url,
                namespace,
                local=local,
                timeout=timeout,
                key_secret=key_secret,
                seal_secrets=seal_secrets,
                largest_value=largest_value,
                confirm=confirm,
            )
        )

    @functools.cached_property
    def aio(self) -> "AsyncCache":
        """This cache for event loops: the same entries, copies and promises."""
        from frescor._surface.aio import AsyncCache  # asyncio, and redis-py's half for it: only for those who await

        return AsyncCache(self._engine)

    @property
    def around_refresh(self) -> Callable[[], AbstractContextManager[object]]:
        """The context in which background threads run loaders."""
        return self._engine.around_refresh

    @around_refresh.setter
    def around_refresh(self, around: Callable[[], AbstractContextManager[object]]) -> None:
        self._engine.around_refresh = around

    @property
    def store(self) -> Store:
        """Where entries are kept."""
        return self._engine.store

    @property
    def key_secret(self) -> bytes:
        """What keys the digests in keys."""
        self._engine.note_digest()
        return self._engine.key_secret

    # -- values under keys that the caller chooses -------------------------------------------------------------------

    @overload
    def get(self, key: str) -> object: ...
    @overload
    def get(self, key: str, default: T) -> object | T: ...
    @overload
    def get(self, key: str, default: None = None, *, as_type: type[T]) -> T | None: ...
    def get(self, key: str, default: object = None, *, as_type: object = None) -> object:
        """The value under a key; `default` on a miss and with the store down.

        `None` is a value like any other: pass `MISS` as the default to tell them apart. Pass `as_type` for a value that
        was set with it.
        """
        return Driver(self._engine, calls.get(self._engine, key, default, as_type)).run()

    def get_many(self, *keys: str) -> dict[str, object]:
        """The values that are there, by key, in one round trip; those missing are left out."""
        return Driver(self._engine, calls.get_many(self._engine, keys)).run()

    def set(
        self, key: str, value: object, expire: Seconds = 300, tags: tuple[str, ...] = (), *, as_type: object = None
    ) -> bool:
        """Store a value for `expire` seconds. False with the store down: then the key is deleted once it is back. False
        for a value that is larger than the cache's `largest_value`, too: what the key held is deleted then.

        A loader of the same key that is under way does not store over it. The value counts as read now: one that was
        computed before a later invalidation is best cached by `get_or_load`. Raises PolicyError for a value that
        cannot be kept exactly; an instance of a class needs `as_type`, here and in `get`.
        """
        return self.set_many({key: value}, expire, tags, as_type=as_type)

    def set_many(
        self,
        mapping: Mapping[str, object],
        expire: Seconds = 300,
        tags: tuple[str, ...] = (),
        *,
        as_type: object = None,
    ) -> bool:
        """Store several values at once; atomic on one server, key by key on a cluster. False: as for `set`."""
        return Driver(self._engine, calls.set_many(self._engine, mapping, expire, tags, as_type)).run()

    def delete(self, *keys: str, confirm: bool | None = None) -> bool:
        """Remove the values under these keys; loaders of them that are under way do not store. False: it waits.
        `confirm`: as for `invalidate`."""
        return Driver(self._engine, calls.delete(self._engine, keys, confirm)).run()

    # -- invalidation ------------------------------------------------------------------------------------------------

    def invalidate(self, *tags: str, confirm: bool | None = None) -> bool:
        """Make every entry that depends on one of these tags a miss, in one round trip however many there are.

        Call it after the commit. True once the store has it: from then on no read returns older data, but for copies in
        other processes until the server's push has reached them (milliseconds; at most 2 s for one that is cut off from
        the server; strict policies use no copies). With `confirm`, by default as the cache was told, not even for that
        long: it returns once they are dropped, or known not to be used. False with the store down: it waits in this
        process, which trusts nothing in the store until it was delivered.
        """
        return Driver(self._engine, calls.invalidate(self._engine, tags, confirm)).run()

    def invalidate_pattern(self, pattern: str, *, confirm: bool | None = None) -> bool:
        """Invalidate the keys below a prefix (`dashboard:*`), everything (`*`), or one key. As `invalidate`."""
        return Driver(self._engine, calls.invalidate_pattern(self._engine, pattern, confirm)).run()

    def clear_all(self, *, confirm: bool | None = None) -> bool:
        """Invalidate every entry of the namespace. As `invalidate`."""
        return Driver(self._engine, calls.clear_all(self._engine, confirm)).run()

    def _invalidate(
        self,
        *,
        tags: tuple[str, ...] = (),
        keys: tuple[str, ...] = (),
        durable: bool = False,
        confirm: bool | None = None,
    ) -> bool:
        """As `calls.raise_tags`."""
        steps = calls.raise_tags(self._engine, tags=tags, keys=keys, durable=durable, confirm=confirm)
        return Driver(self._engine, steps).run()

    # -- read-through ------------------------------------------------------------------------------------------------

    def get_or_load(self, key: str, loader: Callable[[], R], policy: Policy, *, as_type: object = None) -> R:
        """The value under a key, else what the loader returns, stored by the policy.

        One caller in the fleet runs the loader; the others wait for it. What the loader raises reaches those who waited
        for it, and nothing is stored. With the store down the loader runs, one at a time per key in this process.
        """
        steps: CallSteps[R] = calls.get_or_load(self._engine, key, loader, policy, as_type)
        return Driver(self._engine, steps, loader).run()

    def get_or_load_many(
        self,
        keys: Iterable[str],
        loader: Callable[[tuple[str, ...]], Mapping[str, R]],
        policy: Policy,
        *,
        as_type: object = None,
    ) -> dict[str, R]:
        """The values under several keys; one call of the loader for all that are missing, with their keys.

        One round trip where all are there. Keys that the loader gives no value for are left out, and nothing is stored
        for them. Otherwise as `get_or_load` for each; `as_type` is the type of one value.
        """
        steps: CallSteps[dict[str, R]] = calls.get_or_load_many(self._engine, keys, loader, policy, as_type)
        return Driver(self._engine, steps, loader).run()

    def _begin_call(
        self, site: "CallSite", args: tuple[Any, ...], kwargs: Mapping[str, Any], *, refresh: bool = False
    ) -> Driver[Any]:
        """A call of a cached function, whose loader its caller may run in its own frame."""
        steps = calls.cached_call(self._engine, site, args, kwargs, refresh=refresh)
        return Driver(self._engine, steps, functools.partial(site.loader, *args, **kwargs))

    def _look_up_calls(
        self, site: "CallSite", wanted: Iterable[tuple[tuple[Any, ...], Mapping[str, Any]]]
    ) -> list[object]:
        """What is there of calls of a cached function."""
        return Driver(self._engine, calls.look_up_calls(self._engine, site, wanted)).run()

    @overload
    def cached(self, policy: Policy, /, **options: Unpack[CallOptions]) -> CachedDecorator: ...
    @overload
    def cached(
        self, policy: None = None, /, *, key_prefix: str, **options: Unpack[CachedOptions]
    ) -> CachedDecorator: ...
    def cached(self, policy: Policy | None = None, /, **options: Any) -> CachedDecorator:
        """Cache what a function returns, by its arguments: `@cache.cached(POLICY)`, or `expire=` and `key_prefix=`.

        A coroutine function stays one. Beside those of the policy, the options are:

        name: what the function is called in keys, in place of its qualified name: for functions that share one, and for
        those that hold objects without an identity by value, which are kept for one process alone without it.
        ignore: arguments on which the result does not depend. Sessions and connections of SQLAlchemy need not be named:
        what counts of them is their database. key: what an argument counts by, as in `{"user": lambda user: user.id}`;
        `Annotated[User, key(…)]` says the same in the signature. identity: what a method's instance counts by, beside
        its class, as in `lambda self: self.tenant_id`; see `cached_method`.

        store_if: whether a value is kept; one that is not goes to those who wait for it and to nobody else. bypass_if:
        of a call's arguments, whether it runs the function and neither reads nor writes the cache. ttl: for how long a
        value is kept, in place of the policy's time, without jitter; None: the policy's, 0: not at all. expire_at:
        until when: a time of day (local, or in its own time zone), or a function of the value that returns a datetime.

        Raises PolicyError where it is declared, for what cannot be cached, for a second function of one name, and for a
        policy that cannot work with it.
        """
        chosen, of_call = split(policy, options)
        # At C's speed: it stands before every hit.
        return caching(chosen, itertools.repeat(self).__next__, self._engine.claims, **of_call)

    @overload
    def cached_method(self, policy: Policy, /, **options: Unpack[CallOptions]) -> CachedDecorator: ...
    @overload
    def cached_method(
        self, policy: None = None, /, *, key_prefix: str, **options: Unpack[CachedOptions]
    ) -> CachedDecorator: ...
    def cached_method(self, policy: Policy | None = None, /, **options: Any) -> CachedDecorator:
        """As `cached`, for a method whose result does not depend on its instance: a service without state, or one that
        holds only what reads the data. Its class counts, so that subclasses are apart; what `identity` returns, too."""
        chosen, of_call = split(policy, options)
        source = itertools.repeat(self).__next__
        return caching(chosen, source, self._engine.claims, is_method=True, **of_call)

    def invalidate_cache_pattern(self, *patterns: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Invalidate these patterns each time the function has returned; not when it raises."""
        return invalidating(patterns, lambda: self)

    # -- for operators -----------------------------------------------------------------------------------------------

    def explain(self, function: Callable[..., object], *args: object, **kwargs: object) -> "Explanation":
        """What the entry of this call would depend on, and why: `print(cache.explain(dues_of, 7))`.

        Runs the function itself and stores nothing; cached functions that it calls are answered as usual. Raises what
        it raises, and PolicyError for a function that is awaited.
        """
        from frescor._surface.explanation import explain

        return explain(function, args, kwargs)

    def stats(self) -> dict[str, PolicyStats]:
        """What each policy's calls came to, in all processes. Raises CacheError with the store down."""
        self._engine.reporter.flush()
        return by_policy(self._engine.store.counters())

    def health(self) -> ServerInfo:
        """The server's figures. Raises CacheError, which says why, when it cannot be reached."""
        return self._engine.store.info()

    def list_keys(self, pattern: str = "*", limit: int = 1000) -> Iterator[KeyInfo]:
        """Stored keys that match a glob pattern, valid or not. Many round trips: for a person's eyes only."""
        return self._engine.store.list_keys(pattern, limit)

    @property
    def pending(self) -> int:
        """How many invalidations of this process wait for the store."""
        return self._engine.pending.invalidations

    def close(self) -> None:
        """Deliver the counters, stop listening and give the connections back."""
        self._engine.close()

    def __enter__(self) -> "Cache":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def engine_for(
    url: str,
    namespace: str,
    *,
    local: bool | int = True,
    timeout: float = DEADLINE,
    key_secret: bytes = b"",
    seal_secrets: Sequence[bytes] = (),
    largest_value: int = LARGEST_VALUE,
    nondeterminism: Nondeterminism | None = None,
    confirm: bool = False,
) -> Engine:
    """The state of a cache on the server at `url` (see `Cache.from_url`)."""
    store = open_store(url, namespace, deadline=timeout)
    if type(largest_value) is not int or not 0 < largest_value <= MOST_VALUE:
        raise PolicyError(
            f"largest_value is a number of bytes from 1 to {MOST_VALUE:,}, since servers take no string above 512 MB; "
            f"got {largest_value!r}."
        )
    ring = None
    if seal_secrets or key_secret:
        with extra("sealing", "seal_secrets"):
            from frescor._values.seal import KeyRing  # for those who have secrets

            ring = KeyRing(seal_secrets, namespace) if seal_secrets else KeyRing.of_key_secret(key_secret, namespace)
    return Engine(
        store,
        local_bytes=DEFAULT_MAX_BYTES if local is True else int(local),
        key_secret=key_secret,
        ring=ring,
        nondeterminism=nondeterminism or Nondeterminism(),
        largest_value=largest_value,
        confirm=confirm,
    )
