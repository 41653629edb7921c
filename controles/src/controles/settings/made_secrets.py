"""Secrets that the application generates, and the files in which a development machine keeps them."""

import base64
import os
import secrets
from collections.abc import Callable
from pathlib import Path

MODE = 0o600


def new_secret_key() -> str:
    """256 bits as text."""
    return secrets.token_urlsafe(32)


def new_otp_secret() -> str:
    """160 bits in base32, which authenticator apps expect: 32 characters."""
    return base64.b32encode(secrets.token_bytes(20)).decode("ascii")


def new_password() -> str:
    """A password of about 89 bits that can be read aloud, without capitals and similar letters."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(6)) for _ in range(3))


def kept_secret(path: Path, make: Callable[[], str]) -> str:
    """The text in `path`, which the first caller of all processes creates, readable by its owner only; OSError if
    not."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        pass
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Written to another file and then linked: no process ever reads half a secret, and the first one wins.
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(make() + "\n")
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        except OSError:
            # Some file systems have no hard links. Two first starts at once may then differ until one restarts.
            draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return path.read_text(encoding="utf-8").strip()
