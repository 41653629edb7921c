"""What each call of a cache does: one generator of commands for each, which either driver carries out, so that sync and
async cannot differ."""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from frescor import _plan as plan
from frescor._calls.keys import check_key, key_digest
from frescor._calls.loading import CurrentLoad, enclosing_load
from frescor._calls.miss import MISS
from frescor._calls.policy import Policy, Seconds, check_tag, milliseconds, seconds
from frescor._copies.local import Copy
from frescor._plan import Arrive, Audit, CallSteps, LoadAnew, Plan, Request
from frescor._protocol.outcome import Outcome, Result
from frescor._runtime.encoding import entries
from frescor._runtime.engine import Engine
from frescor._runtime.events import BY_KEY
from frescor._runtime.hooks import Event
from frescor._runtime.scope import Kept, Memo, kept
from frescor._surface.callsite import codec_of, mapped_annotation, return_annotation
from frescor._values.codec import Codec
from frescor._values.shapes import Shape, policy_shape
from frescor._values.tags import (
    NAMESPACE_TAG,
    declared_in,
    declared_tags,
    entry_tags,
    key_tags,
    pattern_tag,
    tag_pattern,
    with_blind_tags,
)
from frescor.errors import PolicyError

if TYPE_CHECKING:
    from frescor._surface.callsite import CallSite

logger = logging.getLogger("frescor")

_NOTHING = object()
_ANSWERED = frozenset({Result.HIT, Result.STALE, Result.SHARED})


def get(engine: Engine, key: str, default: object, as_type: object) -> Plan[object]:
    """`Cache.get`."""
    check_key(key)
    codec = _codec(engine, as_type)
    if engine.is_disabled:
        return _found_at(engine, key, None, default)
    engine.listen()
    fresh = not engine.reads_local
    outcome = yield from plan.look_up(engine.process, key, key_tags(key), codec, engine.now(), fresh=fresh)
    return _found_at(engine, key, outcome, default)


def get_many(engine: Engine, keys: Iterable[str], as_type: object = None) -> Plan[dict[str, object]]:
    """`Cache.get_many`."""
    wanted = {check_key(key): key_tags(key) for key in keys}
    if not wanted:
        return {}
    found: dict[str, Outcome] = {}
    if not engine.is_disabled:
        found = yield from plan.look_up_many(engine.process, wanted, _codec(engine, as_type), engine.now())
    values = {key: _found_at(engine, key, found.get(key), _NOTHING) for key in wanted}
    return {key: value for key, value in values.items() if value is not _NOTHING}


def set_many(
    engine: Engine, mapping: Mapping[str, object], expire: Seconds, tags: tuple[str, ...], as_type: object
) -> Plan[bool]:
    """`Cache.set_many`."""
    given, ttl_ms, refused = entries(engine, mapping, expire, tags, _codec(engine, as_type))
    if engine.is_disabled:
        # Nothing is kept, and what stood there is older than what the caller brings.
        given, refused = {}, tuple(mapping)
    stored = not mapping or (yield from plan.put(engine.process, given, ttl_ms, refused))
    engine.forget_memo()
    return stored


def delete(engine: Engine, keys: Iterable[str], confirm: bool | None) -> Plan[bool]:
    """`Cache.delete`."""
    return raise_tags(engine, keys=tuple([check_key(key) for key in keys]), confirm=confirm)


def invalidate(engine: Engine, tags: Iterable[str], confirm: bool | None, *, serve_old: bool = False) -> Plan[bool]:
    """`Cache.invalidate`."""
    wanted = declared_tags(with_blind_tags(map(check_tag, tags)))
    return raise_tags(engine, tags=wanted, confirm=confirm, serve_old=serve_old)


def invalidate_pattern(engine: Engine, pattern: str, confirm: bool | None, *, serve_old: bool = False) -> Plan[bool]:
    """`Cache.invalidate_pattern`."""
    tag = pattern_tag(pattern)
    if tag is None:
        return expire(engine, pattern, confirm) if serve_old else delete(engine, (pattern,), confirm)
    return raise_tags(engine, tags=(tag,), confirm=confirm, serve_old=serve_old)


def touch(engine: Engine, key: object, expire: Seconds) -> Plan[bool]:
    """`Cache.touch`."""
    found = yield from _retimed(engine, key_of(key), milliseconds(seconds(expire)))
    return found is True


def expire(engine: Engine, key: object, confirm: bool | None) -> Plan[bool]:
    """`Cache.expire`."""
    name = key_of(key)
    found = yield from _retimed(engine, name, 0)
    if found is None:
        # Nobody may take it for fresh once the store is back, nor once the load that does not end has ended.
        return (yield from raise_tags(engine, keys=(name,), confirm=confirm))
    if engine.confirm if confirm is None else confirm:
        yield from plan.confirmed(engine.process)
    if engine.hooks.invalidate:
        engine.hooks.tell(engine.hooks.invalidate, Event("invalidate", how="done", keys=(name,)))
    return True


def _retimed(engine: Engine, key: str, ttl_ms: int) -> Plan[bool | None]:
    if key in engine.loading_around():
        raise PolicyError(
            "this key is being loaded here, and its entry would wait for itself: within its loader write "
            "current_load().expire(…).",
            key_digest=key_digest(key),
        )
    engine.listen()
    retiming = plan.Retiming(key, engine.nondeterminism.token(), engine.now(), ttl_ms)
    found = yield from plan.retime(engine.process, retiming)
    engine.forget_memo()
    return found


def key_of(key: object) -> str:
    """The key that is meant by itself, or by a cached function without arguments."""
    named = getattr(key, "key", None)
    return check_key(named() if callable(named) else key)


def clear_all(engine: Engine, confirm: bool | None, *, serve_old: bool = False) -> Plan[bool]:
    """`Cache.clear_all`."""
    return raise_tags(engine, tags=(NAMESPACE_TAG,), confirm=confirm, serve_old=serve_old)


def raise_tags(
    engine: Engine,
    *,
    tags: tuple[str, ...] = (),
    keys: tuple[str, ...] = (),
    durable: bool = False,
    confirm: bool | None = None,
    serve_old: bool = False,
) -> Plan[bool]:
    """Raise tags, given in the store's form, and delete keys. `durable`: an outbox also keeps the tags. The caller says
    so; it is never guessed from the form of a tag."""
    waited = bool(engine.pending) and engine.pending.invalidations
    done = yield from plan.invalidate(engine.process, tags, keys, durable=durable, confirm=confirm, serve_old=serve_old)
    if not done and not waited:
        logger.warning("invalidations wait in this process until the store takes them")
    engine.forget_memo()
    if engine.hooks.invalidate:
        patterns = tuple(pattern for tag in tags if (pattern := tag_pattern(tag)))
        how = "done" if done else "waits"
        event = Event("invalidate", how=how, keys=keys, tags=declared_in(tags), patterns=patterns)
        engine.hooks.tell(engine.hooks.invalidate, event)
    return done


def get_or_load(
    engine: Engine, key: str, loader: Callable[[], object], policy: Policy, as_type: object
) -> CallSteps[Any]:
    """`Cache.get_or_load`."""
    codec = codec_of(return_annotation(loader) if as_type is None else as_type)
    tags, shape = entry_tags(check_key(key), policy.tags_for({})), policy_shape(policy.name, policy.version)
    if (copy := _local_copy(engine, key, policy, shape, policy.name)) is not None:
        return _found(copy, policy)
    return _read_through(engine, Arrive(key, tags, policy, codec, shape))


def get_or_load_many(
    engine: Engine, keys: Iterable[str], loader: Callable[..., object], policy: Policy, as_type: object
) -> CallSteps[dict[str, Any]]:
    """`Cache.get_or_load_many`."""
    codec = codec_of(mapped_annotation(loader) if as_type is None else as_type)
    tags, shape = policy.tags_for({}), policy_shape(policy.name, policy.version)
    found: dict[str, Any] = {}
    requests: dict[str, Request] = {}
    engine.listen()
    for key in keys:
        copy = _local_copy(engine, check_key(key), policy, shape, policy.name)
        if copy is not None:
            found[key] = copy.value(shared=policy.shared)
        else:
            requests[key] = yield Arrive(key, entry_tags(key, tags), policy, codec, shape)
    if requests:
        if engine.is_disabled:
            outcomes = yield from plan.load_beside_many(requests)
        elif engine.dirty_check is not None and engine.dirty_check(()):
            outcomes = yield from plan.read_beside_many(engine.process, requests, engine.changed)
        else:
            outcomes = yield from plan.read_through_many(engine.process, requests)
        for key, outcome in outcomes.items():
            _came_to(engine, requests[key], outcome)
            found[key] = outcome.value
    return found


def cached_call(
    engine: Engine, site: "CallSite", args: tuple[Any, ...], kwargs: Mapping[str, Any], *, refresh: bool
) -> CallSteps[Any]:
    """A call of a cached function; with `refresh`, load even if there is an entry."""
    key, tags = site.bind(engine, args, kwargs)
    site.asked += not refresh
    copy = None if refresh else _local_copy(engine, key, site.policy, site.shape, site.label)
    if copy is not None and engine.auditor is None:
        return _found(copy, site.policy)
    call = Arrive(key, tags, site.policy, site.codec, site.shape, site.label, refresh, site.watch())
    return _read_through(engine, call) if copy is None else _found_audited(engine, call, copy)


def look_up_calls(
    engine: Engine, site: "CallSite", wanted: Iterable[tuple[tuple[Any, ...], Mapping[str, Any]]]
) -> CallSteps[list[object]]:
    """`Cached.many` and `Cached.peek`: the value found for each call, in order; MISS where there is none."""
    keys: list[str] = []
    found: dict[str, object] = {}
    requests: dict[str, Request] = {}
    engine.listen()
    for args, kwargs in wanted:
        if site.bypass is not None and site.bypass(*args, **kwargs):
            # This call bypasses the cache. No real key is empty, so nothing is found under this one.
            keys.append("")
            continue
        key, tags = site.bind(engine, args, kwargs)
        keys.append(key)
        if key in found or key in requests:
            continue
        copy = _local_copy(engine, key, site.policy, site.shape, site.label)
        if copy is not None:
            found[key] = copy.value(shared=site.policy.shared)
        else:
            requests[key] = yield Arrive(key, tags, site.policy, site.codec, site.shape, site.label)
    outcomes: dict[str, Outcome] = {}
    if requests and not engine.is_disabled:
        outcomes = yield from plan.look_up_calls(engine.process, requests)
    for key, outcome in outcomes.items():
        if not engine.changed(outcome.tags):
            _came_to(engine, requests[key], outcome)
            found[key] = outcome.value
    load = enclosing_load()
    if load is not None:
        for key in requests.keys() - found.keys():
            # The load that asked for this call depends on it, although no value was found.
            load.consists_of(requests[key].tags)
    # Two equal calls must not share one object, because callers may change what they get: the second one is a MISS here
    # and reads for itself.
    return [found.pop(key, MISS) for key in keys]


def _found(copy: Copy | Kept, policy: Policy) -> CallSteps[Any]:
    """The steps of a call that was answered by a copy: none."""
    yield from ()
    return copy.value(shared=policy.shared)


def _found_audited(engine: Engine, call: Arrive, copy: Copy | Kept) -> CallSteps[Any]:
    """As `_found`; a sample is audited."""
    # What a memo keeps may be older than others' writes, and says so.
    if isinstance(copy, Copy) and engine.auditor is not None and engine.auditor.takes():
        yield Audit((yield call), copy)
    return copy.value(shared=call.policy.shared)


def _read_through(engine: Engine, call: Arrive) -> CallSteps[Any]:
    engine.listen()
    request: Request = yield call
    memo = None if engine.detour is None else engine.memo
    mark = 0 if memo is None else memo.mark()
    if engine.detour is None:
        outcome = yield from plan.read_through(engine.process, request)
    elif engine.is_disabled:
        outcome = yield from plan.load_beside(request)
        if request.refresh:
            # What stands there is older than what this caller has seen.
            yield from plan.invalidate(engine.process, keys=(request.key,))
    elif engine.dirty_check is not None and engine.dirty_check(()):
        outcome = yield from plan.read_beside(engine.process, request, engine.changed)
    else:
        outcome = yield from plan.read_through(engine.process, request)
    _came_to(engine, request, outcome)
    is_hit = outcome.result is Result.HIT and not (outcome.due or outcome.outdated)
    # Not within a load or a transaction that has changed something, whose values are compared with nothing of the kind.
    if engine.auditor is not None and is_hit and engine.reads_local and engine.auditor.takes():
        yield Audit(request, None)
    if outcome.due:
        patience = request.policy.patience if outcome.result is Result.STALE else 0.0
        anew: Outcome | Exception | None = yield LoadAnew(request, patience)
        if isinstance(anew, Outcome) and anew.result is not Result.SHARED:
            outcome = anew
        elif isinstance(anew, Exception) and request.policy.on_failure == "raise":
            raise anew
    if memo is not None:
        _memorize(engine, memo, mark, request, outcome)
    return outcome.value


def _memorize(engine: Engine, memo: Memo, mark: int, request: Request, outcome: Outcome) -> None:
    if request.refresh:
        memo.clear()
        mark = memo.mark()
    # A value of an uncommitted transaction may be rolled back; within a load, a value is to be as new as that.
    private = outcome.result is Result.BYPASSED or outcome.unkept or request.policy.strict
    if not private and engine.reads_local:
        memo.keep(mark, request.key, kept(outcome.value, request.codec, request.shape, outcome.tags))


def _local_copy(engine: Engine, key: str, policy: Policy, shape: Shape, label: str) -> Copy | Kept | None:
    """What the memo keeps, or this process's copy, counted as a hit. None if it is not valid, or the policy allows no
    copies."""
    if policy.strict or not engine.reads_local:
        return None
    memo = None
    if engine.detour is not None:
        if engine.is_disabled:
            return None
        if (memo := engine.memo) is not None and (seen := memo.get(key, shape)) is not None:
            engine.reporter.cell(policy.name)[0] += 1
            if engine.hooks.hit:
                _tell_hit(engine, "memo", policy.name, label, key, seen.tags)
            return seen
        mark = 0 if memo is None else memo.mark()
    if (copy := engine.local.get(key)) is None or copy.shape is not shape:
        return None
    if memo is not None:
        memo.keep(mark, key, copy)
    engine.reporter.cell(policy.name)[0] += 1
    if engine.hooks.hit:
        _tell_hit(engine, "local", policy.name, label, key, copy.tags)
    return copy


def _tell_hit(engine: Engine, how: str, policy: str, label: str, key: str, tags: tuple[str, ...]) -> None:
    event = Event("hit", how=how, policy=policy, function=label, key=key, tags=declared_in(tags))
    engine.hooks.tell(engine.hooks.hit, event)


def _came_to(engine: Engine, request: Request, outcome: Outcome) -> None:
    """Finish a call: count it, add its tags to the load that it is part of, and remember its tags for the next read."""
    engine.reporter.add(request.policy.name, outcome.result.value)
    if engine.hooks.hit and outcome.result in _ANSWERED:
        _tell_hit(engine, outcome.result.value, request.policy.name, request.label, request.key, outcome.tags)
    if (load := enclosing_load()) is not None:
        _make_part(load, outcome)
    tags = outcome.tags
    if len(tags) > len(request.tags) and (more := tags[len(request.tags) :]) != request.expected:
        engine.expect(request.key, more)


def _found_at(engine: Engine, key: str, outcome: Outcome | None, default: object) -> object:
    """The value found under a key that the caller chose, else `default`; counted."""
    load = enclosing_load()
    if outcome is None or (engine.dirty_check is not None and engine.changed(outcome.tags)):
        if load is not None:
            # A value that is set later has these tags.
            load.consists_of(key_tags(key))
        engine.reporter.add(BY_KEY, "misses")
        if engine.hooks.miss:
            engine.hooks.tell(engine.hooks.miss, Event("miss", policy=BY_KEY, key=key))
        return default
    if load is not None:
        _make_part(load, outcome)
    engine.reporter.add(BY_KEY, "hits")
    if engine.hooks.hit:
        _tell_hit(engine, "hits", BY_KEY, "", key, outcome.tags)
    return outcome.value


def _make_part(load: CurrentLoad, outcome: Outcome) -> None:
    """Make a value that was found part of the load that asked for it."""
    load.consists_of(outcome.tags)
    if outcome.outdated:
        load.do_not_store()


def _codec(engine: Engine, as_type: object) -> Codec:
    return engine.plain if as_type is None else codec_of(as_type)
