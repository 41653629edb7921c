"""The cache for synchronous programs. The sync driver carries out each call."""

import contextlib
import functools
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, Unpack, overload

from frescor._calls.policy import Policy, Seconds
from frescor._copies.local import DEFAULT_MAX_BYTES
from frescor._extras import extra
from frescor._plan import CallSteps
from frescor._runtime.auditing import check_rate
from frescor._runtime.driver import Driver
from frescor._runtime.engine import Engine
from frescor._runtime.events import PolicyStats, by_policy
from frescor._runtime.hooks import Hook, Kind
from frescor._runtime.nondeterminism import Nondeterminism
from frescor._store.base import KeyInfo, ServerInfo, Store
from frescor._store.connection.connection import DEADLINE
from frescor._store.connection.credentials import Credentials
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
    from frescor._surface.recording import Calls

# The environment's variable that switches every cache of a process off.
DISABLED = "FRESCOR_DISABLED"
_CHECK_SHARED = "FRESCOR_CHECK_SHARED"

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
H = TypeVar("H", bound=Hook)


class Cache:
    """A read-through cache over one store and namespace.

    It can be shared between threads, and used after a fork. No call raises because the store is down: reads miss,
    loaders run, and writes wait in memory until the store is back (their calls return False).
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
        disabled: bool | None = None,
        auditing: float = 0.0,
        credentials: Credentials | None = None,
    ) -> "Cache":
        """A cache on the server at `url`.

        The URL is one of:

        - `redis://host:6379/0`, `rediss://…` for TLS, or `unix:///path/to/socket?db=0`: one server.
        - `redis-cluster://host:port,host:port`: a cluster, through any of its nodes; `rediss-cluster://…` for TLS.
        - `redis-sentinel://host:port,host:port/service/0`: sentinels, then the name of the service whose primary is
          used, and the database; `rediss-sentinel://…` for TLS.
        - `memory://`: this process's memory, for tests and single-process programs. Other processes share nothing with
          it.

        User and password come before the hosts. Options of redis-py come at the end: `?ssl_ca_certs=/path/to/ca.pem`.

        Does not connect: the first call finds out whether the server can be reached, and works either way. Raises
        PolicyError for an invalid URL or namespace.

        local: keep copies in this process, up to this number of bytes (True: 64 MiB).

        timeout: how many seconds one call may wait for the server, including connecting and all its round trips. A
        caller pays this once when the server hangs or is slow. A miss takes three round trips, so allow more for a
        distant server. In an event loop the limit applies to each round trip, since a busy loop is not the server's
        fault.

        key_secret: keys the digests in keys, so that nobody who reads the keys can guess arguments that have few
        possible values.

        seal_secrets: the secrets of sealed policies, the current one first. They also prove all other entries. Without
        them, key_secret proves the entries. With neither, anyone who has the server's password can forge entries
        (docs/threat-model.md). All processes of a namespace need the same secrets.

        largest_value: the largest value to keep, in bytes of its encoding before compression. A larger value is
        returned to its caller, computed again each time, counted, and reported once.

        confirm: whether each invalidation, including that of a tracked commit, returns only once every process with
        copies has dropped the copies concerned or can no longer use them. Then there is no delay at all. This takes
        about a millisecond. It takes 1.6 s if one of these processes was killed or stopped just before, and also during
        the first 1.6 s after the server has lost its list of processes. Each call can override it.

        disabled: whether every call loads and nothing is kept, as within `disabled()`. None: if the environment
        variable FRESCOR_DISABLED is 1 when the cache is made.

        auditing: the part of hits of cached functions and of `get_or_load`, such as 0.001, that are loaded again in the
        background and compared with what was returned. Another value that no write explains is logged with the digest
        of the key, the tags and the ages, counted as `mismatches`, and told to `on_mismatch`; see docs/auditing.md.

        credentials: a function that returns (user, password) or a password, or a `CredentialProvider` of redis-py, in
        place of those in the URL. It is asked at each new connection, also by several threads at once, and should
        answer from memory: the time that it takes is the caller's.
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
                disabled=disabled,
                auditing=auditing,
                credentials=credentials,
            )
        )

    @classmethod
    def on(
        cls,
        store: Store,
        namespace: str,
        *,
        local: bool | int = True,
        key_secret: bytes = b"",
        seal_secrets: Sequence[bytes] = (),
        largest_value: int = LARGEST_VALUE,
        confirm: bool = False,
    ) -> "Cache":
        """A cache on a store of one's own (see `frescor.store`), which keeps this namespace alone; with the options of
        `from_url`. Without a `listener` of the store's, `local` must be False wherever other processes write to it:
        copies here would not hear of them."""
        return cls(
            engine_for(
                "",
                namespace,
                store=store,
                local=local,
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
        """The secret that keys the digests in keys."""
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

        `None` is a value like any other: pass `MISS` as the default to tell them apart. For a value that was set with
        an `as_type`, pass the same one.
        """
        return Driver(self._engine, calls.get(self._engine, key, default, as_type)).run()

    def get_many(self, *keys: str) -> dict[str, object]:
        """The values that were found, by key, in one round trip. Missing keys are left out."""
        return Driver(self._engine, calls.get_many(self._engine, keys)).run()

    def set(
        self, key: str, value: object, expire: Seconds = 300, tags: tuple[str, ...] = (), *, as_type: object = None
    ) -> bool:
        """Store a value for `expire` seconds. False with the store down: the key is then deleted once the store is
        back. Also False for a value larger than the cache's `largest_value`: the previous value of the key is deleted.

        A running load of the same key does not overwrite the value. The value counts as read at the time of this call,
        so use `get_or_load` for a value that an invalidation may overtake while it is computed. Raises PolicyError for
        a value that cannot be kept exactly. An instance of a class needs `as_type`, here and in `get`.
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
        """Remove the values under these keys; running loads of them do not store. False: the removal is pending (see
        `invalidate`). `confirm`: as for `invalidate`."""
        return Driver(self._engine, calls.delete(self._engine, keys, confirm)).run()

    # -- invalidation ------------------------------------------------------------------------------------------------

    def invalidate(self, *tags: str, serve_old: bool = False, confirm: bool | None = None) -> bool:
        """Make every entry that depends on one of these tags a miss, in one round trip for any number of entries.

        Call it after the commit. True once the store has taken it: from then on no read returns older data, except from
        copies in other processes until the server's push reaches them. That takes milliseconds, and at most 2 s for a
        process that is cut off from the server. Strict policies use no copies. `confirm` (default: the cache's own
        setting) removes that delay: the call returns once all those copies are dropped or can no longer be used.

        `serve_old`: nobody has to wait for the new value. A policy with a grace serves the old one for that long, while
        one caller loads it anew, as if its time were over. A policy without a grace does not; nor is an entry served
        that depends on slices, or that was invalidated without `serve_old` since it was loaded.

        False with the store down: the invalidation waits in this process, which trusts nothing in the store until it is
        delivered.
        """
        return Driver(self._engine, calls.invalidate(self._engine, tags, confirm, serve_old=serve_old)).run()

    def invalidate_pattern(self, pattern: str, *, serve_old: bool = False, confirm: bool | None = None) -> bool:
        """Invalidate all keys with a prefix (`dashboard:*`), all keys (`*`), or one key. See `invalidate`."""
        return Driver(self._engine, calls.invalidate_pattern(self._engine, pattern, confirm, serve_old=serve_old)).run()

    def touch(self, key: str | Callable[..., object], expire: Seconds = 300) -> bool:
        """Give the value under a key another time to live from now, of `expire` seconds; its grace stays as long as it
        was. Of a cached function's call pass `function.key(…)`, or the function if it takes no arguments.

        Its tags stay, too, so a later invalidation ends it as before. False: there is no valid value, or the store is
        down; then nothing was changed. A load of the key that is under way is waited for. Raises PolicyError for a time
        that cannot be one.
        """
        return Driver(self._engine, calls.touch(self._engine, key, expire)).run()

    def expire(self, key: str | Callable[..., object], *, confirm: bool | None = None) -> bool:
        """Let the time of the value under a key be over: within its policy's grace it is served while one caller loads
        it anew; without a grace it is deleted. For what has to be seen at once, use `delete` or `invalidate`.

        Of a cached function's call pass `function.key(…)`, or the function if it takes no arguments. True once the
        store has it, whether or not there was a value. A load of the key that is under way is waited for, and what it
        stored is past its time. False with the store down: then the key is deleted once it is back.
        """
        return Driver(self._engine, calls.expire(self._engine, key, confirm)).run()

    def clear_all(self, *, serve_old: bool = False, confirm: bool | None = None) -> bool:
        """Invalidate every entry of the namespace. See `invalidate`."""
        return Driver(self._engine, calls.clear_all(self._engine, confirm, serve_old=serve_old)).run()

    def _invalidate(
        self,
        *,
        tags: tuple[str, ...] = (),
        keys: tuple[str, ...] = (),
        durable: bool = False,
        confirm: bool | None = None,
    ) -> bool:
        """See `calls.raise_tags`."""
        steps = calls.raise_tags(self._engine, tags=tags, keys=keys, durable=durable, confirm=confirm)
        return Driver(self._engine, steps).run()

    # -- read-through ------------------------------------------------------------------------------------------------

    def get_or_load(self, key: str, loader: Callable[[], R], policy: Policy, *, as_type: object = None) -> R:
        """The value under a key, or else what the loader returns, which is stored by the policy.

        One caller among all processes runs the loader; the others wait for it. If the loader raises, all who waited for
        it get the exception, and nothing is stored. With the store down the loader runs, once at a time per key in this
        process.
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
        """The values under several keys. The loader is called once, with all the keys that are missing.

        Takes one round trip if all values are found. A key for which the loader returns no value is left out, and
        nothing is stored for it. Otherwise each key is treated as by `get_or_load`. `as_type` is the type of one value.
        """
        steps: CallSteps[dict[str, R]] = calls.get_or_load_many(self._engine, keys, loader, policy, as_type)
        return Driver(self._engine, steps, loader).run()

    def _begin_call(
        self, site: "CallSite", args: tuple[Any, ...], kwargs: Mapping[str, Any], *, refresh: bool = False
    ) -> Driver[Any]:
        """Begin a call of a cached function. The caller may run the loader in its own frame."""
        steps = calls.cached_call(self._engine, site, args, kwargs, refresh=refresh)
        return Driver(self._engine, steps, functools.partial(site.loader, *args, **kwargs))

    def _look_up_calls(
        self, site: "CallSite", wanted: Iterable[tuple[tuple[Any, ...], Mapping[str, Any]]]
    ) -> list[object]:
        """Look up several calls of a cached function without loading."""
        return Driver(self._engine, calls.look_up_calls(self._engine, site, wanted)).run()

    @overload
    def cached(self, policy: Policy, /, **options: Unpack[CallOptions]) -> CachedDecorator: ...
    @overload
    def cached(
        self, policy: None = None, /, *, key_prefix: str, **options: Unpack[CachedOptions]
    ) -> CachedDecorator: ...
    def cached(self, policy: Policy | None = None, /, **options: Any) -> CachedDecorator:
        """Cache what a function returns, by its arguments: `@cache.cached(POLICY)`, or `expire=` and `key_prefix=`.

        A coroutine function remains one. These options can be added to those of the policy:

        name: the function's name in keys, instead of its qualified name. Needed by functions that have the same
        qualified name, and by functions that capture objects without an identity by value, whose results are otherwise
        kept for one process only.

        ignore: arguments that do not affect the result. SQLAlchemy sessions and connections need not be listed: they
        are identified by their database.

        key: how to identify an argument, as in `{"user": lambda user: user.id}`. `Annotated[User, key(…)]` in the
        signature means the same.

        identity: how to identify a method's instance, in addition to its class, as in `lambda self: self.tenant_id`.
        See `cached_method`.

        store_if: a function of the value that says whether it is kept. A value that is not kept goes only to the caller
        and to those who wait for it.

        bypass_if: a function of the call's arguments. If it returns true, the function runs and the cache is neither
        read nor written.

        ttl: a function of the value that returns how long it is kept, without jitter. None means the policy's time, 0
        means not at all.

        expire_at: when the value expires: a time of day (local, or in its own time zone), or a function of the value
        that returns a datetime.

        detached: callers, and the conditions above, get copies in place of ORM objects that the function returns, in
        lists, tuples and dictionaries, too: of the columns and relationships that were loaded then, without a session.
        An attribute that was not loaded raises AttributeError.

        Raises PolicyError at the declaration for a function that cannot be cached, for a second function of the same
        name, and for a policy that does not fit the function.
        """
        chosen, of_call = split(policy, options)
        # Implemented in C, because it runs before every hit.
        return caching(chosen, itertools.repeat(self).__next__, self._engine.claims, **of_call)

    @overload
    def cached_method(self, policy: Policy, /, **options: Unpack[CallOptions]) -> CachedDecorator: ...
    @overload
    def cached_method(
        self, policy: None = None, /, *, key_prefix: str, **options: Unpack[CachedOptions]
    ) -> CachedDecorator: ...
    def cached_method(self, policy: Policy | None = None, /, **options: Any) -> CachedDecorator:
        """Like `cached`, for a method whose result does not depend on its instance: a service without state, or one
        that only holds what reads the data. The class of the instance counts, so subclasses have entries of their own.
        So does what `identity` returns."""
        chosen, of_call = split(policy, options)
        source = itertools.repeat(self).__next__
        return caching(chosen, source, self._engine.claims, is_method=True, **of_call)

    def invalidate_cache_pattern(self, *patterns: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Invalidate these patterns each time the function returns; not when it raises."""
        return invalidating(patterns, lambda: self)

    # -- what looks on, and what is otherwise for a while ------------------------------------------------------------

    def on_hit(self, hook: H) -> H:
        """Call this with an `Event` for each call that is answered without its function; returns it, so it decorates.

        Hooks run in the thread or task of the call, before it returns. One that raises breaks nothing: that is logged
        once. While there is a hook for hits, each hit takes some microseconds more. `unhook` ends it.
        """
        return self._hook("hit", hook)

    def on_miss(self, hook: H) -> H:
        """As `on_hit`, for each call that nothing could answer, before its function runs."""
        return self._hook("miss", hook)

    def on_load(self, hook: H) -> H:
        """As `on_hit`, for each load that ended, behind a caller's back, too; a failed one has an `error`."""
        return self._hook("load", hook)

    def on_invalidate(self, hook: H) -> H:
        """As `on_hit`, for each invalidation that this process makes, those of tracked commits included."""
        return self._hook("invalidate", hook)

    def on_error(self, hook: H) -> H:
        """As `on_hit`, for loads that failed, entries that could not be read, and a store that did not answer."""
        return self._hook("error", hook)

    def on_mismatch(self, hook: H) -> H:
        """As `on_hit`, for each audit that found another value than a hit returned."""
        return self._hook("mismatch", hook)

    def unhook(self, hook: Hook) -> None:
        """Call this hook no longer, for whatever it was called; nothing if it was not."""
        kinds: tuple[Kind, ...] = ("hit", "miss", "load", "invalidate", "error", "mismatch")
        self._engine.hooks.remove(dict.fromkeys(kinds, hook))

    def _hook(self, kind: Kind, hook: H) -> H:
        self._engine.hooks.add({kind: hook})
        return hook

    def recording(self) -> "contextlib.AbstractContextManager[Calls]":
        """`with cache.recording() as calls:` counts what happens meanwhile: `assert calls.hits("dashboard") == 1`."""
        from frescor._surface.recording import recorded  # for tests alone

        return recorded(self._engine.hooks)

    def disabled(self) -> AbstractContextManager[None]:
        """`with cache.disabled():` every call of this thread or task, and of the tasks that it starts, loads: nothing
        is read or kept, and nobody is waited for. Writes invalidate as ever; `set` deletes what is under its key."""
        return self._engine.within(disabled=True)

    def memo(self) -> AbstractContextManager[None]:
        """`with cache.memo():` repeated calls of cached functions, and of `get_or_load`, by this thread or task and the
        tasks that it starts, return the value that the first one returned, without asking the store.

        A write within it through this cache (an invalidation, `set`, `refresh`, the commit of a tracked transaction)
        ends all that it keeps, and within a transaction that has changed something it answers nothing. What others
        write meanwhile is not seen until it ends: make it as short as a request. Strict policies do not use it.
        """
        return self._engine.within(memo=True)

    @contextlib.contextmanager
    def replaced_by(self, other: "Cache") -> Iterator["Cache"]:
        """`with cache.replaced_by(other):` all that is done with this cache, in the whole process, is done with the
        other one: functions that it decorates, engines that are tracked with it, its `aio`. For tests."""
        given: object = other
        if not isinstance(given, Cache):
            raise PolicyError(
                "replaced_by takes another Cache, such as the fixture frescor_cache or Cache.from_url('memory://', "
                f"namespace='test'); got {given!r}."
            )
        mine, theirs = self._engine, other._engine
        aio = self.__dict__.pop("aio", None)
        theirs.dirty_check = theirs.dirty_check or mine.dirty_check
        around, theirs.around_refresh = theirs.around_refresh, mine.around_refresh
        self._engine = theirs
        try:
            yield other
        finally:
            self._engine, theirs.around_refresh = mine, around
            # An engine may have been tracked meanwhile.
            mine.dirty_check = mine.dirty_check or theirs.dirty_check
            self.__dict__.pop("aio", None)
            if aio is not None:
                self.__dict__["aio"] = aio

    # -- for operators -----------------------------------------------------------------------------------------------

    def explain(self, function: Callable[..., object], *args: object, **kwargs: object) -> "Explanation":
        """What the entry of this call would depend on, and why: `print(cache.explain(dues_of, 7))`.

        Runs the function itself and stores nothing. Cached functions that it calls use the cache as usual. Raises what
        the function raises, and PolicyError for a coroutine function.
        """
        from frescor._surface.explanation import explain

        return explain(function, args, kwargs)

    def stats(self) -> dict[str, PolicyStats]:
        """The counters of each policy, added up over all processes. Raises CacheError with the store down."""
        self._engine.reporter.flush()
        return by_policy(self._engine.store.counters())

    def health(self) -> ServerInfo:
        """The server's figures. Raises CacheError with the reason if the server cannot be reached."""
        return self._engine.store.info()

    def status(self) -> tuple[str, ...]:
        """How each promise is kept that depends on what the server allows this user, a sentence each, with the server's
        refusal where it refuses; empty for `memory://`. Raises CacheError if the server cannot be reached."""
        return self._engine.store.abilities()

    def list_keys(self, pattern: str = "*", limit: int = 1000) -> Iterator[KeyInfo]:
        """Stored keys that match a glob pattern, whether valid or not. Takes many round trips: for operators only."""
        return self._engine.store.list_keys(pattern, limit)

    @property
    def pending(self) -> int:
        """How many invalidations of this process are waiting for the store."""
        return self._engine.pending.invalidations

    def close(self) -> None:
        """Deliver the counters, stop listening and close the connections."""
        self._engine.close()

    def __enter__(self) -> "Cache":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def engine_for(
    url: str,
    namespace: str,
    *,
    store: Store | None = None,
    local: bool | int = True,
    timeout: float = DEADLINE,
    key_secret: bytes = b"",
    seal_secrets: Sequence[bytes] = (),
    largest_value: int = LARGEST_VALUE,
    nondeterminism: Nondeterminism | None = None,
    confirm: bool = False,
    disabled: bool | None = None,
    auditing: float = 0.0,
    credentials: Credentials | None = None,
) -> Engine:
    """The state of a cache on the server at `url` (see `Cache.from_url`), or on the `store` that is given instead."""
    if store is None:
        store = open_store(url, namespace, deadline=timeout, credentials=credentials)
    if type(largest_value) is not int or not 0 < largest_value <= MOST_VALUE:
        raise PolicyError(
            f"largest_value is a number of bytes from 1 to {MOST_VALUE:,}, since servers take no string above 512 MB; "
            f"got {largest_value!r}."
        )
    ring = None
    if seal_secrets or key_secret:
        with extra("sealing", "seal_secrets"):
            from frescor._values.seal import KeyRing  # imports cryptography, which only sealing needs

            ring = KeyRing(seal_secrets, namespace) if seal_secrets else KeyRing.of_key_secret(key_secret, namespace)
    return Engine(
        store,
        local_bytes=DEFAULT_MAX_BYTES if local is True else int(local),
        key_secret=key_secret,
        ring=ring,
        nondeterminism=nondeterminism or Nondeterminism(),
        largest_value=largest_value,
        confirm=confirm,
        auditing=check_rate(auditing),
        disabled=is_set(DISABLED, "nothing is cached") if disabled is None else disabled,
        watches_shared=is_set(_CHECK_SHARED, "changes of shared values are noticed"),
    )


def is_set(name: str, effect: str) -> bool:
    """Whether this variable of the environment says yes. Raises PolicyError for what is neither yes nor no."""
    value = os.environ.get(name, "")
    if value.strip().lower() in ("1", "true", "yes", "on"):
        return True
    if value.strip().lower() in ("", "0", "false", "no", "off"):
        return False
    raise PolicyError(f"{name} is 1, so that {effect}, or 0; the environment has {value!r}.")
