"""What each call of a cache does, once for programs that wait and for event loops.

A call that loads nothing is a generator of commands, which the driver of either cache carries out. One that may load is
prepared here, and its values are taken in here; its caller runs the loader in between, in its own frame.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from frescor import _plan as plan
from frescor._calls.keys import check_key
from frescor._calls.miss import MISS
from frescor._calls.policy import Policy, Seconds, check_tag
from frescor._copies.local import Copy
from frescor._plan import Plan
from frescor._protocol.outcome import Outcome
from frescor._runtime.engine import Engine
from frescor._surface.callsite import codec_of, mapped_annotation, return_annotation
from frescor._values.codec import Codec
from frescor._values.shapes import policy_shape
from frescor._values.tags import NAMESPACE_TAG, declared_tags, entry_tags, key_tags, pattern_tag, with_blind_tags

if TYPE_CHECKING:
    from frescor._surface.callsite import CallSite

logger = logging.getLogger("frescor")


def get(engine: Engine, key: str, default: object, as_type: object) -> Plan[object]:
    """`Cache.get`."""
    check_key(key)
    codec = _codec(engine, as_type)
    engine.listen()
    fresh = not engine.reads_local
    outcome = yield from plan.look_up(engine.process, key, key_tags(key), codec, engine.now(), fresh=fresh)
    return engine.found_at(key, outcome, default)


def get_many(engine: Engine, keys: Iterable[str]) -> Plan[dict[str, object]]:
    """`Cache.get_many`."""
    wanted = {check_key(key): key_tags(key) for key in keys}
    if not wanted:
        return {}
    found = yield from plan.look_up_many(engine.process, wanted, engine.plain, engine.now())
    return engine.found_by_key(found, wanted)


def set_many(
    engine: Engine, mapping: Mapping[str, object], expire: Seconds, tags: tuple[str, ...], as_type: object
) -> Plan[bool]:
    """`Cache.set_many`."""
    entries, ttl_ms, refused = engine.entries(mapping, expire, tags, _codec(engine, as_type))
    return not mapping or (yield from plan.put(engine.process, entries, ttl_ms, refused))


def delete(engine: Engine, keys: Iterable[str], confirm: bool | None) -> Plan[bool]:
    """`Cache.delete`."""
    return raise_tags(engine, keys=tuple([check_key(key) for key in keys]), confirm=confirm)


def invalidate(engine: Engine, tags: Iterable[str], confirm: bool | None) -> Plan[bool]:
    """`Cache.invalidate`."""
    return raise_tags(engine, tags=declared_tags(with_blind_tags(map(check_tag, tags))), confirm=confirm)


def invalidate_pattern(engine: Engine, pattern: str, confirm: bool | None) -> Plan[bool]:
    """`Cache.invalidate_pattern`."""
    tag = pattern_tag(pattern)
    return delete(engine, (pattern,), confirm) if tag is None else raise_tags(engine, tags=(tag,), confirm=confirm)


def clear_all(engine: Engine, confirm: bool | None) -> Plan[bool]:
    """`Cache.clear_all`."""
    return raise_tags(engine, tags=(NAMESPACE_TAG,), confirm=confirm)


def raise_tags(
    engine: Engine,
    *,
    tags: tuple[str, ...] = (),
    keys: tuple[str, ...] = (),
    durable: bool = False,
    confirm: bool | None = None,
) -> Plan[bool]:
    """Raise these of the store's tags and delete keys. `durable`: an outbox keeps the tags, whoever made it says; never
    guessed from what a tag looks like."""
    waited = bool(engine.pending) and engine.pending.invalidations
    done = yield from plan.invalidate(engine.process, tags, keys, durable=durable, confirm=confirm)
    if not done and not waited:
        logger.warning("invalidations wait in this process until the store takes them")
    return done


def find_or_request(
    engine: Engine, key: str, loader: Callable[..., object], policy: Policy, as_type: object
) -> Copy | plan.Request:
    """`Cache.get_or_load` up to its reading: this process's copy, or what is to be read through."""
    codec = codec_of(return_annotation(loader) if as_type is None else as_type)
    tags, shape = entry_tags(check_key(key), policy.tags_for({})), policy_shape(policy.name, policy.version)
    if (copy := engine.local_copy(key, policy, shape)) is not None:
        return copy
    engine.listen()
    return engine.request(key, tags, policy, codec, refresh=False, shape=shape)


def find_or_request_call(
    engine: Engine, site: "CallSite", args: tuple[Any, ...], kwargs: Mapping[str, Any], *, refresh: bool
) -> Copy | plan.Request:
    """The same of a cached function's call."""
    key, tags = site.bind(engine, args, kwargs)
    if not refresh and (copy := engine.local_copy(key, site.policy, site.shape)) is not None:
        return copy
    engine.listen()
    return engine.request(key, tags, site.policy, site.codec, refresh=refresh, shape=site.shape, label=site.label)


def look_up_calls(
    engine: Engine, site: "CallSite", wanted: Iterable[tuple[tuple[Any, ...], Mapping[str, Any]]]
) -> Plan[list[object]]:
    """`Cached.many` and `Cached.peek`: what is there of each call, in their order; MISS where nothing is."""
    keys: list[str] = []
    found: dict[str, object] = {}
    requests: dict[str, plan.Request] = {}
    engine.listen()
    for args, kwargs in wanted:
        key, tags = site.bind(engine, args, kwargs)
        keys.append(key)
        if key in found or key in requests:
            continue
        copy = engine.local_copy(key, site.policy, site.shape)
        if copy is not None:
            found[key] = copy.value()
        else:
            requests[key] = engine.request(
                key, tags, site.policy, site.codec, refresh=False, shape=site.shape, label=site.label
            )
    outcomes = (yield from plan.look_up_calls(engine.process, requests)) if requests else {}
    for key, outcome in outcomes.items():
        if not engine.changed(outcome.tags):
            engine.came_to(requests[key], outcome)
            found[key] = outcome.value
    for key in requests.keys() - found.keys():
        # Of what is not there a load that looked for it is made, too.
        engine.depend_on(requests[key].tags)
    # Each value is given once: of two equal calls the second reads for itself, since callers may change what they get.
    return [found.pop(key, MISS) for key in keys]


class ManyCalls:
    """`Cache.get_or_load_many`: `found` are the values, by key, of which `requests` are still to be read through."""

    def __init__(
        self, engine: Engine, keys: Iterable[str], loader: Callable[..., object], policy: Policy, as_type: object
    ) -> None:
        codec = codec_of(mapped_annotation(loader) if as_type is None else as_type)
        tags, shape = policy.tags_for({}), policy_shape(policy.name, policy.version)
        self._engine = engine
        self.found: dict[str, Any] = {}
        self.requests: dict[str, plan.Request] = {}
        engine.listen()
        for key in keys:
            copy = engine.local_copy(check_key(key), policy, shape)
            if copy is not None:
                self.found[key] = copy.value()
            else:
                depends = entry_tags(key, tags)
                self.requests[key] = engine.request(key, depends, policy, codec, refresh=False, shape=shape)

    def steps(self) -> Plan[dict[str, Outcome]]:
        """The plan that reads them through."""
        return self._engine.reading_many(self.requests)

    def take(self, outcomes: Mapping[str, Outcome]) -> None:
        """What the plan came to."""
        for key, outcome in outcomes.items():
            self._engine.came_to(self.requests[key], outcome)
            self.found[key] = outcome.value


def _codec(engine: Engine, as_type: object) -> Codec:
    return engine.plain if as_type is None else codec_of(as_type)
