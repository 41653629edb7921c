"""Parsers of settings; each raises ValueError with half a sentence that says what is wrong and what to do."""

import binascii
import re
from base64 import b32decode
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

SHORTEST_SECRET_KEY = 32
SHORTEST_PASSWORD = 10
SHORTEST_OTP_SECRET = 16
LONGEST_OTP_SECRET = 128
_BASE32 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
_BASE32_LENGTHS = frozenset({0, 2, 4, 5, 7})
_REDIS_SCHEMES = frozenset({"redis", "rediss", "unix", "memory"})
_REDIS_GROUPS = re.compile(r"rediss?-(cluster|sentinel)")
_REDIS_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[\w.-]+)(?::([0-9]{1,5}))?")
_ESCAPES = "numa senha, escreva / como %2F, ? como %3F, # como %23, @ como %40 e % como %25"
_KNOWN_PASSWORDS = frozenset(
    {"", "admin", "changeme", "change-me", "controles", "default", "example", "foobared", "mude", "mudeme", "mude-me"}
    | {"password", "passwd", "postgres", "postgresql", "qwerty", "redis", "root", "secret", "senha", "test", "teste"}
    | {"administrador", "administrator", "adminadmin", "password123password", "replace-me", "your-password"}
)
_RATE = re.compile(r"\d+ per (second|minute|hour|day)(;\d+ per (second|minute|hour|day))*")


class Environment(StrEnum):
    """Where the application runs: development and test generate missing secrets, production requires them."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


class SecureCookies(StrEnum):
    """Whether a browser may send the cookie without HTTPS."""

    ALWAYS = "1"
    NEVER = "0"
    # Only with HTTPS, except for http://127.0.0.1 and http://localhost, which never leave the machine.
    AUTO = "auto"


def parse_text(raw: str) -> str:
    """Any text."""
    return raw


def parse_folder(raw: str) -> Path:
    """An absolute path; `~` is the home folder."""
    return Path(raw).expanduser().absolute()


def parse_environment(raw: str) -> Environment:
    """production, development or test."""
    try:
        return Environment(raw)
    except ValueError:
        raise ValueError(f"“{raw}” não existe; use production, development ou test") from None


def integer_between(lowest: int, highest: int) -> Callable[[str], int]:
    """A parser of integers from `lowest` to `highest`."""

    def parse(raw: str) -> int:
        if not re.fullmatch(r"\d{1,9}", raw) or not lowest <= int(raw) <= highest:
            raise ValueError(f"“{raw}” não serve; use um número inteiro de {lowest} a {highest}")
        return int(raw)

    return parse


def parse_hours(raw: str) -> timedelta:
    """Whole hours, at most a week."""
    return timedelta(hours=integer_between(1, 24 * 7)(raw))


def parse_minutes(raw: str) -> timedelta:
    """Whole minutes, at most a day."""
    return timedelta(minutes=integer_between(1, 24 * 60)(raw))


def parse_boolean(raw: str) -> bool:
    """1 or 0; sim and não are accepted, too."""
    if raw.lower() not in {"1", "0", "true", "false", "sim", "não", "nao"}:
        raise ValueError(f"“{raw}” não serve; use 1 (sim) ou 0 (não)")
    return raw.lower() in {"1", "true", "sim"}


def parse_secure_cookies(raw: str) -> SecureCookies:
    """1, 0 or auto."""
    if raw.lower() == "auto":
        return SecureCookies.AUTO
    try:
        return SecureCookies.ALWAYS if parse_boolean(raw) else SecureCookies.NEVER
    except ValueError:
        raise ValueError(f"“{raw}” não serve; use 1 (sim), 0 (não) ou auto") from None


def parse_email(raw: str) -> str:
    """An e-mail address, in lower case."""
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", raw) or len(raw) > 254:
        raise ValueError(f"“{raw}” não é um endereço de e-mail, por exemplo admin@organizacao.org.br")
    return raw.lower()


def parse_password(raw: str) -> str:
    """A password that is long enough."""
    if len(raw) < SHORTEST_PASSWORD:
        raise ValueError(f"tem {len(raw)} caracteres; use {SHORTEST_PASSWORD} ou mais")
    return raw


def parse_secret_key(raw: str) -> str:
    """A key that is long and varied enough."""
    if len(raw) < SHORTEST_SECRET_KEY:
        raise ValueError(
            f"tem {len(raw)} caracteres e precisa de {SHORTEST_SECRET_KEY} ou mais; "
            "crie uma com: flask --app controles make-secret-key"
        )
    if len(set(raw)) < 10:
        raise ValueError("repete poucos caracteres; crie uma com: flask --app controles make-secret-key")
    return raw


def parse_secret_keys(raw: str) -> tuple[str, ...]:
    """Keys separated by commas, each as long and varied as the present one must be."""
    keys = tuple(key.strip() for key in raw.split(",") if key.strip())
    for position, key in enumerate(keys, start=1):
        try:
            parse_secret_key(key)
        except ValueError as error:
            raise ValueError(f"a {position}ª chave {error}") from None
    return keys


def parse_otp_secret(raw: str) -> str:
    """The base32 secret in capitals, without spaces, hyphens and padding; ValueError says what is wrong."""
    advice = "crie um com: flask --app controles make-otp-secret"
    kept: list[str] = []
    body = raw.rstrip("=")
    for position, character in enumerate(body, start=1):
        if character in " -":
            continue
        if character.upper() not in _BASE32:
            raise ValueError(
                f"o caractere “{character}”, na posição {position}, não é base32 "
                f"(valem as letras de A a Z e os algarismos de 2 a 7); {advice}"
            )
        kept.append(character.upper())
    if not SHORTEST_OTP_SECRET <= len(kept) <= LONGEST_OTP_SECRET:
        raise ValueError(
            f"tem {len(kept)} caracteres base32 e precisa ter de {SHORTEST_OTP_SECRET} a {LONGEST_OTP_SECRET} "
            f"(recomendado: 32); {advice}"
        )
    secret = "".join(kept)
    try:
        if len(secret) % 8 not in _BASE32_LENGTHS:
            raise binascii.Error
        b32decode(secret + "=" * (-len(secret) % 8))
    except binascii.Error:
        raise ValueError(
            f"tem {len(secret)} caracteres, e nenhum segredo base32 tem esse comprimento (use 16, 26 ou 32); "
            f"falta ou sobra algum; {advice}"
        ) from None
    return secret


def parse_database_url(raw: str) -> str:
    """A database address for SQLAlchemy, with the installed driver."""
    scheme, separator, rest = raw.partition("://")
    if scheme in {"postgres", "postgresql"}:
        raw = f"postgresql+psycopg{separator}{rest}"
    try:
        url: URL | None = make_url(raw)
    except (ArgumentError, ValueError):
        url = None
    # Outside of `except`, and without any part of the address: any may be a part of its password.
    if url is None or "@" in (url.host or ""):
        raise ValueError(
            "não é um endereço de banco de dados; use sqlite:////pasta/controles.db "
            f"ou postgresql://usuario:senha@servidor/banco; {_ESCAPES}"
        )
    if url.drivername not in {"sqlite", "sqlite+pysqlite", "postgresql+psycopg"}:
        raise ValueError("o protocolo não é atendido; use sqlite:// ou postgresql://")
    return raw


def parse_mail_url(raw: str) -> str:
    """The address of a mail server."""
    try:
        parts = urlsplit(raw)
        whole = parts.scheme in {"smtp", "smtps"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        whole = False
    # Outside of `except`, and without any part of the address: any may be a part of its password.
    if not whole or parts.query or parts.fragment or parts.path.strip("/") or "@" in parts.path:
        raise ValueError(
            "não é um endereço de servidor de e-mail; use smtp://usuario:senha@servidor:587 ou "
            f"smtps://usuario:senha@servidor:465; {_ESCAPES}"
        )
    return raw


def parse_redis_url(raw: str) -> str:
    """The address of a Redis or Valkey server."""
    problem = _problem_of_redis_url(raw)
    # Without any part of the address: any may be a part of its password.
    if problem is not None:
        raise ValueError(problem)
    return raw


def _problem_of_redis_url(raw: str) -> str | None:
    example = "use redis://servidor:6379/0, rediss://… ou unix:///caminho.sock"
    try:
        parts = urlsplit(raw)
    except ValueError:
        return f"não é um endereço; {example}; {_ESCAPES}"
    group = _REDIS_GROUPS.fullmatch(parts.scheme)
    if group is None and parts.scheme not in _REDIS_SCHEMES:
        return f"o protocolo não é conhecido; {example}"
    host = parts.netloc.rpartition("@")[2]
    if group is not None:
        return _problem_of_group(parts, group[1])
    if parts.fragment or "@" in parts.query.partition("=")[0] or (parts.scheme != "unix" and "@" in parts.path):
        return f"sobra algo depois do servidor; {example}; {_ESCAPES}"
    if parts.scheme == "unix":
        return f"falta uma barra; {example}; {_ESCAPES}" if host or not parts.path.startswith("/") else None
    if parts.scheme == "memory":
        return None
    if not host:
        return f"falta o nome do servidor; {example}"
    if not _is_redis_host(host):
        return f"a porta não é um número de 1 a 65535, ou o nome do servidor não é um; {example}; {_ESCAPES}"
    if not re.fullmatch(r"(/[0-9]{0,9})?", parts.path):
        return f"depois do servidor só vem o número do banco; {example}; {_ESCAPES}"
    return None


def _problem_of_group(parts: SplitResult, kind: str) -> str | None:
    """What is wrong with the address of a cluster or of sentinels."""
    path = "/servico" if kind == "sentinel" else ""
    example = f"use redis-{kind}://servidor1:6379,servidor2:6379{path}"
    if parts.fragment or not all(map(_is_redis_host, parts.netloc.rpartition("@")[2].split(","))):
        return f"o que está no lugar de um servidor não é servidor:porta; {example}; {_ESCAPES}"
    steps = [step for step in parts.path.split("/") if step]
    if kind == "sentinel" and not (1 <= len(steps) <= 2 and all(step.isdecimal() for step in steps[1:])):
        return f"falta o nome do serviço depois dos sentinelas; {example}"
    if kind == "cluster" and steps not in ([], ["0"]):
        return f"um cluster só tem o banco 0; {example}"
    return None


def _is_redis_host(text: str) -> bool:
    found = _REDIS_HOST.fullmatch(text)
    return found is not None and 0 < int(found[2] or 6379) < 65536


def password_in(url: str | None) -> str | None:
    """The password in the address of a server, if there is one."""
    password = None if url is None else urlsplit(url).password
    return None if password is None else unquote(password)


def password_everybody_knows(password: str) -> bool:
    """Whether it is a password from examples or images, or a common one."""
    plain = password.lower().rstrip("0123456789!.-_@#")
    return plain in _KNOWN_PASSWORDS or len(set(password)) < 4


def parse_log_level(raw: str) -> str:
    """A level of the log."""
    if raw.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise ValueError(f"“{raw}” não existe; use DEBUG, INFO, WARNING ou ERROR")
    return raw.upper()


def parse_rate(raw: str) -> str:
    """Limits as Flask-Limiter writes them."""
    if not _RATE.fullmatch(raw):
        raise ValueError(f"“{raw}” não serve; use por exemplo 20 per minute;200 per hour")
    return raw
