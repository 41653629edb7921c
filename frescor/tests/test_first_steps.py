"""The page of first steps leads where it says: what it installs is enough, its programs run, and curl gets what is
printed there."""

import re
import shutil
from pathlib import Path

import pytest
from bare_environments import build_wheel, virtual_environment
from console_servers import asked_for, prints_what_it_shows, shell
from console_sessions import Shown, compared, shown

PAGE = Path(__file__).parents[1] / "docs" / "first-steps.md"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("framework", ["Flask", "FastAPI"])
def test_the_steps_lead_to_a_query_that_is_cached_until_a_commit(framework: str, tmp_path: Path) -> None:
    (section,) = re.findall(rf"^## In {framework}\n(.*?)(?=^## )", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    (program,) = re.findall(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    steps = [
        one
        for block in re.findall(r"^```console\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
        for one in shown(block)
    ]
    wheel = build_wheel(PAGE.parents[1], tmp_path)
    programs = virtual_environment(wheel, asked_for(steps), tmp_path / "venv")
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "shop.py").write_text(program)
    assert prints_what_it_shows(steps, folder, shell(programs, tmp_path)) >= 4


@pytest.mark.parametrize(
    ("lines", "matches"),
    [
        (("one", "two"), True),
        (("two",), True),
        (("t...o",), True),
        (("two", "one"), False),
        (("two", "two"), False),
        (("tw",), False),
        (("t*o",), False),
    ],
)
def test_what_a_page_shows_has_to_be_printed_in_that_order(lines: tuple[str, ...], matches: bool) -> None:
    session = [Shown("printf 'one\\ntwo\\n'", lines)]
    if matches:
        assert compared(session, "localhost:1", "localhost:2") == len(lines)
    else:
        with pytest.raises(AssertionError, match="shows: "):
            compared(session, "localhost:1", "localhost:2")


def test_an_answer_that_has_changed_has_to_have_another_etag() -> None:
    session = [
        Shown("printf 'ETag: \"1\"\\n'", ()),
        Shown("printf 'HTTP/1.1 200 OK\\nETag: \"1\"\\n' # If-None-Match", ()),
    ]
    with pytest.raises(AssertionError, match="with the ETag that it was asked about"):
        compared(session, "localhost:1", "localhost:2")
