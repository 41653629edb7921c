"""Which function has which name: two different functions with one name would share their entries, so that is
refused."""

import functools
import gc
import threading
import weakref
from typing import Protocol

from frescor.errors import PolicyError

# What distinguishes a function among those of one cache: its prefix, its module, and what it captures by value.
Name = tuple[str, str, bytes]


class Claimant(Protocol):
    """A declared function. execution: identifies the import that ran its definition, which differs after a reload.
    is_main: whether it is defined in the program that was started, such as a notebook."""

    @property
    def name(self) -> Name: ...
    @property
    def label(self) -> str: ...
    @property
    def policy_name(self) -> str: ...
    @property
    def execution(self) -> object: ...
    @property
    def is_main(self) -> bool: ...
    @property
    def body(self) -> bytes: ...
    @property
    def objects(self) -> tuple[object, ...]: ...
    @property
    def namespace(self) -> object: ...


def _same(one: Claimant, other: Claimant, *, by_objects: bool) -> bool:
    if one.body != other.body or one.namespace is not other.namespace:
        return False
    if not by_objects:
        return True
    held, others = one.objects, other.objects
    return len(held) == len(others) and all(mine is theirs for mine, theirs in zip(held, others, strict=True))


def _sentence(site: Claimant, holder: Claimant) -> str:
    what = ""
    if site.body == holder.body and site.objects:
        kinds = ", ".join(
            dict.fromkeys(f"a {type(held).__module__}.{type(held).__qualname__}" for held in site.objects)
        )
        what = f" It captures other objects ({kinds}), which have no identity by value."
    return (
        f"a second, different function {site.label} is declared with the key prefix {site.policy_name!r}: both would "
        f"have the same keys.{what} Give each a name of its own, as in cached(…, name='users.get'), or another "
        "key_prefix."
    )


class Claims:
    """The names of the functions that exist; a function that was deleted has none."""

    def __init__(self, *, by_objects: bool = True) -> None:
        """`by_objects`: whether functions also differ by the objects without identity by value that they capture. False
        where the cache is only chosen at the call; then that cache's claims compare the objects."""
        self.by_objects = by_objects
        self._held: dict[Name, list[weakref.ref[Claimant]]] = {}
        # Reentrant: the garbage collector may run a finalizer that needs it, in the thread that holds it.
        self._lock = threading.RLock()

    def claim(self, site: Claimant) -> None:
        """Give a function its name. Raises PolicyError if a different function has it.

        A function that is defined again, in a notebook or by reloading its module, takes the name over.
        """
        with self._lock:
            other = self._other(site)
            if other is not None:
                # Drop the strong reference at once: the other function may be unreachable and wait for collection.
                del other
                gc.collect()
                other = self._other(site)
            if other is not None:
                raise PolicyError(_sentence(site, other), policy=site.policy_name)
            mine = weakref.ref(site, functools.partial(self._forget, site.name))
            self._held[site.name] = [*self._held.get(site.name, ()), mine]

    def _other(self, site: Claimant) -> Claimant | None:
        """A different function that has this one's name."""
        for reference in self._held.get(site.name, ()):
            holder = reference()
            if holder is None or _same(site, holder, by_objects=self.by_objects):
                continue
            loaded_anew = site.execution is not holder.execution
            defined_anew = site.is_main and site.body != holder.body
            if not loaded_anew and not defined_anew:
                return holder
        return None

    def _forget(self, name: Name, gone: "weakref.ref[Claimant]") -> None:
        # Without the lock: the collector may run this in the middle of `claim`, in the same thread. At worst this puts
        # back a dead reference.
        left = [one for one in self._held.get(name, ()) if one is not gone and one() is not None]
        if left:
            self._held[name] = left
        else:
            self._held.pop(name, None)
