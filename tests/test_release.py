"""A release has the addresses that it was given, and is not built without what it needs."""

import re
import shutil
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

from build_release import NotReady, build

ROOT = Path(__file__).parents[1]
REPOSITORY, FILES = "https://code.example.org/frescor", "https://code.example.org/frescor/files/v0.1.0"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Frescor's folder, ready for a release: beside it stands what its README links to."""
    folder = tmp_path / "frescor"
    shutil.copytree(ROOT / "frescor", folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for path in (folder / "changes").glob("*.*.md"):
        path.unlink()
    return folder


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("docs", "examples"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("images", "*.db", "cache-server"))
    monkeypatch.setattr("build_release.ROOT", tmp_path)


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode())


def test_every_link_of_a_package_page_is_an_address_and_the_metadata_has_the_projects(
    source: Path, tmp_path: Path
) -> None:
    wheel, sdist = build(source, REPOSITORY + "/", FILES, tmp_path / "dist")
    found = metadata(wheel)
    assert dict(url.split(", ") for url in found.get_all("Project-URL", [])) == {
        "Source": REPOSITORY,
        "Documentation": f"{FILES}/frescor/docs/README.md",
        "Changelog": f"{FILES}/frescor/CHANGELOG.md",
    }
    page = str(found.get_payload())
    links = re.findall(r"\]\(([^)]+)\)", page)
    assert len(links) > 5
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
    for link in links:
        named = link.removeprefix(FILES).partition("#")[0]
        assert not link.startswith(FILES) or (ROOT / named.lstrip("/")).exists(), link
    assert f"{FILES}/docs/threat-model.md" in links
    with tarfile.open(sdist) as archive:
        (info,) = [name for name in archive.getnames() if name.endswith("PKG-INFO")]
        assert f"Project-URL: Source, {REPOSITORY}" in archive.extractfile(info).read().decode()  # type: ignore[union-attr]
    assert "[project.urls]" not in (source / "pyproject.toml").read_text()


@pytest.mark.parametrize(
    "address", ["", "code.example.org/frescor", "http://code.example.org", "https://", "https://x"]
)
@pytest.mark.parametrize("missing", ["REPOSITORY", "FILES"])
def test_without_an_address_nothing_is_built(source: Path, tmp_path: Path, address: str, missing: str) -> None:
    given = {"REPOSITORY": REPOSITORY, "FILES": FILES, missing: address}
    with pytest.raises(NotReady, match=rf"{missing} is '{address}', and a package page needs an address\. Write make"):
        build(source, given["REPOSITORY"], given["FILES"], tmp_path / "dist")
    assert not (tmp_path / "dist").exists()


def test_a_link_to_a_file_that_is_not_there_is_refused(source: Path, tmp_path: Path) -> None:
    (source / "README.md").write_text("[a page](docs/gone.md)")
    with pytest.raises(NotReady, match=r"README\.md links to docs/gone\.md, which does not exist"):
        build(source, REPOSITORY, FILES, tmp_path / "dist")


def test_sentences_outside_of_the_change_log_are_refused(source: Path, tmp_path: Path) -> None:
    (source / "changes" / "hits.fixed.md").write_text("Hits are hits.")
    with pytest.raises(NotReady, match=r"Move these into frescor/CHANGELOG\.md.*changes/hits\.fixed\.md"):
        build(source, REPOSITORY, FILES, tmp_path / "dist")


@pytest.mark.parametrize(
    ("path", "old", "new", "said"),
    [
        ("CHANGELOG.md", "## 0.1.0", "## 0.0.9", "no heading ## 0.1.0"),
        ("src/frescor/__init__.py", '"0.1.0"', '"0.0.9"', "__version__ is not 0.1.0"),
    ],
)
def test_a_version_that_differs_from_place_to_place_is_refused(
    source: Path, tmp_path: Path, path: str, old: str, new: str, said: str
) -> None:
    text = (source / path).read_text()
    assert old in text
    (source / path).write_text(text.replace(old, new))
    with pytest.raises(NotReady, match=re.escape(said)):
        build(source, REPOSITORY, FILES, tmp_path / "dist")
