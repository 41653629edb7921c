"""Who works on a batch on this machine, and how far they are: two small files beside the application's data.

The lock ends with its process, however that ends, so a batch whose lock is free has no worker. The progress is in a
file, because nothing in the database is visible while one long transaction writes.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from controles.settings.private_files import OWNER_ONLY

Report = Callable[[float], None]


@contextmanager
def at_work(folder: Path, importacao_id: int) -> Iterator[Report | None]:
    """Lock the batch and return a function that reports progress, from 0 to 1; None if another worker has the lock."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(_path(folder, importacao_id, "lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, OWNER_ONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        progress = _path(folder, importacao_id, "progresso")
        try:
            yield lambda share: _write(progress, share)
        finally:
            progress.unlink(missing_ok=True)
    finally:
        os.close(lock)


def progress_of(folder: Path, importacao_id: int) -> int | None:
    """The progress in per cent; None if it is not known on this machine."""
    with suppress(OSError, ValueError):
        return int(_path(folder, importacao_id, "progresso").read_text("ascii"))
    return None


def _write(path: Path, share: float) -> None:
    # Replaced as a whole, so that a reader never sees a part of the number.
    new = path.with_suffix(".novo")
    new.write_text(str(int(100 * min(max(share, 0.0), 1.0))), "ascii")
    new.replace(path)


def _path(folder: Path, importacao_id: int, suffix: str) -> Path:
    return folder / f"importacao-{importacao_id}.{suffix}"
