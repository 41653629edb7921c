"""What a cached function captures: the values and objects of its closure, and its code."""

import os
import threading
import weakref
from dataclasses import dataclass
from types import CellType

from frescor._calls.callables import Callee
from frescor._calls.canonical import EMPTY, Holding, body_digest, canonical, content_of, function_parts, held_by


@dataclass(frozen=True, slots=True)
class ClosureState:
    """What a function captures at present.

    by_value: bytes that belong to its identity. objects: what has no identity by value. cells: the closure variables
    with their contents. body: a digest of its code and of the functions that it captures. is_mutable: whether something
    that counts by value can change.
    """

    by_value: bytes
    objects: tuple[object, ...]
    cells: tuple[tuple[CellType, object], ...]
    body: bytes
    is_mutable: bool

    def moved(self) -> bool:
        """Whether a closure variable holds another object now."""
        return any(content_of(cell) is not held for cell, held in self.cells)

    @property
    def is_complete(self) -> bool:
        """Whether every variable has been assigned. The one by which a function refers to itself is assigned last."""
        return all(held is not EMPTY for _, held in self.cells)


def closure_state_of(callee: Callee, *, named: bool) -> ClosureState:
    """What a function captures now. named: the caller has named it, so what can change does not count."""
    holding = Holding(vouched=named)
    parts = function_parts(callee.function)
    if parts is None:
        # A callable object counts like an argument, and its class provides the code.
        by_value = canonical(callee.function, holding)
        holding.bodies.append(body_digest(code) if (code := getattr(callee.core, "__code__", None)) else b"")
    elif parts[0] is callee.core and hasattr(callee.core, "__code__"):
        by_value = held_by(callee.core, holding)  # type: ignore[arg-type]  # it has a __code__
        if len(parts) > 1:
            by_value += canonical(parts[1:], holding)
    else:
        by_value = canonical(parts, holding)
    return ClosureState(
        by_value,
        tuple(holding.objects),
        tuple(holding.cells),
        canonical(holding.bodies),
        holding.is_mutable,
    )


class Token:
    """A random value that stands for objects without identity by value. It keeps them alive, and is theirs alone."""

    def __init__(self, objects: tuple[object, ...]) -> None:
        self._objects = objects
        # Random, so that processes forked from one parent have different tokens.
        self.value = os.urandom(16)


_TOKENS: "weakref.WeakValueDictionary[tuple[int, ...], Token]" = weakref.WeakValueDictionary()
_LOCK = threading.Lock()
os.register_at_fork(after_in_child=lambda: globals().update(_LOCK=threading.Lock()))


def token_of(objects: tuple[object, ...]) -> Token:
    """The token of exactly these objects."""
    with _LOCK:
        key = tuple(map(id, objects))
        token = _TOKENS.get(key)
        if token is None:
            token = _TOKENS[key] = Token(objects)
        return token
