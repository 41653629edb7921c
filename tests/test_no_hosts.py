"""No file names the place that packages come from: that is a matter of the machine, and differs between machines."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Written in pieces, or this file would name them.
_HOSTS = (
    "py" + r"pi\.org",
    "python" + r"hosted\.org",
    "npm" + r"js\.org",
    "deb" + r"ian\.org",
    r"\bjs" + "delivr",
    "un" + r"pkg\.com",
)
_OPTIONS = (
    r"--(?:extra-)?index" + "-url",
    "--find" + "-links",
    "--trusted" + "-host",
    "(?:PIP|UV)_(?:EXTRA_|DEFAULT_)?INDEX",
)
FORBIDDEN = re.compile("|".join((*_HOSTS, *_OPTIONS)))


def test_no_file_names_a_package_index_or_its_host() -> None:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listing.returncode != 0:
        pytest.skip("not a git clone: which files belong to the project is not known")
    found = []
    for name in filter(None, listing.stdout.decode().split("\0")):
        path = ROOT / name
        if not path.is_file():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        found += [f"{name}: {match.group()}" for match in FORBIDDEN.finditer(text)]
    assert found == []


@pytest.mark.parametrize("line", ["pip install --index" + "-url x", "https://py" + "pi.org/simple"])
def test_the_pattern_finds_one(line: str) -> None:
    assert FORBIDDEN.search(line)
