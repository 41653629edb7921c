"""What views and rules are called in keys."""

from collections.abc import Callable

from frescor._calls.callables import core_of
from frescor._calls.keys import key_digest
from frescor._values.names import short_name

_LONGEST = 120


def name_in_keys(text: str) -> str:
    """A text as a name in keys: printable, of limited length, and without the separators of keys."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in text.replace(":", ".").replace("*", "+"))
    return short_name(plain, _LONGEST, key_digest(text))


def name_of_view(view: Callable[..., object]) -> str:
    """A view's module and qualified name."""
    core = core_of(view)
    return name_in_keys(f"{core.__module__}.{core.__qualname__}".replace("<locals>.", ""))
