"""What is known about a spreadsheet while it is read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Record:
    """One row, numbered as in the spreadsheet. `fault`: why it could not be read as a row."""

    number: int
    cells: tuple[str, ...]
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Sheet:
    """An open file: its header, and its other rows, which can be read once. Blank rows are left out, but counted."""

    delimiter: str
    header: tuple[str, ...]
    records: Iterator[Record]
    # The bytes read so far, for a progress bar.
    position: Callable[[], int]
    # Sentences about parts of the file that will not be read.
    warnings: tuple[str, ...] = ()
