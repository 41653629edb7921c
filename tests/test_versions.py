"""The table of versions has a line for each row that `make test-versions` runs, and none of them is old or red."""

import datetime as dt
import re
import tomllib

import pytest
from packaging.requirements import Requirement

from version_matrix import END, PAGE, ROOT, ROWS, Row, lines_of, with_lines

OLDEST = dt.timedelta(days=180)
LINE = re.compile(r"\| (?P<name>[^|]+) \| (?P<version>[^|]+) \| (?P<said>[^|]+) \| (?P<on>\d{4}-\d\d-\d\d) \|")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_row_was_run_not_long_ago_and_is_green(row: Row) -> None:
    found = LINE.fullmatch(lines_of(PAGE.read_text()).get(row.name, ""))
    assert found is not None, f"make test-versions ARGS='{row.name}'"
    if row.python and found["said"].startswith("not tried: "):
        return
    assert re.fullmatch(r"[1-9]\d* passed", found["said"])
    assert dt.datetime.now(dt.UTC).date() - dt.date.fromisoformat(found["on"]) < OLDEST


def test_the_tests_of_each_row_exist() -> None:
    files = {ROOT / "frescor" / "tests" / test.split("::")[0] for row in ROWS for test in row.tests}
    assert [str(path) for path in files if not path.exists()] == []


def test_the_lowest_rows_are_the_lowest_that_frescor_declares() -> None:
    project = tomllib.loads((ROOT / "frescor" / "pyproject.toml").read_text())["project"]
    declared = [*project["dependencies"], *(one for some in project["optional-dependencies"].values() for one in some)]
    lowest = {}
    for asked in map(Requirement, declared):
        lowest[asked.name] = min((one.version for one in asked.specifier if one.operator == ">="), default="")
    for row in ROWS:
        if row.name.endswith(", lowest"):
            assert row.asks == (f"{row.shown}=={lowest[row.shown]}",)


def test_a_run_row_replaces_its_line_alone() -> None:
    page = with_lines(PAGE.read_text(), ["| one | 1 | 3 passed | 2026-01-01 |", "| two | 2 | 4 passed | 2026-01-01 |"])
    assert lines_of(page) == {
        "one": "| one | 1 | 3 passed | 2026-01-01 |",
        "two": "| two | 2 | 4 passed | 2026-01-01 |",
    }
    assert page.count(END) == 1
