"""How a read-through call begins: with a number, a token, the time, and random numbers."""

import msgspec

from frescor import _plan as plan
from frescor._calls.loading import enclosing_load, refuse_return
from frescor._calls.policy import milliseconds
from frescor._runtime.engine import Engine
from frescor.errors import PolicyError


def arrive(engine: Engine, call: plan.Arrive) -> plan.Request:
    """The request for a call. Raises PolicyError as described at `plan.Arrive`."""
    policy = call.policy
    if policy.sealed and (engine.packing.ring is None or not engine.packing.ring.seals):
        raise PolicyError(
            "the policy is sealed and this cache has no secrets to seal with: give Cache.from_url seal_secrets.",
            policy=policy.name,
        )
    nondeterminism, label = engine.nondeterminism, call.label or policy.name
    load = enclosing_load()
    if load is not None:
        refuse_return(load, engine.place, call.key, label)
    spread = policy.ttl * policy.jitter
    return plan.Request(
        key=call.key,
        tags=call.tags,
        policy=policy,
        codec=call.codec,
        token=nondeterminism.token(),
        arrived=engine.flights.tick(),
        now=int(nondeterminism.now() * 1_000_000),
        dice=1.0 - nondeterminism.uniform(0.0, 1.0) or 1.0,
        ttl_ms=milliseconds(policy.ttl + nondeterminism.uniform(-spread, spread)),
        refresh=call.refresh,
        expected=engine.expected.get(call.key, ()),
        fresh=load is not None,
        shape=call.shape,
        label=label,
        moved=call.moved,
    )


def again(engine: Engine, request: plan.Request, *, audits: bool = False) -> plan.Request:
    """The same call, to be loaded anew in the background."""
    return msgspec.structs.replace(
        request,
        refresh=True,
        background=True,
        audits=audits,
        token=engine.nondeterminism.token(),
        arrived=engine.flights.tick(),
    )
