"""Who works on a batch on this machine, and how far: two small files beside the application's data.

The lock ends with its process, however that ends, so a batch whose lock is free is nobody's any more. The progress is a
file because the database has none to read while one long transaction writes.
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
    """Hold the batch and report how much of it is done, from 0 to 1; None if somebody else on this machine holds it."""
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
    """How many per cent are done; None where this machine does not know."""
    with suppress(OSError, ValueError):
        return int(_path(folder, importacao_id, "progresso").read_text("ascii"))
    return None


def _write(path: Path, share: float) -> None:
    # Whoever reads meanwhile reads a whole number: the old one or the new one.
    new = path.with_suffix(".novo")
    new.write_text(str(int(100 * min(max(share, 0.0), 1.0))), "ascii")
    new.replace(path)


def _path(folder: Path, importacao_id: int, suffix: str) -> Path:
    return folder / f"importacao-{importacao_id}.{suffix}"
