"""What other caches' own tests say of Frescor's doors is what docs/doors.md says of it."""

import importlib.metadata
from pathlib import Path

import pytest
from published import ALL, Suite, run, said, source, unexplained, without_reason


@pytest.mark.slow
@pytest.mark.parametrize("suite", ALL, ids=lambda suite: suite.name)
def test_a_published_suite_comes_to_what_the_page_says(
    suite: Suite, tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    kept = source(suite, pytestconfig.cache.mkdir("published"))
    outcome = run(suite, kept, tmp_path / "run")
    page = said(suite)
    if importlib.metadata.version(suite.distribution) != page.version:
        # Another version has other tests.
        assert not without_reason(outcome.failed, page.patterns), outcome.text
        assert outcome.passed > page.passed // 2, outcome.text
        return
    assert not unexplained(outcome.failed, page.patterns), outcome.text
    found = (outcome.passed, len(outcome.failed), outcome.skipped)
    assert found == (page.passed, page.failed, page.skipped), outcome.text


def test_a_failure_without_a_reason_is_seen() -> None:
    assert unexplained(("test_a.py::test_x[1]",), {"test_a.py::test_x[[]1]": 0}) != []
    assert unexplained(("test_a.py::test_x",), {}) == ["test_a.py::test_x"]
    assert unexplained((), {"test_a.py::*": 1}) == ["test_a.py::*: 0 fail, the page says 1"]
    assert unexplained(("test_a.py::test_x[1]",), {"test_a.py::test_x[1]": 1}) == []
    assert without_reason(("test_a.py::test_x", "test_a.py::test_y"), {"test_a.py::test_x": 7}) == ["test_a.py::test_y"]
