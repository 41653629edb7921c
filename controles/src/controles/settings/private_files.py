"""Files that only their owner may read: they contain members' data, and a machine may have several users."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, TextIO

OWNER_ONLY = 0o600
UMASK = 0o077


def keep_new_files_private() -> None:
    """Let this process, and those that it starts, create files and folders without rights for others."""
    os.umask(UMASK)


def make_private(paths: Iterable[Path]) -> None:
    """Remove others' rights from existing files, as far as these belong to this user."""
    for path in paths:
        try:
            found = path.lstat()
            if stat.S_ISREG(found.st_mode) and found.st_mode & UMASK and found.st_uid == os.geteuid():
                path.chmod(stat.S_IMODE(found.st_mode) & ~UMASK)
        except OSError:
            # It does not exist, or its file system has other rights: nothing can be done here.
            continue


def open_private(path: Path, *, encoding: str, newline: str | None = None) -> TextIO:
    """`path`, emptied and open for writing, readable by its owner only, even if it existed with other rights."""

    # The built-in function, because the path's own method has no `opener`.
    return open(path, "w", encoding=encoding, newline=newline, opener=_owners_alone)


def open_private_bytes(path: Path) -> BinaryIO:
    """`open_private` for bytes."""
    return open(path, "wb", opener=_owners_alone)


def _owners_alone(name: str, flags: int) -> int:
    descriptor = os.open(name, flags, OWNER_ONLY)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.fchmod(descriptor, OWNER_ONLY)
    return descriptor
