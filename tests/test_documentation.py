"""What the documentation shows works: its python and console snippets are run."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = (
    "README.md",
    "frescor/README.md",
    "controles/README.md",
    "bench/README.md",
    "examples/README.md",
    "docs/configuration.md",
    "docs/keys.md",
    "frescor/docs/calls.md",
    "frescor/docs/values.md",
    "frescor/docs/conditions.md",
    "frescor/docs/workers.md",
    "frescor/docs/sqlalchemy.md",
    "frescor/docs/slices.md",
    "frescor/docs/testing.md",
    "frescor/docs/auditing.md",
    "docs/threat-model.md",
    "docs/troubleshooting.md",
)

_BLOCK = re.compile(
    r"(?P<reason><!--\s*not run: [^>]*-->\n)?^```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^```\s*$",
    re.MULTILINE | re.DOTALL,
)
_COMMAND = re.compile(r"flask --app controles ([a-z-]+(?:`, `[a-z-]+)*)")
_TARGETS = re.compile(r"^([a-z-]+):", re.MULTILINE)
_LINK = re.compile(r"\]\((?P<target>[^)#\s]+)[^)]*\)")


@dataclass(frozen=True, slots=True)
class Snippet:
    document: str
    line: int
    language: str
    text: str
    is_run: bool

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def snippets(document: str, text: str) -> list[Snippet]:
    return [
        Snippet(document, text.count("\n", 0, found.start()) + 1, found["language"], found["text"], not found["reason"])
        for found in _BLOCK.finditer(text)
    ]


SNIPPETS = [
    snippet
    for document in DOCUMENTS
    if (ROOT / document).is_file()
    for snippet in snippets(document, (ROOT / document).read_text())
]


def environment(folder: Path) -> dict[str, str]:
    """An environment as a newcomer has it, with the data of the snippets kept in a folder of their own."""
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "CONTROLES_ENV": "development",
        "CONTROLES_DATA": str(folder / "instance"),
        "LOG_DIR": str(folder / "logs"),
        "PYTHONPATH": "",
    }


def run(command: list[str], folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


@pytest.mark.parametrize("snippet", [s for s in SNIPPETS if s.language == "python" and s.is_run], ids=str)
def test_a_python_snippet_runs(snippet: Snippet, tmp_path: Path) -> None:
    program = tmp_path / "snippet.py"
    program.write_text(snippet.text)
    run([sys.executable, str(program)], tmp_path)


@pytest.mark.parametrize("snippet", [s for s in SNIPPETS if s.language == "console" and s.is_run], ids=str)
def test_a_console_snippet_runs(snippet: Snippet, tmp_path: Path) -> None:
    commands = [line[2:] for line in snippet.text.splitlines() if line.startswith("$ ")]
    assert commands, "a console snippet shows commands after `$ `"
    run(["sh", "-eu", "-c", "\n".join(commands)], tmp_path)


@pytest.mark.parametrize("snippet", [s for s in SNIPPETS if s.language in ("console", "sh")], ids=str)
def test_every_make_target_that_is_shown_exists(snippet: Snippet) -> None:
    targets = set(_TARGETS.findall((ROOT / "Makefile").read_text()))
    shown = set(re.findall(r"\bmake ([a-z][a-z-]*)", snippet.text))
    assert shown <= targets


@pytest.mark.parametrize("document", [d for d in DOCUMENTS if (ROOT / d).is_file()])
def test_every_file_that_is_linked_exists(document: str) -> None:
    folder = (ROOT / document).parent
    linked = [found["target"] for found in _LINK.finditer((ROOT / document).read_text())]
    missing = [target for target in linked if "://" not in target and not (folder / target).exists()]
    assert missing == []


def test_every_command_that_is_shown_exists(tmp_path: Path) -> None:
    shown = {
        name
        for document in DOCUMENTS
        if (ROOT / document).is_file()
        for found in _COMMAND.findall((ROOT / document).read_text())
        for name in found.split("`, `")
    }
    listing = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "controles", "--help"],
        cwd=tmp_path,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert {"demo", "seed", "cache"} <= shown
    assert shown <= set(re.findall(r"^  ([a-z][a-z-]*)", listing, re.MULTILINE))


def test_a_snippet_that_fails_is_noticed(tmp_path: Path) -> None:
    (snippet,) = snippets("example.md", "Text\n\n```python\nraise SystemExit(3)\n```\n")
    with pytest.raises(AssertionError, match=r"snippet\.py"):
        test_a_python_snippet_runs(snippet, tmp_path)
    (snippet,) = snippets("example.md", "```console\n$ false\nprinted\n```\n")
    with pytest.raises(AssertionError, match="false"):
        test_a_console_snippet_runs(snippet, tmp_path)


def test_a_snippet_is_left_out_only_with_a_reason() -> None:
    (snippet,) = snippets("example.md", "<!-- not run: it asks -->\n```console\n$ make\n```\n")
    assert not snippet.is_run
