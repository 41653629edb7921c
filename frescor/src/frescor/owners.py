"""Methods: whether the instances of their class have an identity by value, as the first argument of a call needs."""

import dataclasses
import dis
import enum
import sys
from types import CodeType, FrameType

import msgspec

from frescor.callsite import CallSite
from frescor.errors import PolicyError


def check_owner(owner: type, site: CallSite) -> None:
    """Raises PolicyError for a method of a class whose instances have no identity by value.

    A decorator of the class may give it one afterwards, as `@dataclass` does: so only of a class without decorators is
    it known by now; of the others it shows at the first call.
    """
    first = site.first_parameter
    if first is None or first in site.ignored or _has_fields(owner) or _is_decorated(owner):
        return
    raise PolicyError(
        f"{site.callee.label} is a method, and the instances of {owner.__qualname__} have no identity by value: no two "
        f"of them would be the same call. Make {owner.__qualname__} a frozen dataclass of what identifies it; or write "
        "a function, or a static method, with just the arguments that the result depends on; or, if it does not "
        f"depend on the instance, ignore=({first!r},).",
        policy=site.policy.name,
    )


def _has_fields(owner: type) -> bool:
    return (
        dataclasses.is_dataclass(owner)
        or issubclass(owner, msgspec.Struct | enum.Enum | type)
        or (issubclass(owner, tuple) and hasattr(owner, "_fields"))
    )


def _is_decorated(owner: type) -> bool:
    """Whether something is done to a new class before it has its name, as far as the code that defines it tells."""
    frame = _definition(owner)
    if frame is None:
        return True
    code, place = frame.f_code.co_code, frame.f_lasti + 2
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
