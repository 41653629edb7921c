"""An application's `FRESCOR_*` settings, and the cache that they describe."""

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from frescor._surface.cache import Cache
from frescor.errors import PolicyError

PREFIX = "FRESCOR_"
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def cache_from_settings(config: Mapping[str, Any], namespace: str) -> Cache:
    """The cache that an application's settings describe. Values may be text, as they come from the environment.

    FRESCOR_URL: the server, as for `Cache.from_url`; required. FRESCOR_NAMESPACE: the prefix of its keys; by default
    `namespace`. FRESCOR_LOCAL: whether to keep copies in this process, or in how many bytes. FRESCOR_TIMEOUT: seconds.
    FRESCOR_KEY_SECRET: text or bytes. FRESCOR_SEAL_SECRETS: one or more; text separated by commas, or a list.
    FRESCOR_LARGEST_VALUE: bytes. FRESCOR_CONFIRM: whether invalidations wait until other processes have dropped their
    copies. FRESCOR_DISABLED: whether every call loads and nothing is kept.
    FRESCOR_AUDITING: the part of hits that is audited.

    Raises PolicyError for a setting that is missing or wrong, and for one that begins with FRESCOR_ and is not listed.
    """
    given = {name: value for name, value in config.items() if name.startswith(PREFIX)}
    known = {"FRESCOR_URL", "FRESCOR_NAMESPACE", *_OPTIONS}
    for name in given:
        if name not in known:
            nearest = difflib.get_close_matches(name, known, 1)
            raise PolicyError(
                f"{name} is no setting of Frescor's{f': is {nearest[0]} meant?' if nearest else '.'} There are "
                f"{', '.join(sorted(known))}."
            )
    url = given.get("FRESCOR_URL")
    if not isinstance(url, str) or not url:
        raise PolicyError(
            "FRESCOR_URL is not set: give the server's address, such as 'redis://localhost:6379/0', or 'memory://' for "
            "tests and a single process."
        )
    options = {option: read(name, given[name]) for name, (option, read) in _OPTIONS.items() if name in given}
    return Cache.from_url(url, given.get("FRESCOR_NAMESPACE", namespace), **options)


def _truth(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise PolicyError(f"{name} is a truth value: 1 or 0, true or false; got {value!r}.")


def _local(name: str, value: object) -> bool | int:
    text = str(value).strip()
    # 1 and 0 mean yes and no; a larger number is a size in bytes.
    return int(text) if text.isdecimal() and int(text) > 1 else _truth(name, value)


def _seconds(name: str, value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        raise PolicyError(f"{name} is a number of seconds; got {value!r}.") from None


def _part(name: str, value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        raise PolicyError(f"{name} is a part of hits from 0 to 1, such as 0.001; got {value!r}.") from None


def _bytes(name: str, value: object) -> int:
    text = str(value).strip()
    if not text.isdecimal():
        raise PolicyError(f"{name} is a whole number of bytes; got {value!r}.")
    return int(text)


def _secret(name: str, value: object) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if not isinstance(value, bytes):
        # The value is not shown: it may be the secret in another type.
        raise PolicyError(f"{name} is text or bytes; got a {type(value).__name__}.")
    return value


def _secrets(name: str, value: object) -> list[bytes]:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    elif isinstance(value, bytes):
        value = [value]
    if not isinstance(value, list | tuple):
        raise PolicyError(
            f"{name} is a list of secrets, or text with commas between them; got a {type(value).__name__}."
        )
    return [_secret(name, secret) for secret in value]


_OPTIONS: dict[str, tuple[str, Callable[[str, object], Any]]] = {
    "FRESCOR_LOCAL": ("local", _local),
    "FRESCOR_TIMEOUT": ("timeout", _seconds),
    "FRESCOR_KEY_SECRET": ("key_secret", _secret),
    "FRESCOR_SEAL_SECRETS": ("seal_secrets", _secrets),
    "FRESCOR_LARGEST_VALUE": ("largest_value", _bytes),
    "FRESCOR_CONFIRM": ("confirm", _truth),
    "FRESCOR_DISABLED": ("disabled", _truth),
    "FRESCOR_AUDITING": ("auditing", _part),
}
