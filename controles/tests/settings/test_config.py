"""Settings: what is read, what is refused, and how that is said."""

import os
import secrets
import subprocess
import sys
import traceback
from datetime import timedelta
from pathlib import Path

import pytest

from controles import create_app
from controles.settings.config import ConfigError, read_settings, setting_infos
from controles.settings.config_values import (
    Environment,
    SecureCookies,
    parse_database_url,
    parse_otp_secret,
    parse_redis_url,
    password_in,
)
from controles.settings.published import known_users, looks_made_up

KEY = "q7Zs0vKx2Lw9RbTn4HdYc6JgMe1FpUaQ3oWi8XkB5"


def problems(tmp_path: Path, **environ: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as error:
        read_settings({"CONTROLES_ENV": "test", "CONTROLES_DATA": str(tmp_path), **environ})
    return error.value.problems


def test_a_development_machine_needs_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = read_settings({"CONTROLES_ENV": "development"})
    assert settings.environment is Environment.DEVELOPMENT
    assert settings.data == tmp_path / "instance"
    assert settings.log_dir == tmp_path / "logs"
    assert settings.database_url == "sqlite:///controles.db"
    assert settings.redis_url is None
    assert settings.session_length == timedelta(hours=12)
    assert settings.cookie_secure is SecureCookies.NEVER
    assert (settings.host, settings.port) == ("127.0.0.1", 5000)


@pytest.mark.parametrize("environ", [{}, {"CONTROLES_ENV": ""}, {"CONTROLES_ENV": "  "}])
def test_an_environment_that_is_not_named_is_none(
    tmp_path: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as error:
        read_settings(environ)
    (problem,) = error.value.problems
    assert problem.startswith("CONTROLES_ENV: falta")
    assert "CONTROLES_ENV=production" in problem
    assert "CONTROLES_ENV=development" in problem


def test_an_empty_value_counts_as_none(tmp_path: Path) -> None:
    assert (
        read_settings(
            {"CONTROLES_ENV": "test", "CONTROLES_DATA": str(tmp_path), "REDIS_URL": "", "PORT": " "}
        ).redis_url
        is None
    )


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
    assert settings.cookie_secure is SecureCookies.ALWAYS


def test_development_makes_its_key_once(tmp_path: Path) -> None:
    environ = {"CONTROLES_ENV": "development", "CONTROLES_DATA": str(tmp_path)}
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
    assert problem.startswith("CONTROLES_DATA: não é possível escrever na pasta")


def test_a_database_in_a_folder_that_is_missing_is_said_so(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, DATABASE_URL=f"sqlite:///{tmp_path}/nada/controles.db")
    assert problem.startswith("DATABASE_URL: a pasta")


def test_secrets_are_not_in_the_settings_text(tmp_path: Path) -> None:
    settings = read_settings(
        {
            "CONTROLES_ENV": "test",
            "CONTROLES_DATA": str(tmp_path),
            "SECRET_KEY": KEY,
            "ADMIN_PASSWORD": "uma senha de verdade",
            "DATABASE_URL": "postgresql://ana:s3nha@servidor/banco",
        }
    )
    assert not any(secret in repr(settings) for secret in (KEY, "uma senha", "s3nha"))


def test_an_override_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="REDIS_ULR: não existe"):
        create_app({"CONTROLES_ENV": "test", "CONTROLES_DATA": str(tmp_path), "REDIS_ULR": "memory://"})


def run(tmp_path: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        env={
            "PATH": os.environ["PATH"],
            "CONTROLES_ENV": "development",
            "CONTROLES_DATA": str(tmp_path),
            "REDIS_URL": "memory://",
            **environ,
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("command", [("db-upgrade",), ("serve",), ("demo",), ("seed-users",), ("run",)])
def test_no_command_runs_where_the_environment_is_not_named(tmp_path: Path, command: tuple[str, ...]) -> None:
    ended = run(tmp_path, "flask", "--app", "controles", *command, CONTROLES_ENV="")
    assert ended.returncode == 1
    assert "CONTROLES_ENV: falta" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_production_is_not_served_by_the_development_server(tmp_path: Path) -> None:
    ended = run(tmp_path, "flask", "--app", "controles", "run", CONTROLES_ENV="production", SECRET_KEY=KEY)
    assert ended.returncode == 1
    assert "flask --app controles serve" in ended.stderr


PUBLISHED_KEYS = [
    "a-key-that-only-these-tests-use-0123456789",
    "change-me-change-me-change-me-change-me-42",
    "this-is-my-very-own-secret-key-for-flask!!",
    "abcdefghijklmnopqrstuvwxyz0123456789ABCDEF",
    "9876543210ZYXWVUTSRQPONMLKJIHGFEDCBA98765",
    "gK3pWz8sQ1gK3pWz8sQ1gK3pWz8sQ1gK3pWz8sQ1",
    "gK3pWz8sQ1vLmN7tgK3pWz8sQ1vLmN7t",
]


@pytest.mark.parametrize("key", PUBLISHED_KEYS)
@pytest.mark.parametrize("name", ["SECRET_KEY", "SECRET_KEY_FALLBACKS", "CPF_KEY", "CPF_KEY_FALLBACKS"])
def test_production_refuses_keys_that_were_not_drawn_at_random(tmp_path: Path, name: str, key: str) -> None:
    (problem,) = problems(tmp_path, **{"CONTROLES_ENV": "production", "SECRET_KEY": KEY, name: key})
    assert problem.startswith(f"{name}: tem uma chave de exemplo")
    assert "make-secret-key" in problem
    assert key not in problem


def test_keys_that_were_drawn_at_random_are_accepted(tmp_path: Path) -> None:
    for key in (secrets.token_urlsafe(32), secrets.token_hex(32), secrets.token_hex(16)):
        # Once in ten thousand times one of them holds a word.
        if not looks_made_up(key):
            read_settings({"CONTROLES_ENV": "production", "CONTROLES_DATA": str(tmp_path), "SECRET_KEY": key})
    assert sum(looks_made_up(secrets.token_urlsafe(32)) for _ in range(200)) <= 3


@pytest.mark.parametrize("name", ["SECRET_KEY_FALLBACKS", "CPF_KEY_FALLBACKS"])
def test_a_former_key_must_be_as_good_as_the_present_one(tmp_path: Path, name: str) -> None:
    (problem,) = problems(tmp_path, **{name: f"{KEY},curta"})
    assert problem.startswith(f"{name}: a 2ª chave tem 5 caracteres")


@pytest.mark.parametrize("secret", ["JBSWY3DPEHPK3PXP", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "known"])
def test_production_refuses_published_second_factors(tmp_path: Path, secret: str) -> None:
    value = known_users()[0].totp_secret if secret == "known" else secret
    (problem,) = problems(tmp_path, CONTROLES_ENV="production", SECRET_KEY=KEY, ADMIN_OTP_SECRET=value)
    assert problem.startswith("ADMIN_OTP_SECRET: é um exemplo publicado")


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
    assert read_settings({"CONTROLES_ENV": "test", "CONTROLES_DATA": str(tmp_path), "REDIS_URL": url}).redis_url == url


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
        read_settings({"CONTROLES_ENV": "test", "CONTROLES_DATA": str(tmp_path), name: address.format(password)})
    shown = "".join(traceback.format_exception(refused.value))
    error: BaseException | None = refused.value
    while error is not None:
        shown += str(error)
        error = error.__cause__ or error.__context__
    assert not [start for start in range(len(password) - 3) if password[start : start + 4] in shown]
