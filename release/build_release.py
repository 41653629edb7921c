"""Builds Frescor's wheel and source distribution for publication: `make release REPOSITORY=https://… FILES=https://…`.

The repository states no address of its own, and a package page shows links only with one. So a release is given both:
REPOSITORY, the page of the project, and FILES, the address below which that page shows the files of this release. They
are written into a copy: into the links of the README, and as URLs into the metadata. Refuses to build without them,
with a link to a file that does not exist, or with sentences that were not moved into the change log.
"""

import importlib
import os
import re
import shutil
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)")


class NotReady(Exception):
    """Why there can be no release, and what to do."""


def checked(name: str, address: str) -> str:
    """An address without its last slash."""
    if not re.fullmatch(r"https://[^\s/]+\.[^\s/]+(/\S*)?", address):
        raise NotReady(
            f"{name} is {address!r}, and a package page needs an address. Write make release "
            "REPOSITORY=https://<host>/<project> FILES=https://<host>/<project>/<path to the files of this tag>."
        )
    return address.rstrip("/")


def with_addresses(text: str, folder: Path, files: str) -> str:
    """A page of this folder, with the links to files of the repository made absolute."""

    def absolute(link: re.Match[str]) -> str:
        target = (folder / link[1]).resolve()
        if not target.exists():
            raise NotReady(f"{folder.name}/README.md links to {link[1]}, which does not exist: mend the link.")
        return f"]({files}/{target.relative_to(ROOT.resolve()).as_posix()}{link[2] or ''})"

    return _LINK.sub(absolute, text)


def with_urls(project: str, repository: str, files: str) -> str:
    """A pyproject.toml with the URLs of the metadata."""
    urls = f'[project.urls]\nSource = "{repository}"\nDocumentation = "{files}/frescor/docs/README.md"\n'
    return project.replace(
        "[project.scripts]", f'{urls}Changelog = "{files}/frescor/CHANGELOG.md"\n\n[project.scripts]'
    )


def check_change_log(folder: Path) -> None:
    """Raise NotReady unless the change log has this version, and all sentences for it."""
    version = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    waiting = sorted(path.name for path in (folder / "changes").glob("*.md") if path.name != "README.md")
    if waiting:
        raise NotReady(f"Move these into frescor/CHANGELOG.md, and delete them: frescor/changes/{', '.join(waiting)}.")
    if not re.search(
        rf"^## {re.escape(version)}\b", (folder / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE
    ):
        raise NotReady(f"frescor/CHANGELOG.md has no heading ## {version}, the version in frescor/pyproject.toml.")
    if f'__version__ = "{version}"' not in (folder / "src/frescor/__init__.py").read_text(encoding="utf-8"):
        raise NotReady(f"frescor.__version__ is not {version}, the version in frescor/pyproject.toml.")


def build(source: Path, repository: str, files: str, into: Path) -> list[Path]:
    """The two files that a release consists of."""
    repository, files = checked("REPOSITORY", repository), checked("FILES", files)
    check_change_log(source)
    into.mkdir(parents=True, exist_ok=True)
    backend: Any = importlib.import_module("flit_core.buildapi")
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / "frescor"
        shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        readme, project = copy / "README.md", copy / "pyproject.toml"
        readme.write_text(with_addresses(readme.read_text(encoding="utf-8"), source, files), encoding="utf-8")
        project.write_text(with_urls(project.read_text(encoding="utf-8"), repository, files), encoding="utf-8")
        before = Path.cwd()
        # The build backend reads the folder that it is run in.
        os.chdir(copy)
        try:
            return [into / backend.build_wheel(str(into)), into / backend.build_sdist(str(into))]
        finally:
            os.chdir(before)


if __name__ == "__main__":
    try:
        for made in build(ROOT / "frescor", sys.argv[1], sys.argv[2], ROOT / "dist"):
            sys.stdout.write(f"{made}\n")
    except NotReady as reason:
        sys.exit(str(reason))
