"""What a trigger reports of slices, as tags: known slices, or all slices of the columns that are not certain."""

import pytest

from frescor.sqlalchemy._slices.reported import raised_by

START = ("sql:due", "sql:due#")


def raised(*reports: str) -> list[str]:
    """The tags for these reports, beside the table's own. A value's slice is shown by its form."""
    found = raised_by((*START, *reports), lambda form: f"<{form!r}>")
    assert found[:2] == START
    return [*found[2:]]


@pytest.mark.parametrize(
    ("column", "value", "group"),
    [
        ("m?int", "=7", "<7>"),
        ("m?int", "=-7", "<-7>"),
        ("m?int", "~", "-"),
        ("m?text", "=Ab c ", "<'ab c'>"),
        ("m?text", "=7", "<7>"),
        ("m?text", "=", "<''>"),
        ("m?text", "=a?b=c", "<'a?b=c'>"),
        ("m?uuid", "=00000000-0000-0000-0000-00000000000A", "<'0000000000000000000000000000000a'>"),
        ("m?date", "=2025-01-31", "<'2025-01-31'>"),
        ("m:month?month", "=2025-01", f"{2025 * 12:x}"),
        ("m:monthutc?month", "=2025-12", f"{2025 * 12 + 11:x}"),
        ("m:day?day", "=0001-01-01", "1"),
        ("m:range10?bucket", "=-1", "ffff"),
    ],
)
def test_a_reported_value_is_its_slice(column: str, value: str, group: str) -> None:
    name = column.partition("?")[0]
    assert raised(f"?{column}", f"?{column}{value}") == [f"sql:due#@{name}={group}", f"sql:due#@!{name}"]


@pytest.mark.parametrize(
    "report",
    [
        "?m?int!",
        "?m?int=7.5",
        "?m?int= 7",
        "?m?int=",
        "?m?date=2025-1-1",
        "?m?date=2025-02-30",
        "?m?uuid=x",
        "?m:month?month=2025-13",
        "?m:month?month=12025-01",
        "?m:day?day=2025-W01-1",
        "?m:range10?bucket=x",
        "?m?unheard=7",
    ],
)
def test_a_value_that_is_not_certain_leaves_all_slices_of_its_column(report: str) -> None:
    column = report.split("?")[1]
    start = report[: report.index("?", 1)] + "?" + report.split("?")[2].rstrip("!").partition("=")[0]
    known = raised("?n?int", "?n?int=1", start, report, f"{start}~")
    assert known == ["sql:due#@n=<1>", "sql:due#@!n"], column


def test_a_report_that_cannot_be_read_leaves_all_slices_of_the_table() -> None:
    for report in ("?", "?m", "?M?int=7", "?m:year?int=7", "?m?int?7", "? m?int"):
        assert raised("?n?int", "?n?int=1", report) == ["sql:due#@!"]


def test_old_and_new_values_are_joined_and_several_columns_stand_side_by_side() -> None:
    found = raised("?m?int", "?m?int=1", "?m?int=2", "?m?int=1", "?n?int", "?n?int~")
    assert found == ["sql:due#@m=<1>", "sql:due#@m=<2>", "sql:due#@n=-", "sql:due#@!m,n"]


def test_a_column_without_values_had_none_written() -> None:
    assert raised("?m?int") == ["sql:due#@!m"]


def test_more_slices_than_are_named_one_by_one_are_all_slices() -> None:
    many = [f"?m?int={number}" for number in range(65)]
    assert raised("?m?int", *many, "?n?int", "?n?int=1") == ["sql:due#@n=<1>", "sql:due#@!n"]
    assert len(raised("?m?int", *many[:64])) == 65


def test_rows_of_processes_and_of_earlier_triggers_are_what_they_were() -> None:
    assert raised_by(("sql:due", "sql:due#"), str) == ("sql:due", "sql:due#", "sql:due#@!")
    process = ("sql:due", "sql:due#12", "sql:due#@!m", "sql:due#@m=7", "sql:other")
    assert raised_by(process, str) == (*process, "sql:other#@!")
    # Not behind a table's own two tags.
    assert raised_by(("sql:due", "?m?int"), str) == ("sql:due", "?m?int", "sql:due#@!")
