"""What other caches' own tests say of Frescor's doors is what docs/doors.md says of it."""

from pathlib import Path

import pytest
from published import ALL, Suite, run, said, source, unexplained


@pytest.mark.slow
@pytest.mark.parametrize("suite", ALL, ids=lambda suite: suite.name)
def test_a_published_suite_comes_to_what_the_page_says(
    suite: Suite, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    kept = source(suite, pytestconfig.cache.mkdir("published"))
    outcome = run(suite, kept, tmp_path / "run")
    passed, failed, skipped, patterns = said(suite)
    assert not unexplained(outcome.failed, patterns), outcome.text
    assert (outcome.passed, len(outcome.failed), outcome.skipped) == (passed, failed, skipped), outcome.text


def test_a_failure_without_a_reason_is_seen() -> None:
    assert unexplained(("test_a.py::test_x[1]",), {"test_a.py::test_x[[]1]": 0}) != []
    assert unexplained(("test_a.py::test_x",), {}) == ["test_a.py::test_x"]
    assert unexplained((), {"test_a.py::*": 1}) == ["test_a.py::*: 0 fail, the page says 1"]
    assert unexplained(("test_a.py::test_x[1]",), {"test_a.py::test_x[1]": 1}) == []
