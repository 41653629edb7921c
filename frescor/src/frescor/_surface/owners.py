"""Methods: whether instances of the class have an identity by value, which the first argument of a call needs."""

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
    """`check_owner` while the class body is still running in this frame. This is possible for a class without bases and
    decorators. Used because Python 3.11 hides what `check_owner` raises behind a RuntimeError."""
    statement = frame.f_back
    if statement is None or "__qualname__" not in frame.f_locals or frame.f_code.co_flags & CO_OPTIMIZED:
        return
    name = frame.f_locals["__qualname__"]
    code, place = statement.f_code.co_code, statement.f_lasti
    # The class body may still define, further down, what identifies an instance.
    if OWN_KEY in frame.f_code.co_names:
        return
    # `__build_class__` is called with two arguments, the body and the name, if there are no bases.
    is_plain = dis.opname[code[place]] == "CALL" and code[place + 1] == 2
    # A decorator above this one, such as @classmethod, may change what the first argument is.
    if (
        is_plain
        and frame.f_code in statement.f_code.co_consts
        and not (_is_decorated(statement) or _is_decorated(frame))
    ):
        _refuse(str(name), site)


def check_owner(owner: type, site: CallSite) -> None:
    """Raise PolicyError for a method of a class whose instances have no identity by value.

    A class decorator may still add one, as `@dataclass` does. So only classes without decorators are refused here; for
    others the first call raises.
    """
    # A metaclass may provide an identity, too, and an abstract class leaves it to its subclasses.
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
    """Whether the result of the call that this frame is in is passed on to something else before it gets a name."""
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
