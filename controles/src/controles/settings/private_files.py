"""Files that only their owner may read: they hold members' data, and several people may have accounts on a machine."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, TextIO

OWNER_ONLY = 0o600
UMASK = 0o077


def keep_new_files_private() -> None:
    """Let this process, and those that it starts, give nobody else a right to what they make."""
    os.umask(UMASK)


def make_private(paths: Iterable[Path]) -> None:
    """Take others' rights away from files that are there already, as far as they are this user's."""
    for path in paths:
        try:
            found = path.lstat()
            if stat.S_ISREG(found.st_mode) and found.st_mode & UMASK and found.st_uid == os.geteuid():
                path.chmod(stat.S_IMODE(found.st_mode) & ~UMASK)
        except OSError:
            # Not there, or of another file system's rights: nothing that this process could mend.
            continue


def open_private(path: Path, *, encoding: str, newline: str | None = None) -> TextIO:
    """`path` open for writing, emptied, and its owner's alone even if it was there with other rights."""

    # Built in, and not the path's own method: only this one takes an opener.
    return open(path, "w", encoding=encoding, newline=newline, opener=_owners_alone)


def open_private_bytes(path: Path) -> BinaryIO:
    """The same for bytes."""
    return open(path, "wb", opener=_owners_alone)


def _owners_alone(name: str, flags: int) -> int:
    descriptor = os.open(name, flags, OWNER_ONLY)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.fchmod(descriptor, OWNER_ONLY)
    return descriptor
