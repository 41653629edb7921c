"""The administrator's commands."""

import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import segno
from click.testing import CliRunner
from flask import Flask

from controles.contas.cli import make_otp_secret, make_secret_key, save_qr, terminal_qr
from controles.contas.enrolment import qr_code
from controles.settings.config_values import parse_otp_secret, parse_secret_key

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def test_the_code_is_the_one_that_gets_in(app: Flask, clock: Any, browser: Any) -> None:
    answer = app.test_cli_runner().invoke(args=["admin-code"])
    assert answer.exit_code == 0, answer.output
    browser.submit("/entrar", email="admin@exemplo.org", senha="uma senha de verdade")
    assert "Códigos de recuperação" in browser.submit("/primeiro-acesso", codigo=answer.output[:6]).text


def test_production_shows_no_code(make_app: Callable[..., Flask], sqlite_url: str) -> None:
    answer = make_app(DATABASE_URL=sqlite_url, CONTROLES_ENV="production").test_cli_runner().invoke(args=["admin-code"])
    assert answer.exit_code == 1
    assert "Em produção" in answer.output


def test_the_qr_code_is_shown_and_saved_for_its_owner_alone(app: Flask) -> None:
    answer = app.test_cli_runner().invoke(args=["admin-qr"])
    assert "JBSW Y3DP EHPK 3PXP" in answer.output
    saved = re.search(r"Salvo em: (.+), (.+)", answer.output)
    assert saved is not None
    for path in map(Path, saved.groups()):
        assert path.parent == app.extensions["settings"].data
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.stat().st_size > 100


def test_the_first_folder_that_takes_the_images_gets_them(tmp_path: Path) -> None:
    # A file where a folder should be cannot be written into, not even by root.
    blocked, free = tmp_path / "arquivo", tmp_path / "pasta"
    blocked.write_text("")
    free.mkdir()
    assert save_qr(qr_code(SECRET, account="a@b"), (blocked, free)) == (free / "admin-qr.png", free / "admin-qr.svg")


def test_no_folder_at_all_is_no_error(tmp_path: Path) -> None:
    blocked = tmp_path / "arquivo"
    blocked.write_text("")
    assert save_qr(qr_code(SECRET, account="a@b"), (blocked,)) == ()


def test_the_qr_code_in_the_terminal_is_the_qr_code() -> None:
    code = segno.make("otpauth://totp/x", micro=False)
    drawn = []
    for line in terminal_qr(code).splitlines():
        cells = re.sub(r"\x1b\[[\d;]*m", "", line)
        drawn.append([cell in "▀█" for cell in cells])
        drawn.append([cell in "▄█" for cell in cells])
    expected = [[bool(cell) for cell in row] for row in code.matrix_iter(border=2)]
    assert drawn[: len(expected)] == expected


@pytest.mark.parametrize(
    ("command", "parse"), [(make_otp_secret, parse_otp_secret), (make_secret_key, parse_secret_key)]
)
def test_what_is_made_is_accepted(command: Any, parse: Callable[[str], object]) -> None:
    first, second = (CliRunner().invoke(command).output.strip() for _ in range(2))
    assert parse(first)
    assert first != second
