"""Methods: whether the instances of their class have an identity by value, as the first argument of a call needs."""

import dataclasses
import dis
import enum
import sys
from inspect import CO_OPTIMIZED
from types import CodeType, FrameType

import msgspec

from frescor._calls.canonical import OWN_KEY
from frescor._surface.callsite import CallSite
from frescor.errors import PolicyError


def check_class_body(frame: FrameType, site: CallSite) -> None:
    """As `check_owner`, while the body of the class runs in this frame: of a class with neither bases nor decorators it
    is known by then. Python 3.11 hides what `check_owner` raises behind a RuntimeError."""
    statement = frame.f_back
    if statement is None or "__qualname__" not in frame.f_locals or frame.f_code.co_flags & CO_OPTIMIZED:
        return
    name = frame.f_locals["__qualname__"]
    code, place = statement.f_code.co_code, statement.f_lasti
    # What builds a class is called with its body, its name and its bases.
    # The body may define below what says what an instance is.
    if OWN_KEY in frame.f_code.co_names:
        return
    is_plain = dis.opname[code[place]] == "CALL" and code[place + 1] == 2
    # Nor is another decorator above this one, such as @classmethod.
    if (
        is_plain
        and frame.f_code in statement.f_code.co_consts
        and not (_is_decorated(statement) or _is_decorated(frame))
    ):
        _refuse(str(name), site)


def check_owner(owner: type, site: CallSite) -> None:
    """Raises PolicyError for a method of a class whose instances have no identity by value.

    A decorator of the class may give it one afterwards, as `@dataclass` does: so only of a class without decorators is
    it known by now; of the others it shows at the first call.
    """
    # Another metaclass may give an identity too, and an abstract class leaves it to those who inherit.
    if type(owner) is type and not _has_fields(owner):
        frame = _definition(owner)
        if frame is not None and not _is_decorated(frame):
            _refuse(owner.__qualname__, site)


def _refuse(owner: str, site: CallSite) -> None:
    first = site.first_parameter
    if first is None or first in site.settled:
        return
    raise PolicyError(
        f"{site.callee.label} is a method, and the instances of {owner} have no identity by value: no two of them "
        f"would be the same call. If the result does not depend on the instance, write @cache.cached_method(…) in "
        "place of @cache.cached(…); if it does, say on what: identity=lambda self: self.tenant_id, a method "
        f"__cache_key__ of the class, or make {owner} a frozen dataclass of what identifies it.",
        policy=site.policy.name,
    )


def _has_fields(owner: type) -> bool:
    return (
        dataclasses.is_dataclass(owner)
        or hasattr(owner, OWN_KEY)
        or issubclass(owner, msgspec.Struct | enum.Enum | type)
        or (issubclass(owner, tuple) and hasattr(owner, "_fields"))
    )


def _is_decorated(statement: FrameType) -> bool:
    """Whether something is done to what a call made before it gets its name, by the code around it."""
    code, place = statement.f_code.co_code, statement.f_lasti + 2
    while place < len(code) and dis.opname[code[place]] == "CACHE":
        place += 2
    return place >= len(code) or not dis.opname[code[place]].startswith("STORE_")


def _definition(owner: type) -> FrameType | None:
    """The frame that runs the class statement."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        for constant in frame.f_code.co_consts:
            if isinstance(constant, CodeType) and constant.co_qualname == owner.__qualname__:
                return frame
        frame = frame.f_back
    return None
