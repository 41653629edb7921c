"""The faults of a file: as sentences, and as rows that can be corrected in a spreadsheet."""

import csv
import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO

from controles.domain.domain_errors import Invalid
from controles.domain.spreadsheet import quoted_row
from controles.importing.checking import Acao, CheckedRow
from controles.importing.columns import Columns
from controles.importing.vocabulary import REASONS, is_reasons
from controles.settings.private_files import open_private

# Beyond this size the sentences are kept on disk, because a file can have a fault in every row.
_IN_MEMORY = 1_000_000


class FaultsReport:
    """Collects sentences; copies faulty rows, complete and with their reasons in the first column, to `path` if it is
    given.

    The copy has the original's delimiter and columns, and can be imported once it is corrected. It is created with its
    first row, so a file without faults has no copy.
    """

    def __init__(self, path: Path | None, sentences: IO[str], opened: ExitStack) -> None:
        self._path = path
        self._sentences = sentences
        self._opened = opened
        self._columns = Columns((), {}, ())
        self._delimiter = ";"
        self._write: Callable[[Sequence[str]], object] | None = None

    def begin(self, columns: Columns, delimiter: str) -> None:
        """Called with the file's columns."""
        self._columns, self._delimiter = columns, delimiter
        for warning in columns.warnings:
            print(f"Aviso: {warning}", file=self._sentences)

    def add(self, row: CheckedRow) -> None:
        """Called with a row that has faults or a conflict."""
        for fault in row.faults:
            where = f"linha {row.record.number}" + (f", coluna “{fault.column}”" if fault.column else "")
            conflict = "conflito: " if row.acao is Acao.CONFLITO else ""
            print(f"{where}: {conflict}{fault.message}", file=self._sentences)
        if self._path is None:
            return
        if self._write is None:
            self._write = self._start(self._path)
        reasons = " | ".join(
            f"{fault.column}: {fault.message}" if fault.column else fault.message for fault in row.faults
        )
        cells = quoted_row(self._without_old_reasons(row.record.cells))
        self._write([f"linha {row.record.number}: {reasons}", *cells])

    def change(self, row: CheckedRow) -> None:
        """Called with a row that would change a militante."""
        changes = "; ".join(f"{one.column}: {shown(one.antes)} → {shown(one.depois)}" for one in row.alteracoes)
        print(f"linha {row.record.number}: altera {row.de}: {changes}", file=self._sentences)

    def passed(self, row: CheckedRow) -> None:
        """Called with a line that is not a person."""
        text = " ".join(cell.strip() for cell in row.record.cells if cell.strip())
        print(
            f"linha {row.record.number}: “{text}” é um total, não uma pessoa; não será importada.", file=self._sentences
        )

    def sentences(self) -> Iterator[str]:
        """Everything that was collected, line by line."""
        self._sentences.seek(0)
        for line in self._sentences:
            yield line.rstrip("\n")

    def _start(self, path: Path) -> Callable[[Sequence[str]], object]:
        # With a byte order mark, without which spreadsheets do not recognise UTF-8.
        file = self._opened.enter_context(open_private(path, encoding="utf-8-sig", newline=""))
        write = csv.writer(file, delimiter=self._delimiter).writerow
        write([REASONS, *quoted_row(self._without_old_reasons(self._columns.header))])
        return write

    def _without_old_reasons(self, cells: Sequence[str]) -> list[str]:
        header = self._columns.header
        return [
            cell for position, cell in enumerate(cells) if position >= len(header) or not is_reasons(header[position])
        ]


def shown(value: object) -> str:
    """A militante's value as it is shown in a sentence or on a page."""
    match value:
        case None | "":
            return "vazio"
        case bool():
            return "sim" if value else "não"
        case dt.date():
            return f"{value:%d/%m/%Y}"
        case _:
            return str(value)


@contextmanager
def faults_report(path: Path | None, source: Path) -> Iterator[FaultsReport]:
    """A report on `source`. Invalid if `path` is `source` itself."""
    if path is not None and path.exists() and path.samefile(source):
        raise Invalid("", "O arquivo de erros não pode ser o próprio arquivo importado; escolha outro nome.")
    with ExitStack() as opened:
        sentences = opened.enter_context(SpooledTemporaryFile(max_size=_IN_MEMORY, mode="w+", encoding="utf-8"))
        yield FaultsReport(path, sentences, opened)
