"""The records of a CSV file, whatever program wrote it, one at a time; `workbook` reads those of an XLSX.

Each line is UTF-8 if it is valid, else Windows-1252, which Brazilian spreadsheets write; so a file that was pasted
together from both can be read. A quote that is never closed affects its own line only, not the lines after it.
"""

import csv
import io
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from controles.domain.domain_errors import Invalid
from controles.domain.spreadsheet import unquoted
from controles.importing.spreadsheet import Record, Sheet
from controles.importing.workbook import WORKBOOK, open_workbook

DELIMITERS = (";", ",", "\t", "|")
LONGEST_LINE = 100_000

# How many lines may come before the column names (titles and blank lines), and how many lines these may take.
_HEADING_WITHIN = 40
_LONGEST_HEADING = 40

_LOOKED_AT = 65_536
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_OTHER_FORMATS = (
    (b"\xd0\xcf\x11\xe0", "uma planilha antiga do Excel (.xls), ou uma com senha"),
    (b"%PDF", "um PDF"),
    (b"\x1f\x8b", "um arquivo compactado"),
)
_SAVE_AS = "Abra-o e salve como “Pasta de Trabalho do Excel (.xlsx)” ou como “CSV UTF-8 (delimitado por vírgulas)”."


@contextmanager
def open_sheet(path: Path, knows: Callable[[str], bool]) -> Iterator[Sheet]:
    """Open `path`, a CSV or an XLSX; the delimiter is the one that yields most columns for which `knows` is true.

    Invalid, with a sentence, for a file that is empty, not text, or has no known column.
    """
    start = _beginning(path)
    if start.startswith(WORKBOOK):
        with open_workbook(path, knows, heading_within=_HEADING_WITHIN) as sheet:
            yield sheet
        return
    utf16 = start.startswith(_UTF16)
    # Latin-1 preserves every byte, so each line can be decoded separately.
    with path.open(encoding="utf-16" if utf16 else "latin-1", newline=None) as file:
        lines = _Lines(file, decoded=utf16)
        heading = _header(lines, knows)
        yield Sheet(heading.delimiter, heading.names, _records(lines, heading), lambda: lines.position)


class _Lines:
    """The file's lines as text; lines can be put back. Remembers the lines of the present record."""

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
        # The five bytes that Windows-1252 leaves undefined become a character that no check accepts.
        return raw.decode("cp1252", errors="replace")


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        start = file.read(_LOOKED_AT)
    if not start.strip():
        raise Invalid("", "O arquivo está vazio.")
    for magic, what in _OTHER_FORMATS:
        if start.startswith(magic):
            raise Invalid("", f"O arquivo não é CSV nem XLSX: é {what}. {_SAVE_AS}")
    if b"\0" in start and not start.startswith((*_UTF16, WORKBOOK)):
        raise Invalid("", f"O arquivo não é texto. {_SAVE_AS}")
    return start


@dataclass(frozen=True, slots=True)
class _Heading:
    """A line that may contain the column names: its row number, how many lines it takes, and its cells."""

    row: int
    lines: int
    delimiter: str
    names: tuple[str, ...]
    known: int


def _header(lines: _Lines, knows: Callable[[str], bool]) -> _Heading:
    """The line with the column names: among the first lines, the first one with the most known names.

    A sheet may have its title, its date, and blank lines above it.
    """
    first: list[str] = []
    for line in lines:
        first.append(line)
        if len(first) == _HEADING_WITHIN:
            break
    candidates = [
        heading
        for index, line in enumerate(first)
        if line.strip().strip("".join(DELIMITERS) + '"') and not _names_delimiter(line)
        for heading in _headings_at(first, index, knows)
    ]
    if not candidates:
        raise Invalid("", "O arquivo está vazio.")
    # Of two with equally many, the one with more cells: a header with one known column can still be a whole table.
    best = max(candidates, key=lambda one: (one.known, -one.row, len(one.names)))
    if not best.known:
        text = first[candidates[0].row - 1].strip()
        shown = text if len(text) <= 120 else text[:120] + "…"
        raise Invalid(
            "",
            "Nenhuma das primeiras linhas do arquivo tem os nomes das colunas, por exemplo nome;cpf;data de filiação. "
            f"Ponha-os acima das pessoas. O arquivo começa com: {shown}",
        )
    lines.give_back(first[best.row - 1 + best.lines :])
    return best


def _headings_at(first: list[str], index: int, knows: Callable[[str], bool]) -> Iterator[_Heading]:
    text, taken = first[index], 1
    # A form's question may contain line breaks within its quotes.
    while text.count('"') % 2 and taken < _LONGEST_HEADING and index + taken < len(first):
        text, taken = text + first[index + taken], taken + 1
    if text.count('"') % 2:
        text, taken = first[index], 1
    for delimiter in DELIMITERS:
        names = _split(text, delimiter)
        yield _Heading(index + 1, taken, delimiter, names, sum(map(knows, names)))


def _names_delimiter(line: str) -> bool:
    text = line.strip()
    return text.lower().startswith("sep=") and len(text) == 5 and text[4] in DELIMITERS


def _records(lines: _Lines, heading: _Heading) -> Iterator[Record]:
    delimiter, width = heading.delimiter, len(heading.names)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    # Numbered as a spreadsheet does: a row that takes several lines counts once.
    number = heading.row
    while True:
        number += 1
        lines.taken = []
        fault = None
        try:
            cells = tuple(map(unquoted, next(reader)))
        except StopIteration:
            return
        except csv.Error:
            cells, fault = (), "As aspas desta linha não fecham, ou há texto depois delas; dobre-as ou retire-as."
        if len(lines.taken) > 1 and (fault or len(cells) > width):
            fault = fault or "Há aspas abertas nesta linha que só fecham em outra; dobre-as ou retire-as."
            lines.give_back(lines.taken[1:])
        if fault:
            # With its quotes, whatever they mean, so that nothing of a faulty row is lost.
            cells = tuple(lines.taken[0].rstrip("\n").split(delimiter))
        elif any(cells[width:]):
            fault = (
                f"A linha tem {len(cells)} colunas e o cabeçalho, {width}; "
                f"se um valor contém “{delimiter}”, ponha-o entre aspas."
            )
        if fault is None and "\ufffd" in "".join(cells):
            fault = "Há caracteres que não são de UTF-8 nem de Windows-1252; digite-os de novo."
        if not fault and tuple(cell.strip() for cell in cells) == heading.names:
            # Printed lists repeat the heading on every page.
            continue
        if fault or any(cell.strip() for cell in cells):
            yield Record(number, cells, fault)


def _split(line: str, delimiter: str) -> tuple[str, ...]:
    """The cells of one line, tolerating invalid quotes."""
    return tuple(unquoted(cell.strip()) for cell in next(csv.reader(io.StringIO(line), delimiter=delimiter), ()))
