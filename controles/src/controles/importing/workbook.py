"""The records of an XLSX file: of the worksheet, and below the line, with the most column names."""

import datetime as dt
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from controles.domain.domain_errors import Invalid
from controles.importing.spreadsheet import Record, Sheet

# The first bytes of every zip file, and so of every XLSX.
WORKBOOK = b"PK\x03\x04"
# The library keeps a whole worksheet in memory, including empty cells: one cell far below would take all of it.
MOST_CELLS = 12_000_000
MOST_ROWS, MOST_COLUMNS = 200_000, 200
# Unpacked; 80,000 people take some 40 MB.
LARGEST = 400 * 1024 * 1024

_CELL = re.compile(rb'<c\s[^>]{0,40}?r="([A-Z]{1,3})([0-9]{1,7})"')
_READ_AT_ONCE = 1 << 20
_OVERLAP = 80
_SAVE_AS = "Abra-a no Excel ou no LibreOffice e salve de novo como .xlsx, ou como CSV UTF-8."

_Cell = str | int | float | bool | dt.date | dt.time | dt.timedelta


@contextmanager
def open_workbook(path: Path, knows: Callable[[str], bool], *, heading_within: int) -> Iterator[Sheet]:
    """Open `path`. Invalid, with a sentence, if it is not an XLSX, too large, or has no known column."""
    _check(path)
    try:
        workbook = CalamineWorkbook.from_path(str(path))
        sheets = [(name, workbook.get_sheet_by_name(name)) for name in workbook.sheet_names]
    except (CalamineError, OSError) as error:
        # A missing permission or file is reported by the system; any other error is the file's fault.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise Invalid("", f"A planilha não pôde ser lida. {_SAVE_AS}") from None
    rows = [_Rows(name, sheet) for name, sheet in sheets if sheet.end is not None]
    heading = _heading(rows, knows, heading_within)
    size = path.stat().st_size
    done = [0]
    yield Sheet(
        delimiter=";",
        header=heading.names,
        records=_records(heading, done),
        position=lambda: size * done[0] // max(heading.rows.height, 1),
        warnings=tuple(
            f"A aba “{other.name}” não será importada; só “{heading.rows.name}”."
            for other in rows
            if other is not heading.rows
        ),
    )
    workbook.close()


class _Rows:
    """A worksheet's rows as text, by their numbers. Every row of cells merged vertically gets their value."""

    def __init__(self, name: str, sheet: CalamineSheet) -> None:
        self.name = name
        self._sheet = sheet
        self.height = (sheet.end or (0, 0))[0] + 1
        # By column, the rows that are merged with one above: the row that has the value.
        self._merged: dict[tuple[int, int], tuple[int, int]] = {}
        for (top, left), (bottom, _right) in sheet.merged_cell_ranges or ():
            for row in range(top + 1, min(bottom, top + MOST_ROWS) + 1):
                self._merged[row, left] = (top, left)

    def first(self, count: int) -> Iterator[tuple[int, tuple[str, ...]]]:
        return self._read(count)

    def __iter__(self) -> Iterator[tuple[int, tuple[str, ...]]]:
        return self._read(None)

    def _read(self, count: int | None) -> Iterator[tuple[int, tuple[str, ...]]]:
        held: dict[tuple[int, int], str] = {}
        tops = set(self._merged.values())
        for row, values in enumerate(self._sheet.to_python(skip_empty_area=False, nrows=count)):
            cells = [_text(value) for value in values]
            for column in range(len(cells)):
                if (row, column) in tops:
                    held[row, column] = cells[column]
                elif (row, column) in self._merged:
                    cells[column] = held.get(self._merged[row, column], "")
            yield row + 1, tuple(cells)


@dataclass(frozen=True, slots=True)
class _Heading:
    rows: _Rows
    number: int
    names: tuple[str, ...]
    known: int


def _heading(sheets: Sequence[_Rows], knows: Callable[[str], bool], within: int) -> _Heading:
    found: list[_Heading] = []
    for rows in sheets:
        for number, cells in rows.first(within):
            names = _without_empty_end(tuple(cell.strip() for cell in cells))
            if names:
                found.append(_Heading(rows, number, names, sum(map(knows, names))))
    if not found:
        raise Invalid("", "O arquivo está vazio.")
    # If several have equally many, the first worksheet and the upper line.
    best = max(found, key=lambda one: one.known)
    if not best.known:
        shown = " | ".join(name for name in found[0].names if name)[:120]
        raise Invalid(
            "",
            "Nenhuma das primeiras linhas da planilha tem os nomes das colunas, por exemplo nome, cpf, data de "
            f"filiação. Ponha-os acima dos dados. Ela começa com: {shown}",
        )
    return best


def _records(heading: _Heading, done: list[int]) -> Iterator[Record]:
    width = len(heading.names)
    for number, cells in heading.rows:
        done[0] = number
        if number <= heading.number:
            continue
        row = _without_empty_end(cells)
        if not row or tuple(cell.strip() for cell in row) == heading.names:
            continue
        fault = None
        if len(row) > width:
            fault = f"A linha tem {len(row)} colunas e o cabeçalho, {width}; dê nome à coluna, ou apague o que sobra."
        yield Record(number, row, fault)


def _without_empty_end(cells: tuple[str, ...]) -> tuple[str, ...]:
    end = len(cells)
    while end and not cells[end - 1].strip():
        end -= 1
    return cells[:end]


def _text(value: _Cell) -> str:
    """A cell as a person sees it: dd/mm/aaaa, whole numbers without a point, a comma before cents."""
    match value:
        case str():
            return value
        case bool():
            return "sim" if value else "não"
        case dt.datetime():
            return f"{value:%d/%m/%Y}" if value.time() == dt.time() else f"{value:%d/%m/%Y %H:%M:%S}"
        case dt.date():
            return f"{value:%d/%m/%Y}"
        case float() | int():
            return _number(float(value))
        case _:
            return str(value)


def _number(value: float) -> str:
    if value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    # Computed cents have many digits, and a point would be taken for a thousands separator.
    rounded = f"{value:.2f}" if abs(round(value, 2) - value) < 1e-6 else f"{value:.10g}"
    return rounded.replace(".", ",")


def _check(path: Path) -> None:
    """Refuse files that would take too much memory, before anything is unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if "xl/workbook.xml" not in archive.namelist():
                raise Invalid("", f"O arquivo não é uma planilha .xlsx. {_SAVE_AS}")
            if sum(member.file_size for member in members) > LARGEST:
                raise Invalid("", f"A planilha tem mais de {LARGEST >> 20} MB por dentro; divida-a em partes.")
            for member in members:
                if member.filename.startswith("xl/worksheets/") and member.filename.endswith(".xml"):
                    _check_extent(archive, member)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError):
        # zipfile's errors for a broken archive, an unknown compression, and an archive with a password.
        raise Invalid("", f"A planilha está danificada ou tem senha. {_SAVE_AS}") from None


def _check_extent(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    column = row = size = 0
    rest = b""
    with archive.open(member) as file:
        while chunk := file.read(_READ_AT_ONCE):
            # The sizes that the archive declares need not be true.
            size += len(chunk)
            text = rest + chunk
            for match in _CELL.finditer(text):
                column, row = max(column, _index(match[1])), max(row, int(match[2]))
            if size > LARGEST or row > MOST_ROWS or column > MOST_COLUMNS or row * column > MOST_CELLS:
                raise Invalid(
                    "",
                    f"A planilha passa de {MOST_ROWS} linhas ou {MOST_COLUMNS} colunas: há uma célula na linha {row}. "
                    "Apague as linhas e colunas vazias depois dos dados, ou divida-a em partes.",
                )
            rest = text[-_OVERLAP:]


def _index(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
