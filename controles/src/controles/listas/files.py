"""A table as a CSV or an XLSX file, written while its rows are read."""

import csv
import io
from collections.abc import Iterator
from tempfile import TemporaryFile

import xlsxwriter

from controles.domain.spreadsheet import quoted
from controles.listas.tables import Cell, Kind, Table

CSV_TYPE = "text/csv; charset=utf-8"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_FLUSHED_AT = 32_768
_READ_AT_ONCE = 65_536
_WIDTHS = {Kind.TEXT: 24, Kind.MONEY: 14, Kind.NUMBER: 10, Kind.DATE: 12, Kind.YES_NO: 8}


def as_csv(table: Table) -> Iterator[bytes]:
    """Semicolons, UTF-8 with a byte order mark, dd/mm/aaaa and 1234,56, which Brazilian spreadsheets open directly."""
    buffer = io.StringIO()
    write = csv.writer(buffer, delimiter=";").writerow
    buffer.write("\ufeff")
    write([column.title for column in table.columns])
    for row in table.rows:
        write([_written(column.kind, cell) for column, cell in zip(table.columns, row, strict=True)])
        if buffer.tell() > _FLUSHED_AT:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def as_xlsx(table: Table) -> Iterator[bytes]:
    """Rows go to disk one by one, so a large list takes little memory; the file is sent once it is complete."""
    with TemporaryFile() as file:
        # Strings that look like formulas or links stay strings.
        options = {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        }
        workbook = xlsxwriter.Workbook(file, options)
        bold = workbook.add_format({"bold": True})
        formats = {
            Kind.MONEY: workbook.add_format({"num_format": "#,##0.00"}),
            Kind.DATE: workbook.add_format({"num_format": "dd/mm/yyyy"}),
        }
        sheet = workbook.add_worksheet(table.title[:31])
        for position, column in enumerate(table.columns):
            sheet.set_column(position, position, _WIDTHS[column.kind])
            sheet.write_string(0, position, column.title, bold)
        sheet.freeze_panes(1, 0)
        for number, row in enumerate(table.rows, start=1):
            for position, (column, cell) in enumerate(zip(table.columns, row, strict=True)):
                match cell:
                    case None:
                        continue
                    case bool() | str():
                        sheet.write_string(number, position, _written(column.kind, cell))
                    case int() if column.kind is Kind.MONEY:
                        sheet.write_number(number, position, cell / 100, formats[Kind.MONEY])
                    case int():
                        sheet.write_number(number, position, cell)
                    case _:
                        sheet.write_datetime(number, position, cell, formats[Kind.DATE])
        workbook.close()
        file.seek(0)
        while chunk := file.read(_READ_AT_ONCE):
            yield chunk


def _written(kind: Kind, cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case bool():
            return "sim" if cell else "não"
        case int() if kind is Kind.MONEY:
            reais, centavos = divmod(abs(cell), 100)
            return f"{'-' if cell < 0 else ''}{reais},{centavos:02d}"
        case int():
            return str(cell)
        case str():
            return quoted(cell.replace("\x00", ""))
        case _:
            return f"{cell:%d/%m/%Y}"
