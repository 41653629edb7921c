"""Lets the oracle watch the tests of Frescor with SQLAlchemy, and those of Controles: one that it contradicts fails."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from oracle.checks import Oracle

_WATCHED = ("frescor/tests/sqlalchemy/", "controles/tests/")
_checked: Counter[str] = Counter()


@pytest.fixture(autouse=True)
def oracle(request: pytest.FixtureRequest) -> Iterator[None]:
    """What the database says of each statement is within what Frescor named."""
    if not request.node.nodeid.startswith(_WATCHED) or request.node.get_closest_marker("unwatched"):
        yield
        return
    watching = Oracle()
    watching.install()
    try:
        yield
    finally:
        watching.remove()
    _checked.update(watching.findings.checked)
    if watching.findings.unnamed:
        pytest.fail("Frescor did not name:\n" + "\n".join(watching.findings.unnamed), pytrace=False)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How much was compared."""
    if _checked:
        counted = ", ".join(f"{count} {what}" for what, count in sorted(_checked.items()))
        terminalreporter.write_line(f"oracle: {counted}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker hands over what it counted."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["oracle"] = dict(_checked)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Only called where pytest-xdist is at work."""
    _checked.update(getattr(node, "workeroutput", {}).get("oracle", {}))
