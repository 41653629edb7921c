"""Secrets that are made once and kept."""

import stat
import threading
from pathlib import Path

import pytest

from controles.settings.config_values import parse_otp_secret, parse_password, parse_secret_key
from controles.settings.made_secrets import kept_secret, new_otp_secret, new_password, new_secret_key


def test_what_is_made_is_accepted_by_its_setting() -> None:
    assert parse_secret_key(new_secret_key())
    assert parse_password(new_password())
    assert len(parse_otp_secret(new_otp_secret())) == 32


def test_a_secret_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "pasta" / "segredo"
    assert kept_secret(path, lambda: "primeiro") == kept_secret(path, lambda: "segundo") == "primeiro"


def test_a_secret_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "segredo"
    kept_secret(path, new_secret_key)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["segredo"]


def test_processes_that_start_together_get_the_same_secret(tmp_path: Path) -> None:
    start, got = threading.Barrier(8), set()

    def first_start() -> None:
        start.wait()
        got.add(kept_secret(tmp_path / "segredo", new_secret_key))

    threads = [threading.Thread(target=first_start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1


def test_a_folder_that_takes_no_file_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "arquivo").write_text("")
    with pytest.raises(OSError, match="arquivo"):
        kept_secret(tmp_path / "arquivo" / "segredo", new_secret_key)
