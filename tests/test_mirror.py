"""A source module has a test file of its name; how many have none is recorded, and may only become fewer."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Their promises are tested where users meet them. A new module brings its own file; whoever writes one for an old
# module lowers the number.
WITHOUT = {"frescor": 70, "controles": 86}


def without_tests(distribution: str) -> list[str]:
    sources = ROOT / distribution / "src" / distribution
    tested = {path.stem.removeprefix("test_") for path in (ROOT / distribution / "tests").rglob("test_*.py")}
    return sorted(
        str(path.relative_to(sources))
        for path in sources.rglob("*.py")
        if not path.stem.startswith("__") and "migrations" not in path.parts and path.stem not in tested
    )


@pytest.mark.parametrize("distribution", sorted(WITHOUT))
def test_no_more_modules_are_without_a_test_file_than_are_recorded(distribution: str) -> None:
    missing = without_tests(distribution)
    assert len(missing) <= WITHOUT[distribution], (
        f"{len(missing)} modules of {distribution} have no test_<name>.py, {WITHOUT[distribution]} are allowed: "
        f"write one for the new module. Without: {', '.join(missing)}"
    )


def test_a_module_without_a_test_file_is_listed() -> None:
    assert "_values/codec.py" not in without_tests("frescor")
    assert "errors.py" in without_tests("frescor")
