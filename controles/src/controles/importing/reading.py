"""The records of a CSV file, whatever program wrote it, one at a time.

A line is UTF-8 if it can be, else Windows-1252: what Brazilian spreadsheets write, and what a file has that was pasted
together from both. A quote that is opened and never closed costs its own line, not the lines after it.
"""

import csv
import io
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from controles.domain_errors import Invalid

DELIMITERS = (";", ",", "\t", "|")
LONGEST_LINE = 100_000

_LOOKED_AT = 65_536
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_OTHER_FORMATS = (
    (b"PK\x03\x04", "uma planilha (.xlsx ou .ods)"),
    (b"\xd0\xcf\x11\xe0", "uma planilha do Excel (.xls)"),
    (b"%PDF", "um PDF"),
    (b"\x1f\x8b", "um arquivo compactado"),
)
_SAVE_AS = "Abra-o e salve como “CSV UTF-8 (delimitado por vírgulas)”, com os nomes das colunas na primeira linha."


@dataclass(frozen=True, slots=True)
class Record:
    """One row of the spreadsheet; the header is row 1. `fault` says why the row could not be read as one."""

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


@contextmanager
def open_sheet(path: Path, knows: Callable[[str], bool]) -> Iterator[Sheet]:
    """Open `path`; the delimiter is the one that finds most columns that `knows` knows.

    Invalid, with a sentence, for a file that is empty, not text, or has no known column.
    """
    start = _beginning(path)
    utf16 = start.startswith(_UTF16)
    # Latin-1 gives every byte back, so each line can be decoded by itself.
    with path.open(encoding="utf-16" if utf16 else "latin-1", newline=None) as file:
        lines = _Lines(file, decoded=utf16)
        delimiter, header = _header(lines, knows)
        yield Sheet(delimiter, header, _records(lines, delimiter, len(header)), lambda: lines.position)


class _Lines:
    """The file's lines as text; those given back come again. Remembers what the present record has taken."""

    def __init__(self, file: TextIO, *, decoded: bool) -> None:
        self._file = file
        self._decoded = decoded
        self._again: deque[str] = deque()
        self._first = True
        self.taken: list[str] = []
        self.position = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._read()
        self.taken.append(line)
        return line

    def give_back(self, lines: list[str]) -> None:
        self._again.extendleft(reversed(lines))

    def _read(self) -> str:
        try:
            line = self._file.readline(LONGEST_LINE)
        except UnicodeDecodeError:
            raise Invalid("", f"O arquivo começa como UTF-16 e não continua assim. {_SAVE_AS}") from None
        if not line:
            raise StopIteration
        if len(line) == LONGEST_LINE and not line.endswith("\n"):
            raise Invalid("", f"O arquivo tem uma linha com mais de {LONGEST_LINE} caracteres; não parece um CSV.")
        self.position += len(line) * (2 if self._decoded else 1)
        text = line if self._decoded else _decode(line)
        if self._first:
            self._first = False
            text = text.removeprefix("\ufeff")
        return text


def _decode(line: str) -> str:
    raw = line.encode("latin-1")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        # The five bytes that Windows-1252 leaves undefined become a sign that no check accepts.
        return raw.decode("cp1252", errors="replace")


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        start = file.read(_LOOKED_AT)
    if not start.strip():
        raise Invalid("", "O arquivo está vazio.")
    for magic, what in _OTHER_FORMATS:
        if start.startswith(magic):
            raise Invalid("", f"O arquivo não é CSV: é {what}. {_SAVE_AS}")
    if b"\0" in start and not start.startswith(_UTF16):
        raise Invalid("", f"O arquivo não é texto. {_SAVE_AS}")
    return start


def _header(lines: _Lines, knows: Callable[[str], bool]) -> tuple[str, tuple[str, ...]]:
    """The delimiter and the column names, from the first line that has anything in it."""
    for line in lines:
        text = line.strip()
        if text.lower().startswith("sep=") and len(text) == 5 and text[4] in DELIMITERS:
            continue
        if text.strip("".join(DELIMITERS) + '"'):
            break
    else:
        raise Invalid("", "O arquivo está vazio.")
    candidates = [(delimiter, _split(line, delimiter)) for delimiter in DELIMITERS]
    # Of two that find as many, the one that splits more: a header with one known column can still be a whole table.
    delimiter, header = max(candidates, key=lambda found: (sum(map(knows, found[1])), len(found[1])))
    if not any(map(knows, header)):
        shown = text if len(text) <= 120 else text[:120] + "…"
        raise Invalid(
            "",
            "A primeira linha do arquivo precisa ter os nomes das colunas, por exemplo nome;cpf;data de filiação. "
            f"Nela está: {shown}",
        )
    return delimiter, header


def _records(lines: _Lines, delimiter: str, width: int) -> Iterator[Record]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    number = 1
    while True:
        number += 1
        lines.taken = []
        fault = None
        try:
            cells = tuple(next(reader))
        except StopIteration:
            return
        except csv.Error:
            cells, fault = (), "As aspas desta linha não fecham, ou há texto depois delas; dobre-as ou retire-as."
        if len(lines.taken) > 1 and (fault or len(cells) > width):
            fault = fault or "Há aspas abertas nesta linha que só fecham em outra; dobre-as ou retire-as."
            lines.give_back(lines.taken[1:])
        if fault:
            # With its quotes, whatever they mean: nothing of a faulty row is lost.
            cells = tuple(lines.taken[0].rstrip("\n").split(delimiter))
        elif any(cells[width:]):
            fault = (
                f"A linha tem {len(cells)} colunas e o cabeçalho, {width}; "
                f"se um valor contém “{delimiter}”, ponha-o entre aspas."
            )
        if fault is None and "\ufffd" in "".join(cells):
            fault = "Há caracteres que não são de UTF-8 nem de Windows-1252; digite-os de novo."
        if fault or any(cell.strip() for cell in cells):
            yield Record(number, cells, fault)


def _split(line: str, delimiter: str) -> tuple[str, ...]:
    """The cells of one line by itself, forgiving."""
    return tuple(cell.strip() for cell in next(csv.reader(io.StringIO(line), delimiter=delimiter), ()))
