"""What is known of a spreadsheet while it is read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Record:
    """One row, numbered as the spreadsheet shows it. `fault` says why it could not be read as one."""

    number: int
    cells: tuple[str, ...]
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """An open file: its header, and its other rows to be read once. Blank rows are left out, but counted."""

    delimiter: str
    header: tuple[str, ...]
    records: Iterator[Record]
    # Bytes read so far, for a progress bar.
    position: Callable[[], int]
    # What of the file will not be read, in sentences.
    warnings: tuple[str, ...] = ()
