"""The pages for those who change the code say what is so: rooms and imports, files, and the tests of each race."""

import re
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "frescor" / "docs"
SOURCES = ROOT / "frescor" / "src" / "frescor"
PAGES = sorted(
    [
        *DOCS.rglob("*.md"),
        *(ROOT / "controles" / "docs").rglob("*.md"),
        ROOT / "CONTRIBUTING.md",
        ROOT / "SECURITY.md",
        ROOT / "README.md",
    ]
)
Edges = set[tuple[str, str]]


def room(module: str) -> str:
    parts = module.split(".")[1:]
    return ".".join(parts[:2]) if parts[:1] == ["sqlalchemy"] and len(parts) > 1 else ".".join(parts[:1])


def imports() -> Edges:
    graph = grimp.build_graph("frescor", exclude_type_checking_imports=True, cache_dir=None)
    edges = {
        (room(module), room(other))
        for module in graph.modules
        for other in graph.find_modules_directly_imported_by(module)
    }
    return {(one, other) for one, other in edges if one and other and one != other}


def pictures() -> list[Edges]:
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")
    return [
        set(re.findall(r"^    (\S+) --> (\S+)$", picture, re.MULTILINE))
        for picture in re.findall(r"```mermaid\nflowchart TD\n(.*?)```", page, re.DOTALL)
    ]


def reached(edges: Edges) -> Edges:
    """All that follows from some arrows."""
    found = set(edges)
    while more := {(one, last) for one, middle in found for also, last in found if middle == also} - found:
        found |= more
    return found


@pytest.mark.parametrize("within", ["frescor", "frescor.sqlalchemy"])
def test_the_picture_of_the_rooms_is_that_of_the_imports(within: str) -> None:
    whole, sqlalchemy = pictures()
    inner = within != "frescor"
    drawn = sqlalchemy if inner else whole
    real = imports()
    if inner:
        real = {edge for edge in real if all(name.startswith("sqlalchemy.") for name in edge)}
    else:
        real = {(one.partition(".")[0], other.partition(".")[0]) for one, other in real}
        real = {(one, other) for one, other in real if one != other}
    assert drawn <= real
    assert real <= reached(drawn)


def test_every_room_is_in_the_picture() -> None:
    whole, _ = pictures()
    rooms = {path.name for path in SOURCES.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    assert rooms <= {name for edge in whole for name in edge}


def test_every_room_says_what_it_is_and_what_it_may_import() -> None:
    for path in SOURCES.rglob("_*/__init__.py"):
        assert "Imports" in path.read_text(encoding="utf-8") or path.parent.name in ("_plan", "_store"), path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_names_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "frescor" / "tests").rglob("test_*.py"))
    for name in re.findall(r"`(test_\w+)`", text):
        assert f"def {name}(" in tests, name
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        assert (page.parent / target).exists(), target
    for path in re.findall(r"[` (]((?:_\w+|sqlalchemy|frescor|controles|tests|bench|docs)/[\w/.]+\.(?:py|md))\b", text):
        assert any((folder / path).exists() for folder in (SOURCES, ROOT, page.parent)), path


def test_the_files_that_controles_page_names_are_there() -> None:
    text = (ROOT / "controles" / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:\w+/)+\w+\.(?:py|html))`", text)
    assert len(named) > 15
    assert [path for path in named if not (ROOT / "controles" / "src" / "controles" / path).is_file()] == []
    folders = {path.parent.name for path in (ROOT / "controles" / "src" / "controles").glob("*/__init__.py")}
    assert folders - set(re.findall(r"`(\w+)`", text)) - {"migrations"} == set()
