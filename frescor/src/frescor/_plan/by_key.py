"""Values under keys that the caller chooses; and invalidation."""

from collections.abc import Mapping

from frescor._plan.confirming import confirmed
from frescor._plan.looking import Look, Process, examine, look_at, settle
from frescor._plan.request import Plan
from frescor._protocol.commands import (
    UNAVAILABLE,
    Delete,
    Invalidate,
    Put,
    Read,
    Reading,
    StoreCommand,
    Together,
    Unavailable,
)
from frescor._protocol.outcome import Outcome, Result
from frescor._values.codec import ValueCodec
from frescor._values.shapes import call_tags
from frescor._values.tags import BUT


def look_up(
    process: Process, key: str, tags: tuple[str, ...], codec: ValueCodec, now: int, *, fresh: bool = False
) -> Plan[Outcome | None]:
    """The value under a key that a caller chose; None if there is no valid one or the store is down."""
    look = yield from look_at(process, key, tags, codec, None, now, 1.0, fresh=fresh)
    return Outcome(look.value, Result.HIT, tags=look.tags) if isinstance(look, Look) and look.usable else None


def look_up_many(
    process: Process, keys: Mapping[str, tuple[str, ...]], codec: ValueCodec, now: int
) -> Plan[dict[str, Outcome]]:
    """The values that were found, by key. `keys` maps each key to its expected tags."""
    if not (yield from settle(process)):
        return {}
    tags = tuple(dict.fromkeys(tag for expected in keys.values() for tag in expected))
    mark = process.local.mark()
    reading: Reading | Unavailable = yield Read(tuple(keys), tags)
    if isinstance(reading, Unavailable):
        return {}
    process.local.learn(mark, reading.stamps)
    found = {}
    for key, entry in zip(keys, reading.entries, strict=True):
        look = yield from examine(process, key, keys[key], entry, reading.stamps, codec, None, now, 1.0, mark)
        if isinstance(look, Look) and look.usable:
            found[key] = Outcome(look.value, Result.HIT, tags=look.tags)
    return found


def put(
    process: Process,
    entries: Mapping[str, tuple[bytes, tuple[str, ...]]],
    ttl_ms: int,
    refused: tuple[str, ...] = (),
    *,
    confirm: bool | None = None,
) -> Plan[bool]:
    """Store values that a caller provides. False with the store down: their keys are then deleted once it is back.

    refused: keys whose values cannot be stored. Their previous values are deleted, and the result is False.
    """
    keys = (*entries, *refused)
    commands: list[StoreCommand] = [Put(entries, ttl_ms)] if entries else []
    if refused:
        commands.append(Delete(refused))
    command = commands[0] if len(commands) == 1 else Together(tuple(commands))
    stored = (yield from settle(process)) and (yield command) is not UNAVAILABLE
    if not stored:
        process.pending.add(keys=keys)
    process.local.drop(keys=keys)
    if stored and (process.confirm if confirm is None else confirm):
        yield from confirmed(process)
    return stored and not refused


def invalidate(
    process: Process,
    tags: tuple[str, ...] = (),
    keys: tuple[str, ...] = (),
    *,
    durable: bool = False,
    confirm: bool | None = None,
    serve_old: bool = False,
) -> Plan[bool]:
    """Raise tags and delete keys. False with the store down: this is then pending, and is delivered first once it is
    back.

    Deleting the key of a cached function's call also invalidates what other versions of the function stored for it.
    `durable`: an outbox also keeps the tags. `serve_old`: older values may be served for their policy's grace, while
    they are loaded anew; not those that depend on slices, nor if it was pending. `confirm`: return only once no process
    uses a copy of these; None: as the process is set up.
    """
    if keys:
        tags += call_tags(keys)
    soft = tuple(tag for tag in tags if BUT not in tag) if serve_old else ()
    hard = tuple(tag for tag in tags if BUT in tag)
    if soft:
        both = (Invalidate(soft, serve_old=True), *((Invalidate(hard),) if hard else ()))
        answer = yield Together(both) if hard else both[0]
    elif tags and keys:
        answer = yield Together((Invalidate(tags, durable=durable), Delete(keys)))
    elif tags or keys:
        answer = yield Invalidate(tags, durable=durable) if tags else Delete(keys)
    else:
        return True
    done = answer is not UNAVAILABLE
    if not done:
        process.pending.add(tags=tags, keys=keys, durable=durable)
    # Pushes tell other processes; this one does not wait for its own push.
    process.local.drop(tags=tags, keys=keys)
    if done and (process.confirm if confirm is None else confirm):
        yield from confirmed(process)
    return done
