"""No file of an installation can be read by another user of the machine."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from controles.settings.private_files import make_private, open_private

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="rights of POSIX")

KEY = "q7Zs0vKx2Lw9RbTn4HdYc6JgMe1FpUaQ3oWi8XkB5"
SHEET = "nome;filiação;matrícula\nMaria da Silva;31/02/2020;=1+1\n"


def rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "import os; os.umask(0o000); from flask.cli import main; main()", *arguments],
        env={
            "PATH": os.environ["PATH"],
            "FLASK_APP": "controles",
            "CONTROLES_ENV": "test",
            "CONTROLES_DATA": str(folder / "instance"),
            "LOG_DIR": str(folder / "logs"),
            "REDIS_URL": "memory://",
            "SECRET_KEY": KEY,
        },
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )


def open_to_others(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if rights(path) & 0o077]


def test_database_logs_and_error_files_are_the_owners_alone(tmp_path: Path) -> None:
    assert run(tmp_path, "db-upgrade").returncode == 0
    sheet, errors = tmp_path / "sheet.csv", tmp_path / "errors.csv"
    sheet.write_text(SHEET)
    ran = run(tmp_path, "import-militantes", str(sheet), "--errors-only", str(errors))
    assert errors.exists(), ran.stderr
    sheet.unlink()
    assert open_to_others(tmp_path) == []
    assert "'=1+1" in errors.read_text("utf-8-sig")


def test_files_from_before_lose_the_rights_of_others(tmp_path: Path) -> None:
    assert run(tmp_path, "db-upgrade").returncode == 0
    for path in [*(tmp_path / "instance").glob("*.db*"), *(tmp_path / "logs").glob("*.log")]:
        path.chmod(0o644)
    assert open_to_others(tmp_path) != []
    assert run(tmp_path, "audit", "verify").returncode == 0
    assert open_to_others(tmp_path) == []


def test_a_file_that_is_written_over_becomes_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "errors.csv"
    path.write_text("old")
    path.chmod(0o666)
    with open_private(path, encoding="utf-8") as file:
        file.write("new")
    assert path.read_text() == "new"
    assert rights(path) == 0o600


def test_what_is_no_file_of_ones_own_is_left_alone(tmp_path: Path) -> None:
    other, link = tmp_path / "other", tmp_path / "link"
    other.write_text("")
    other.chmod(0o644)
    link.symlink_to(other)
    make_private([link, tmp_path / "missing", tmp_path])
    assert rights(other) == 0o644
