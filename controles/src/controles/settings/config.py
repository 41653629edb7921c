"""All settings of the application: name in the environment, default, and purpose.

Everything that is wrong is reported at once, at the start, in sentences.
"""

# ruff: noqa: RUF009 - `_setting` is a dataclass field with what is known about it

import glob
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from controles.command_line.terminal import visible
from controles.settings.config_values import (
    Environment,
    SecureCookies,
    integer_between,
    parse_database_url,
    parse_email,
    parse_environment,
    parse_folder,
    parse_hours,
    parse_log_level,
    parse_mail_url,
    parse_minutes,
    parse_otp_secret,
    parse_password,
    parse_rate,
    parse_redis_url,
    parse_secret_key,
    parse_secret_keys,
    parse_secure_cookies,
    parse_text,
    password_everybody_knows,
    password_in,
)
from controles.settings.made_secrets import kept_secret, new_secret_key
from controles.settings.published import is_published_otp_secret, is_published_password, looks_made_up
from controles.settings.secret_files import SUFFIX, read_secret_files

_NO_ENVIRONMENT = (
    "CONTROLES_ENV: falta, e sem ela ninguém sabe se aqui há dados de pessoas. Defina CONTROLES_ENV=production numa "
    "instalação de verdade, ou CONTROLES_ENV=development para experimentar nesta máquina (make run faz isso)."
)


class ConfigError(SystemExit):
    """Settings with which the application cannot start; `problems` has one sentence for each.

    It is a SystemExit, because nothing can continue: uncaught, it ends the process with the sentences and no traceback.
    """

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        lines = "\n".join(f"  - {problem}" for problem in problems)
        super().__init__(visible(f"Controles não pode iniciar com esta configuração:\n{lines}"))


@dataclass(frozen=True, slots=True)
class SettingInfo:
    """Everything about a setting except its value."""

    name: str
    doc: str
    parse: Callable[[str], object]
    # The text used if it is missing. None: there is no default value, and `shown` describes what happens.
    default: str | None
    shown: str
    secret: bool


def _setting(
    name: str,
    doc: str,
    *,
    parse: Callable[[str], object],
    default: str | None = None,
    shown: str = "",
    secret: bool = False,
) -> Any:
    info = SettingInfo(name=name, doc=doc, parse=parse, default=default, shown=shown or default or "", secret=secret)
    return field(metadata={"info": info}, repr=not secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings, read once at the start and valid. None: not set, and without a default value."""

    environment: Environment = _setting(
        "CONTROLES_ENV",
        "production com dados de pessoas; development para experimentar, test para testes.",
        parse=parse_environment,
        shown="nenhum: é obrigatória (`make run` e os contêineres a definem)",
    )
    data: Path = _setting(
        "CONTROLES_DATA", "Pasta do banco SQLite e do que a instalação gera.", parse=parse_folder, default="./instance"
    )
    database_url: str = _setting(
        "DATABASE_URL",
        "sqlite:///… ou postgresql://…; um arquivo SQLite relativo fica em CONTROLES_DATA.",
        parse=parse_database_url,
        default="sqlite:///controles.db",
        secret=True,
    )
    redis_url: str | None = _setting(
        "REDIS_URL",
        "Redis ou Valkey do cache: redis://, redis-cluster:// ou redis-sentinel://; memory:// guarda só no processo.",
        parse=parse_redis_url,
        shown="um servidor próprio, só nesta máquina",
        secret=True,
    )
    rate_limit_url: str | None = _setting(
        "RATE_LIMIT_URL",
        "Redis ou Valkey que conta as tentativas de entrada.",
        parse=parse_redis_url,
        shown="o REDIS_URL; sem ele, cada processo conta as suas",
        secret=True,
    )
    secret_key: str = _setting(
        "SECRET_KEY",
        "Assina as sessões e cifra os segredos; obrigatória em produção.",
        parse=parse_secret_key,
        shown="criada em CONTROLES_DATA (só em development)",
        secret=True,
    )
    secret_key_fallbacks: tuple[str, ...] = _setting(
        "SECRET_KEY_FALLBACKS",
        "Chaves antigas, separadas por vírgula, que ainda são lidas.",
        parse=parse_secret_keys,
        default="",
        secret=True,
    )
    cpf_key: str | None = _setting(
        "CPF_KEY",
        "Cifra os CPFs; escolha antes do primeiro cadastro.",
        parse=parse_secret_key,
        shown="a SECRET_KEY",
        secret=True,
    )
    cpf_key_fallbacks: tuple[str, ...] = _setting(
        "CPF_KEY_FALLBACKS",
        "CPF_KEYs antigas, separadas por vírgula, que ainda são lidas.",
        parse=parse_secret_keys,
        default="",
        secret=True,
    )
    audit_key: str | None = _setting(
        "AUDIT_KEY",
        "Sela a auditoria. Com uma chave própria, trocar a SECRET_KEY não afeta os selos.",
        parse=parse_secret_key,
        shown="a SECRET_KEY",
        secret=True,
    )
    audit_key_fallbacks: tuple[str, ...] = _setting(
        "AUDIT_KEY_FALLBACKS",
        "AUDIT_KEYs antigas, separadas por vírgula, que ainda conferem selos.",
        parse=parse_secret_keys,
        default="",
        secret=True,
    )
    admin_email: str = _setting(
        "ADMIN_EMAIL", "Endereço com que a administração entra.", parse=parse_email, default="admin@controles.local"
    )
    admin_password: str | None = _setting(
        "ADMIN_PASSWORD",
        "Senha da administração; uma mudança aqui vale na próxima inicialização.",
        parse=parse_password,
        shown="criada em CONTROLES_DATA (só em development)",
        secret=True,
    )
    admin_otp_secret: str | None = _setting(
        "ADMIN_OTP_SECRET",
        "Segredo base32 do segundo fator da administração; uma mudança aqui pede novo cadastro na próxima entrada.",
        parse=parse_otp_secret,
        shown="criado em CONTROLES_DATA (só em development)",
        secret=True,
    )
    mail_url: str | None = _setting(
        "MAIL_URL",
        "Servidor que envia os lembretes: smtp://usuario:senha@servidor:587 (com STARTTLS) ou smtps://….",
        parse=parse_mail_url,
        shown="nenhum: cada e-mail fica num arquivo em CONTROLES_DATA/emails",
        secret=True,
    )
    mail_from: str | None = _setting(
        "MAIL_FROM",
        "Endereço em nome do qual os lembretes saem.",
        parse=parse_email,
        shown="o ADMIN_EMAIL",
    )
    log_dir: Path = _setting("LOG_DIR", "Pasta de controles.log e cache.log.", parse=parse_folder, default="./logs")
    log_level: str = _setting("LOG_LEVEL", "DEBUG, INFO, WARNING ou ERROR.", parse=parse_log_level, default="INFO")
    session_length: timedelta = _setting(
        "SESSION_HOURS", "Horas depois da entrada em que a sessão termina.", parse=parse_hours, default="12"
    )
    session_idle: timedelta = _setting(
        "SESSION_IDLE_MINUTES",
        "Minutos sem uso depois dos quais a sessão termina.",
        parse=parse_minutes,
        default="30",
    )
    cookie_secure: SecureCookies = _setting(
        "COOKIE_SECURE",
        "1: os cookies só vão por HTTPS; auto: também por http://127.0.0.1 e http://localhost, na própria máquina.",
        parse=parse_secure_cookies,
        shown="1 em production, 0 nos outros",
    )
    trusted_proxies: int = _setting(
        "TRUSTED_PROXIES", "Quantos proxies reversos ficam na frente.", parse=integer_between(0, 9), default="0"
    )
    login_rate: str = _setting(
        "LOGIN_RATE",
        "Tentativas de entrada por endereço IP.",
        parse=parse_rate,
        default="20 per minute;200 per hour",
    )
    api_rate: str = _setting(
        "API_RATE", "Pedidos à API por token.", parse=parse_rate, default="300 per minute;5000 per hour"
    )
    host: str = _setting("HOST", "Endereço em que `demo` e `serve` escutam.", parse=parse_text, default="127.0.0.1")
    port: int = _setting(
        "PORT", "Porta em que `demo` e `serve` escutam.", parse=integer_between(1, 65535), default="5000"
    )
    workers: int = _setting(
        "WEB_CONCURRENCY", "Quantos processos de `serve` atendem.", parse=integer_between(1, 64), default="2"
    )
    threads: int = _setting(
        "GUNICORN_THREADS",
        "Quantos pedidos cada processo de `serve` atende ao mesmo tempo.",
        parse=integer_between(1, 256),
        default="8",
    )

    @property
    def production(self) -> bool:
        return self.environment is Environment.PRODUCTION

    @property
    def secret_keys(self) -> tuple[str, ...]:
        """The present key first, then the former ones."""
        return (self.secret_key, *self.secret_key_fallbacks)

    @property
    def cpf_keys(self) -> tuple[str, ...]:
        """The key that encrypts CPFs now, then all others that may open them."""
        return self._ring(self.cpf_key, self.cpf_key_fallbacks)

    @property
    def audit_keys(self) -> tuple[str, ...]:
        """The key that seals the audit now, then all others whose seals are known."""
        return self._ring(self.audit_key, self.audit_key_fallbacks)

    @property
    def imports(self) -> Path:
        """The folder for the progress of imports in the background."""
        return self.data / "importacoes"

    def files(self) -> Iterator[Path]:
        """The database, if it is a file, the files beside it, and the logs."""
        url = make_url(self.database_url)
        if url.drivername.startswith("sqlite") and url.database:
            path = self.data / url.database
            yield from path.parent.glob(f"{glob.escape(path.name)}*")
        yield from self.log_dir.glob("*.log*")

    def _ring(self, own: str | None, fallbacks: tuple[str, ...]) -> tuple[str, ...]:
        present = self.secret_key if own is None else own
        return tuple(dict.fromkeys((present, *fallbacks, *self.secret_keys)))


def setting_infos() -> tuple[tuple[str, SettingInfo], ...]:
    """Each setting's attribute with its description, in the order of the documentation."""
    return tuple((entry.name, entry.metadata["info"]) for entry in fields(Settings))


def secret_names() -> tuple[str, ...]:
    """The settings that may also be in a file."""
    return tuple(info.name for _, info in setting_infos() if info.secret)


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings in `environ`, where an empty value counts as missing; ConfigError names everything that is wrong.

    A secret may also be in a file named by its variable with `_FILE`. Outside of production a missing SECRET_KEY is
    generated and kept in CONTROLES_DATA.
    """
    environ, problems = read_secret_files(environ, secret_names())
    values: dict[str, Any] = {}
    for attribute, info in setting_infos():
        raw = environ.get(info.name, "").strip() or info.default
        try:
            values[attribute] = None if raw is None else info.parse(raw)
        except ValueError as error:
            problems.append(f"{info.name}: {error}.")
    if "environment" in values and values["environment"] is None:
        problems.insert(0, _NO_ENVIRONMENT)
    production = values.get("environment") is Environment.PRODUCTION
    if production:
        problems += _production_problems(environ, values)
    if "data" in values:
        problems += _folder_problems(values["data"], values.get("database_url", ""))
    if problems:
        raise ConfigError(tuple(problems))
    if values["secret_key"] is None:
        values["secret_key"] = _kept_secret_key(values["data"])
    if values["cookie_secure"] is None:
        values["cookie_secure"] = SecureCookies.ALWAYS if production else SecureCookies.NEVER
    return Settings(**values)


def _production_problems(environ: Mapping[str, str], values: Mapping[str, Any]) -> list[str]:
    problems = []
    if not any(environ.get(name, "").strip() for name in ("SECRET_KEY", f"SECRET_KEY{SUFFIX}")):
        problems.append(
            "SECRET_KEY: falta, e produção precisa dela; crie uma com: flask --app controles make-secret-key."
        )
    known = {
        "ADMIN_PASSWORD": values.get("admin_password"),
        "DATABASE_URL": password_in(values.get("database_url")),
        "REDIS_URL": password_in(values.get("redis_url")),
        "RATE_LIMIT_URL": password_in(values.get("rate_limit_url")),
    }
    otp_secret = values.get("admin_otp_secret")
    if otp_secret is not None and is_published_otp_secret(otp_secret):
        problems.append(
            "ADMIN_OTP_SECRET: é um exemplo publicado; crie outro com: flask --app controles make-otp-secret."
        )
    problems += [
        f"{name}: tem uma chave de exemplo, ou que alguém digitou; crie outra com: flask --app controles "
        "make-secret-key, e troque-a como docs/keys.md descreve."
        for name, keys in (
            ("SECRET_KEY", [values.get("secret_key")]),
            ("SECRET_KEY_FALLBACKS", values.get("secret_key_fallbacks", ())),
            ("CPF_KEY", [values.get("cpf_key")]),
            ("CPF_KEY_FALLBACKS", values.get("cpf_key_fallbacks", ())),
            ("AUDIT_KEY", [values.get("audit_key")]),
            ("AUDIT_KEY_FALLBACKS", values.get("audit_key_fallbacks", ())),
        )
        if any(key is not None and looks_made_up(key) for key in keys)
    ]
    return problems + [
        f"{name}: a senha é uma das que todos conhecem; escolha outra, ou crie todas com: make secrets."
        for name, password in known.items()
        if password is not None and (password_everybody_knows(password) or is_published_password(password))
    ]


def _folder_problems(data: Path, database_url: str) -> list[str]:
    problems = []
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(data, os.W_OK | os.X_OK):
            raise PermissionError(None, "sem permissão de escrita")
    except OSError as error:
        problems.append(
            f"CONTROLES_DATA: não é possível escrever na pasta {data} ({error.strerror}); "
            "corrija as permissões ou escolha outra."
        )
    database = (make_url(database_url).database or "") if database_url.startswith("sqlite") else ""
    if database.startswith("/"):
        folder = Path(database).parent
        if not os.access(folder, os.W_OK | os.X_OK):
            problems.append(
                f"DATABASE_URL: a pasta {folder} não existe ou não aceita escrita; crie-a ou escolha outra."
            )
    return problems


def _kept_secret_key(data: Path) -> str:
    path = data / "secret-key"
    try:
        return parse_secret_key(kept_secret(path, new_secret_key))
    except OSError as error:
        raise ConfigError(
            (f"SECRET_KEY: não é possível guardar uma em {path} ({error.strerror}); defina a variável SECRET_KEY.",)
        ) from None
    except ValueError as error:
        raise ConfigError((f"SECRET_KEY: a que está em {path} {error}. Ou apague o arquivo.",)) from None
