"""Secrets out of files."""

from pathlib import Path

import pytest

from controles.settings.config import ConfigError, read_settings
from controles.settings.secret_files import LARGEST, read_secret_files

KEY = "q7Zs0vKx2Lw9RbTn4HdYc6JgMe1FpUaQ3oWi8XkB5"


def test_a_secret_may_be_in_a_file_without_its_last_line_break(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(KEY + "\n")
    settings = read_settings(
        {"CONTROLES_ENV": "test", "CONTROLES_DATA": str(tmp_path), "SECRET_KEY_FILE": str(tmp_path / "key")}
    )
    assert settings.secret_key == KEY


def test_production_takes_every_secret_from_files(tmp_path: Path) -> None:
    secrets = {
        "SECRET_KEY": KEY,
        "CPF_KEY": KEY[::-1],
        "DATABASE_URL": "postgresql://controles:Hj3kL9pQ2w@db/controles",
        "REDIS_URL": "redis://controles:Hj3kL9pQ2w@redis:6379/0",
        "ADMIN_PASSWORD": "uma senha de teste bem comprida",
        "ADMIN_OTP_SECRET": "NQ6ZT3WVYK7DLC2JRXAP5HEGM4OBFSUI",
    }
    environ = {"CONTROLES_DATA": str(tmp_path), "CONTROLES_ENV": "production"}
    for name, value in secrets.items():
        (tmp_path / name).write_text(value)
        environ[f"{name}_FILE"] = str(tmp_path / name)
    settings = read_settings(environ)
    assert settings.admin_otp_secret == secrets["ADMIN_OTP_SECRET"]
    assert settings.redis_url == secrets["REDIS_URL"]
    assert settings.cpf_key == secrets["CPF_KEY"]


def test_what_is_wrong_with_a_file_is_said_without_its_content(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "large").write_text("x" * (LARGEST + 1))
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "good").write_text("s3nha")
    values, problems = read_secret_files(
        {
            "A_FILE": str(tmp_path / "absent"),
            "B_FILE": str(tmp_path / "empty"),
            "C_FILE": str(tmp_path / "large"),
            "D_FILE": str(tmp_path / "binary"),
            "E_FILE": str(tmp_path / "good"),
            "E": "outra",
        },
        "ABCDE",
    )
    said = [problem.split(":")[0] for problem in problems]
    assert said == ["A_FILE", "B_FILE", "C_FILE", "D_FILE", "E"]
    assert "está vazio" in problems[1]
    assert "deixe só uma" in problems[4]
    assert "s3nha" not in "".join(problems)
    assert values["E"] == "outra"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql://controles:postgres@db/controles"),
        ("REDIS_URL", "redis://:changeme@redis:6379/0"),
        ("RATE_LIMIT_URL", "redis://limites:redis123@redis:6379/0"),
        ("ADMIN_PASSWORD", "administrador"),
        ("ADMIN_PASSWORD", "password2024"),
        ("ADMIN_PASSWORD", "1234567890"),
        ("ADMIN_PASSWORD", "teste-admin-nacional-1"),
    ],
)
def test_production_refuses_passwords_that_everybody_knows(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_settings({"CONTROLES_DATA": str(tmp_path), "CONTROLES_ENV": "production", "SECRET_KEY": KEY, name: value})
    (problem,) = error.value.problems
    assert problem.startswith(f"{name}: ")
    assert "make secrets" in problem
    assert value not in problem
