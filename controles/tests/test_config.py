"""Settings: what is read, what is refused, and how that is said."""

import os
import subprocess
import sys
import traceback
from datetime import timedelta
from pathlib import Path

import pytest

from controles import create_app
from controles.config import ConfigError, read_settings, setting_infos
from controles.config_values import Environment, parse_database_url, parse_otp_secret, parse_redis_url, password_in

KEY = "a-key-that-only-these-tests-use-0123456789"


def problems(tmp_path: Path, **environ: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as error:
        read_settings({"CONTROLES_DATA": str(tmp_path), **environ})
    return error.value.problems


def test_an_empty_environment_is_a_development_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = read_settings({})
    assert settings.environment is Environment.DEVELOPMENT
    assert settings.data == tmp_path / "instance"
    assert settings.log_dir == tmp_path / "logs"
    assert settings.database_url == "sqlite:///controles.db"
    assert settings.redis_url is None
    assert settings.session_length == timedelta(hours=12)
    assert settings.cookie_secure is False
    assert (settings.host, settings.port) == ("127.0.0.1", 5000)


def test_an_empty_value_counts_as_none(tmp_path: Path) -> None:
    assert read_settings({"CONTROLES_DATA": str(tmp_path), "REDIS_URL": "", "PORT": " "}).redis_url is None


def test_every_setting_has_one_name_and_one_line(tmp_path: Path) -> None:
    infos = [info for _, info in setting_infos()]
    assert len({info.name for info in infos}) == len(infos)
    assert all(info.doc and "\n" not in info.doc for info in infos)


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        CONTROLES_ENV="produção",
        DATABASE_URL="mysql://servidor/banco",
        REDIS_URL="http://servidor",
        SECRET_KEY="curta",
        ADMIN_EMAIL="admin",
        ADMIN_PASSWORD="123",
        ADMIN_OTP_SECRET="JBSW1Y3D",
        SESSION_HOURS="meia",
        COOKIE_SECURE="talvez",
        TRUSTED_PROXIES="-1",
        LOGIN_RATE="muitas",
        LOG_LEVEL="ALTO",
        PORT="99999",
    )
    assert [problem.split(":")[0] for problem in found] == [
        "CONTROLES_ENV",
        "DATABASE_URL",
        "REDIS_URL",
        "SECRET_KEY",
        "ADMIN_EMAIL",
        "ADMIN_PASSWORD",
        "ADMIN_OTP_SECRET",
        "LOG_LEVEL",
        "SESSION_HOURS",
        "COOKIE_SECURE",
        "TRUSTED_PROXIES",
        "LOGIN_RATE",
        "PORT",
    ]


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        ("JBSW1Y3DPEHPK3PX", "o caractere “1”, na posição 5, não é base32"),
        ("JBSW Y3DP 0HPK 3PX", "o caractere “0”, na posição 11"),
        ("JBSWY3DP", "tem 8 caracteres base32 e precisa ter de 16 a 128"),
        ("JBSWY3DPEHPK3PXPJ", "nenhum segredo base32 tem esse comprimento"),
        ("çBSWY3DPEHPK3PXP", "o caractere “ç”, na posição 1"),
    ],
)
def test_a_wrong_otp_secret_is_explained(tmp_path: Path, secret: str, said: str) -> None:
    (problem,) = problems(tmp_path, ADMIN_OTP_SECRET=secret)
    assert said in problem
    assert "flask --app controles make-otp-secret" in problem
    # One character is told; the secret is not.
    assert secret not in problem


@pytest.mark.parametrize(
    "written", ["JBSWY3DPEHPK3PXP", "jbsw y3dp ehpk 3pxp", "JBSW-Y3DP-EHPK-3PXP", "JBSWY3DPEHPK3PXP======"]
)
def test_an_otp_secret_may_be_written_as_applications_show_it(written: str) -> None:
    assert parse_otp_secret(written) == "JBSWY3DPEHPK3PXP"


def test_production_needs_a_key_and_sends_cookies_by_https_only(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, CONTROLES_ENV="production")
    assert "SECRET_KEY: falta" in problem
    assert "make-secret-key" in problem
    settings = read_settings({"CONTROLES_DATA": str(tmp_path), "CONTROLES_ENV": "production", "SECRET_KEY": KEY})
    assert settings.cookie_secure is True


def test_development_makes_its_key_once(tmp_path: Path) -> None:
    environ = {"CONTROLES_DATA": str(tmp_path)}
    assert read_settings(environ).secret_key == read_settings(environ).secret_key


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgres://ana:s3nha@servidor/banco", "postgresql+psycopg://ana:s3nha@servidor/banco"),
        ("postgresql://servidor/banco", "postgresql+psycopg://servidor/banco"),
        ("postgresql+psycopg://servidor/banco", "postgresql+psycopg://servidor/banco"),
        ("sqlite:///x.db", "sqlite:///x.db"),
    ],
)
def test_a_database_address_gets_the_driver_that_is_installed(given: str, used: str) -> None:
    assert parse_database_url(given) == used


@pytest.mark.parametrize(
    "address", ["redis://servidor:6379/0", "rediss://:s3nha@servidor", "unix:///tmp/x.sock", "memory://"]
)
def test_redis_addresses_that_are_accepted(address: str) -> None:
    assert parse_redis_url(address) == address


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("redis://servidor:porta", "a porta"),
        ("redis://servidor:99999", "a porta"),
        ("redis:///0", "falta o nome do servidor"),
        ("servidor:6379", "o protocolo não é conhecido"),
        ("redis://servidor/banco", "o número do banco"),
        ("unix://tmp/x.sock", "falta uma barra"),
    ],
)
def test_redis_addresses_that_are_refused(address: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_redis_url(address)


def test_a_data_folder_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    blocked = tmp_path / "arquivo"
    blocked.write_text("")
    (problem,) = problems(tmp_path, CONTROLES_DATA=str(blocked / "dados"))
    assert problem.startswith("CONTROLES_DATA: não dá para escrever na pasta")


def test_a_database_in_a_folder_that_is_missing_is_said_so(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, DATABASE_URL=f"sqlite:///{tmp_path}/nada/controles.db")
    assert problem.startswith("DATABASE_URL: a pasta")


def test_secrets_are_not_in_the_settings_text(tmp_path: Path) -> None:
    settings = read_settings(
        {
            "CONTROLES_DATA": str(tmp_path),
            "SECRET_KEY": KEY,
            "ADMIN_PASSWORD": "uma senha de verdade",
            "DATABASE_URL": "postgresql://ana:s3nha@servidor/banco",
        }
    )
    assert not any(secret in repr(settings) for secret in (KEY, "uma senha", "s3nha"))


def test_an_override_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="REDIS_ULR: não existe"):
        create_app({"CONTROLES_DATA": str(tmp_path), "REDIS_ULR": "memory://"})


def run(tmp_path: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        env={"PATH": os.environ["PATH"], "CONTROLES_DATA": str(tmp_path), "REDIS_URL": "memory://", **environ},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("command", [("db-upgrade",), ("--help",)])
def test_a_command_ends_with_sentences_and_no_traceback(tmp_path: Path, command: tuple[str, ...]) -> None:
    ended = run(tmp_path, "flask", "--app", "controles", *command, ADMIN_OTP_SECRET="JBSW1Y3DPEHPK3PX", PORT="x")
    assert ended.returncode == 1
    assert "Controles não pode iniciar com esta configuração:" in ended.stderr
    assert "posição 5" in ended.stderr
    assert "PORT:" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_gunicorn_stops_with_sentences_and_no_traceback(tmp_path: Path) -> None:
    ended = run(
        tmp_path,
        "gunicorn",
        "--bind",
        f"unix:{tmp_path}/x.sock",
        "--no-control-socket",
        "controles.wsgi:app",
        ADMIN_OTP_SECRET="JBSW1Y3DPEHPK3PX",
    )
    assert ended.returncode == 4
    assert "posição 5" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_secrets_can_be_made_before_the_settings_are_right(tmp_path: Path) -> None:
    made = run(tmp_path, "flask", "--app", "controles", "make-otp-secret", ADMIN_OTP_SECRET="1")
    assert parse_otp_secret(made.stdout.strip())


@pytest.mark.parametrize(
    "url",
    [
        "redis-cluster://servidor1:6379,servidor2",
        "rediss-cluster://controles:Hj3kL9pQ2w@[::1]:6379,servidor2:6380/0",
        "redis-sentinel://s1:26379,s2:26379,s3:26379/cache/0",
    ],
)
def test_the_cache_may_be_a_cluster_or_named_by_sentinels(tmp_path: Path, url: str) -> None:
    assert read_settings({"CONTROLES_DATA": str(tmp_path), "REDIS_URL": url}).redis_url == url


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis-cluster://", "não é servidor:porta"),
        ("redis-cluster://servidor:porta", "não é servidor:porta"),
        ("redis-cluster://servidor/3", "só tem o banco 0"),
        ("redis-sentinel://servidor", "falta o nome do serviço"),
    ],
)
def test_a_wrong_cluster_or_service_is_said(tmp_path: Path, url: str, said: str) -> None:
    (problem,) = problems(tmp_path, REDIS_URL=url)
    assert said in problem


def test_a_password_in_an_address_is_known_however_it_is_written() -> None:
    assert password_in("redis-cluster://user:%63hangeme@a:1,b:2") == "changeme"
    assert password_in("redis://a:1/0") is None


ADDRESSES_WITH_MISTAKES = (
    "{0}",
    "{0}://servidor",
    "ana:{0}@servidor",
    "redis://ana:{0}",
    "redis://{0}@",
    "redis://ana:{0}@servidor:porta",
    "redis://ana:12/{0}@servidor",
    "redis://ana:12?{0}@servidor",
    "redis://ana:12#{0}@servidor",
    "redis://ana:{0}@[::1",
    "redis://:[{0}]@servidor",
    "redis://ana:{0}℀@servidor",
    "unix://{0}/caminho",
    "redis-cluster://ana:{0}",
    "redis-cluster://ana,{0}@x:y,z",
    "redis-sentinel://ana:{0}@a,b",
    "postgresql://ana:{0}",
    "postgresql://ana:a@{0}@servidor/banco",
    "postgresql://ana:{0}@servidor:porta/banco",
    "postgresql+{0}://servidor/banco",
)


@pytest.mark.parametrize("name", ["REDIS_URL", "RATE_LIMIT_URL", "DATABASE_URL"])
@pytest.mark.parametrize("address", ADDRESSES_WITH_MISTAKES)
def test_an_address_with_a_mistake_shows_no_part_of_its_password(tmp_path: Path, name: str, address: str) -> None:
    password = "Xq7-Zw9_Kj4Vb2"
    with pytest.raises(ConfigError) as refused:
        read_settings({"CONTROLES_DATA": str(tmp_path), name: address.format(password)})
    shown = "".join(traceback.format_exception(refused.value))
    error: BaseException | None = refused.value
    while error is not None:
        shown += str(error)
        error = error.__cause__ or error.__context__
    assert not [start for start in range(len(password) - 3) if password[start : start + 4] in shown]
