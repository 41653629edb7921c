"""Encodes values for the store, and sorts out those that are too large or cannot be kept exactly."""

from collections.abc import Iterable, Mapping

from frescor import _plan as plan
from frescor._calls.keys import check_key
from frescor._calls.loading import CurrentLoad
from frescor._calls.policy import Seconds, check_tag, milliseconds, seconds, tuple_of
from frescor._protocol.commands import Loaded, Raised
from frescor._runtime.engine import Engine
from frescor._runtime.events import BY_KEY
from frescor._values.codec import TooLarge, ValueCodec
from frescor._values.entry import Entry
from frescor._values.tags import entry_tags
from frescor.errors import PolicyError


def entries(
    engine: Engine, mapping: Mapping[str, object], expire: Seconds, tags: Iterable[str], codec: ValueCodec
) -> tuple[dict[str, tuple[bytes, tuple[str, ...]]], int, tuple[str, ...]]:
    """The entries for values that a caller provides, by key; their time to live in ms; and the keys of values that are
    too large."""
    ttl_ms = milliseconds(seconds(expire))
    declared = tuple(check_tag(tag) for tag in tuple_of("tags", tags))
    ends = engine.now() + ttl_ms * 1000
    found, refused = {}, []
    for key, value in mapping.items():
        depends = entry_tags(check_key(key), declared)
        payload = _encoded(engine, codec, value, BY_KEY)
        if payload is None or _is_too_large(engine, payload, BY_KEY):
            refused.append(key)
            continue
        entry = Entry(0, ends, ends, 0, depends, payload, by_caller=True)
        found[key] = (engine.packing.pack(key, entry), depends)
    return found, ttl_ms, tuple(refused)


def loaded(
    engine: Engine,
    values: Mapping[str, object],
    load: CurrentLoad,
    requests: Mapping[str, plan.Request],
    *,
    began: int,
    cost: float,
) -> dict[str, Loaded] | Raised:
    """What a loader returned, encoded, by key; Raised if a value cannot be kept exactly."""
    found: dict[str, Loaded] = {}
    now = engine.now()
    for key, value in values.items():
        request = requests.get(key)
        if request is None:
            return Raised(PolicyError(f"the loader returned a value for {key!r}, which was not requested."), began)
        policy = request.policy
        try:
            payload = _encoded(engine, request.codec, value, policy.name)
        except PolicyError as error:
            return Raised(error, began)
        ttl = load.ttl
        if payload is None or _is_too_large(engine, payload, policy.name):
            ttl = 0.0
        elif ttl is None and value is None and policy.none_expire is not None:
            ttl = seconds(policy.none_expire) if policy.none_expire else 0.0
        found[key] = Loaded(
            payload=payload,
            began=began,
            cost=round(cost * 1_000_000),
            now=now,
            tags=load.store_tags,
            ttl_ms=None if ttl is None else (milliseconds(ttl) if ttl else 0),
            as_of=load.as_of,
            private=load.private,
            value=value if payload is None else None,
        )
    return found


def _encoded(engine: Engine, codec: ValueCodec, value: object, policy: str) -> bytes | None:
    """The encoded value; None if it is too large to encode. Raises PolicyError as `codec.encode` does."""
    try:
        return codec.encode(value, policy=None if policy is BY_KEY else policy)
    except TooLarge as error:
        _refuse(engine, policy, str(error))
        return None


def _is_too_large(engine: Engine, payload: bytes, policy: str) -> bool:
    largest = engine.packing.largest
    if len(payload) > largest:
        _refuse(engine, policy, f"its encoding has {len(payload):,} bytes, and largest_value is {largest:,}")
        return True
    return False


def _refuse(engine: Engine, policy: str, why: str) -> None:
    engine.reporter.add(policy, "too_large")
    engine.notices.once(
        policy,
        "too large",
        f"a value is too large to keep: {why}. It was returned, and will be computed again each time. Cache a part of "
        f"it, or raise largest_value= of the cache (policy {policy})",
    )
