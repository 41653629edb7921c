"""The Makefile in a clone of its own: what it says, and when it installs again."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from controles.settings.config import read_settings
from controles.settings.config_values import SecureCookies

ROOT = Path(__file__).parents[1]
INPUTS = ("Makefile", "docker", "requirements", "frescor/pyproject.toml", "controles/pyproject.toml")

# Stands in for an interpreter: `-m venv` makes the folder, everything else succeeds and is noted down.
_FAKE_PYTHON = """#!/bin/sh
echo "$@" >> "{log}"
case "$*" in
*"-m venv"*)
    mkdir -p .venv/bin && cp "$0" .venv/bin/python
    echo "command = python -m venv --clear $PWD/.venv" > .venv/pyvenv.cfg ;;
{special}
esac
"""


class Clone:
    """A folder with the Makefile and what it reads, and a stand-in for python."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "calls"
        for name in INPUTS:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, target)
        self.python = self.fake_python("")

    def fake_python(self, special: str) -> Path:
        python = self.folder / "fake-python"
        python.write_text(_FAKE_PYTHON.format(log=self.log, special=special))
        python.chmod(0o755)
        return python

    def make(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", "--no-print-directory", *arguments, f"PYTHON={self.python}"],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self) -> list[str]:
        """What python was called with since the last time."""
        calls = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return calls

    def touch(self, name: str) -> None:
        """Make a file newer than everything else here, whatever the clock's resolution."""
        newest = max(path.stat().st_mtime for path in self.folder.rglob("*"))
        os.utime(self.folder / name, (newest + 1, newest + 1))


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path)


def test_make_alone_lists_every_target_that_is_for_people(clone: Clone) -> None:
    text = (ROOT / "Makefile").read_text()
    described = set(re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE))
    for shown in (clone.make().stdout, clone.make("help").stdout):
        assert {line.split()[1] for line in shown.splitlines()} == described
    assert {"run", "test", "check", "lock", "format", "bench", "cache-status", "cache-monitor"} <= described


def test_every_described_target_is_phony(clone: Clone) -> None:
    text = (ROOT / "Makefile").read_text()
    phony = {name for line in re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE) for name in line.split()}
    assert set(re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE)) <= phony


def test_the_first_run_installs_locked_with_hashes_and_then_both_distributions(clone: Clone) -> None:
    assert clone.make("run").returncode == 0
    installs = [call for call in clone.calls() if "-m pip" in call]
    assert len(installs) == 2
    assert "--require-hashes" in installs[0]
    assert "requirements/runtime.txt" in installs[0]
    assert "--no-deps --no-build-isolation --editable ./frescor --editable ./controles" in installs[1]


def test_later_runs_install_nothing(clone: Clone) -> None:
    clone.make("run")
    clone.calls()
    assert clone.make("run").returncode == 0
    assert clone.calls() == ["-m flask --app controles demo"]


def test_tests_add_what_they_need_to_the_same_environment(clone: Clone) -> None:
    clone.make("run")
    clone.calls()
    clone.make("test")
    installs = [call for call in clone.calls() if "-m pip" in call]
    assert len(installs) == 1
    assert "requirements/dev.txt" in installs[0]


def test_a_changed_lock_is_installed(clone: Clone) -> None:
    clone.make("run")
    clone.calls()
    clone.touch("requirements/runtime.txt")
    clone.make("run")
    assert any("requirements/runtime.txt" in call for call in clone.calls())


def test_a_moved_clone_makes_its_environment_anew(clone: Clone) -> None:
    clone.make("run")
    clone.calls()
    configuration = clone.folder / ".venv/pyvenv.cfg"
    configuration.write_text("command = python -m venv --clear /elsewhere/.venv\n")
    clone.make("run")
    assert any("-m venv" in call for call in clone.calls())


def test_an_install_that_failed_is_tried_again(clone: Clone) -> None:
    clone.python = clone.fake_python('*"-m pip"*) exit 1 ;;')
    assert clone.make("run").returncode != 0
    clone.calls()
    clone.make("run")
    assert any("requirements/runtime.txt" in call for call in clone.calls())


def test_a_python_that_is_too_old_is_refused_in_words(clone: Clone) -> None:
    clone.python = clone.fake_python('*"version_info"*) exit 1 ;;')
    done = clone.make("run")
    assert done.returncode != 0
    assert "is not python 3.11 or newer" in done.stderr
    assert "make run PYTHON=" in done.stderr


def test_a_python_without_venv_is_refused_with_what_to_install(clone: Clone) -> None:
    clone.python = clone.fake_python('*"ensurepip"*) exit 1 ;;')
    done = clone.make("run")
    assert done.returncode != 0
    assert "apt-get install python3-venv" in done.stderr


def test_no_python_at_all_is_said_in_words(clone: Clone) -> None:
    clone.python = Path()
    done = subprocess.run(["make", "run", "PYTHON="], cwd=clone.folder, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "needs python 3.11 or newer, and none was found" in done.stderr


def test_targets_at_once_install_one_after_the_other(clone: Clone) -> None:
    clone.make("-j4", "run", "test")
    installs = [call for call in clone.calls() if "-m pip" in call]
    assert len(installs) == len(set(installs)) == 3
    assert installs[0].endswith("requirements/runtime.txt")


def test_without_docker_one_line_says_so_and_what_works_without_it(clone: Clone) -> None:
    folder = clone.folder / "bin"
    folder.mkdir()
    for name in ("sh", "make", "dirname", "sed", "tail"):
        (folder / name).symlink_to(str(shutil.which(name)))
    for target in ("dev-up", "dev-down", "docker-build", "docker-restart", "docker-logs", "cache-backup"):
        done = subprocess.run(
            ["make", "--no-print-directory", target],
            cwd=clone.folder,
            env={"PATH": str(folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode != 0
        assert done.stderr.splitlines()[0] == "There is no Docker on this machine. Without it: make run"


def test_without_containers_the_local_cache_is_looked_at(clone: Clone) -> None:
    clone.make("run")
    clone.calls()
    assert clone.make("cache-keys", "ARGS=dashboard:*").returncode == 0
    assert clone.calls() == ["-m flask --app controles cache keys dashboard:*"]


def test_secrets_are_written_once_and_for_their_owner_alone(clone: Clone) -> None:
    assert clone.make("secrets").returncode == 0
    written = clone.folder / ".env"
    assert written.stat().st_mode & 0o777 == 0o600
    text = written.read_text()
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))
    needed = re.findall(r'^SECRETS="(?:\$SECRETS )?(.*)"$', (ROOT / "docker/stack").read_text(), re.MULTILINE)
    asked = set(" ".join(needed).split())
    assert asked >= set(re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text()))
    assert asked <= set(values)
    assert len({values[name] for name in asked}) == len(asked)
    assert min(len(values[name]) for name in asked) >= 24
    again = clone.make("secrets")
    assert again.returncode == 0
    assert "was left as it is" in again.stdout
    assert written.read_text() == text
    assert [path.name for path in clone.folder.glob(".env*")] == [".env"]


def test_secrets_from_before_are_kept_and_what_they_lack_is_added(clone: Clone) -> None:
    clone.make("secrets")
    written = clone.folder / ".env"
    added = ("AUDIT_KEY", "POSTGRES_OWNER_PASSWORD", "POSTGRES_OPERATOR_PASSWORD", "REDIS_LIMITS_PASSWORD")
    former = "".join(line for line in written.read_text().splitlines(keepends=True) if line.split("=")[0] not in added)
    written.write_text(former)
    done = clone.make("secrets")
    assert done.returncode == 0
    text = written.read_text()
    assert text.startswith(former)
    assert [line.split("=")[0] for line in text.removeprefix(former).splitlines()[1:]] == list(added)
    assert all(name in done.stdout for name in added)
    assert written.stat().st_mode & 0o777 == 0o600
    assert "was left as it is" in clone.make("secrets").stdout


def test_fresh_secrets_are_settings_that_are_accepted(clone: Clone, tmp_path: Path) -> None:
    clone.make("secrets")
    lines = (clone.folder / ".env").read_text().splitlines()
    environ = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    settings = read_settings({**environ, "CONTROLES_DATA": str(tmp_path), "CONTROLES_ENV": "production"})
    assert settings.cookie_secure is SecureCookies.AUTO
    assert settings.port == 5000
