"""A branch that changes Frescor says in `frescor/changes` what users will notice."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
KINDS = ("added", "changed", "fixed", "removed", "internal")
MAIN = ("origin/main", "main")


def git(folder: Path, *arguments: str) -> str | None:
    """What git prints; None where that is not a clone, or it has not what is asked for."""
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def changed_by_the_branch(folder: Path) -> set[str]:
    """Files that this branch and its working tree changed since it left main.

    Nothing on main itself, nor where main or what it shares with this branch is not at hand, as in a shallow clone.
    """
    head = git(folder, "rev-parse", "HEAD")
    bases = [base for name in MAIN if (base := git(folder, "merge-base", name, "HEAD"))]
    if head is None or not bases or head in bases:
        return set()
    changed = git(folder, "diff", "--name-only", bases[0]) or ""
    new = git(folder, "ls-files", "--others", "--exclude-standard") or ""
    return {*changed.split("\n"), *new.split("\n")} - {""}


def unsaid(changed: set[str]) -> list[str]:
    """The sources that were changed without a word on it."""
    if any(re.match(r"frescor/(?:CHANGELOG\.md|changes/(?!README)[^/]+\.md)$", name) for name in changed):
        return []
    return sorted(name for name in changed if name.startswith("frescor/src/"))


def test_a_change_in_the_sources_comes_with_a_sentence_for_users() -> None:
    assert unsaid(changed_by_the_branch(ROOT)) == [], (
        f"Say in frescor/changes/<subject>.<kind>.md what users will notice; the kind is one of {', '.join(KINDS)}"
    )


def test_each_sentence_has_a_kind_and_words() -> None:
    for path in (ROOT / "frescor" / "changes").glob("*.md"):
        if path.name != "README.md":
            assert re.fullmatch(rf"[a-z0-9-]+\.({'|'.join(KINDS)})\.md", path.name), path
            assert len(path.read_text(encoding="utf-8").split()) >= 4, path


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Of a main with one source, on a branch that changed it."""
    source = tmp_path / "frescor" / "src" / "frescor" / "a.py"
    source.parent.mkdir(parents=True)
    source.write_text("one = 1\n")
    for arguments in (
        ("init", "--quiet", "--initial-branch=main"),
        ("config", "user.email", "somebody@example.org"),
        ("config", "user.name", "Somebody"),
        ("add", "--all"),
        ("commit", "--quiet", "--message=One"),
        ("checkout", "--quiet", "-b", "branch"),
    ):
        assert git(tmp_path, *arguments) is not None, arguments
    source.write_text("one = 2\n")
    return tmp_path


def test_a_branch_without_a_sentence_is_noticed_before_and_after_its_commit(clone: Path) -> None:
    # Before its first commit a branch is main with changes that are nobody's yet.
    assert unsaid(changed_by_the_branch(clone)) == []
    git(clone, "commit", "--all", "--quiet", "--message=Two")
    assert unsaid(changed_by_the_branch(clone)) == ["frescor/src/frescor/a.py"]
    sentence = clone / "frescor" / "changes" / "a.fixed.md"
    sentence.parent.mkdir()
    sentence.write_text("One is two now.\n")
    assert unsaid(changed_by_the_branch(clone)) == []


def test_a_shallow_clone_and_a_folder_without_git_have_nothing_to_compare(
    clone: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    git(clone, "commit", "--all", "--quiet", "--message=Two")
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    assert git(elsewhere, "clone", "--quiet", "--depth=1", f"file://{clone}", "shallow") is not None
    assert changed_by_the_branch(elsewhere / "shallow") == set()
    assert changed_by_the_branch(elsewhere) == set()
