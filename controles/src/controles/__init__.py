"""Controles: militantes, cotas and pagamentos of a Brazilian organisation."""

import os
from collections.abc import Mapping

import click
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from controles import cli
from controles.ajuda import views as ajuda_views
from controles.api import token_pages
from controles.api import views as api_views
from controles.application import errors, health, page_context, session_cookie
from controles.application.extensions import alembic, csrf, db
from controles.assembleias import views as assembleias_views
from controles.auditoria import seals
from controles.auditoria import views as admin_views
from controles.banco import views as banco_views
from controles.busca import views as busca_views
from controles.caixa import views as caixa_views
from controles.carteiras import views as carteiras_views
from controles.contas import invitation_pages, keys, own_account, rate_limit, security, users_pages
from controles.contas import views as contas_views
from controles.copias import views as copias_views
from controles.cotas import views as cotas_views
from controles.domain.cpf import CpfVault
from controles.fechamento import views as fechamento_views
from controles.formularios import sealing
from controles.importing import sealing as importing_sealing
from controles.importing import views as importing_views
from controles.inadimplencia import views as inadimplencia_views
from controles.lembretes import views as lembretes_views
from controles.militantes import views as militantes_views
from controles.organizacao import views as organizacao_views
from controles.pagamentos import views as pagamentos_views
from controles.painel import views as painel_views
from controles.previsto_realizado import views as previsto_realizado_views
from controles.privacidade import views as privacidade_views
from controles.recebimentos import views as recebimentos_views
from controles.recibos import views as recibos_views
from controles.services import background, cache_service
from controles.settings import private_files
from controles.settings.config import ConfigError, Settings, read_settings, secret_names, setting_infos
from controles.settings.config_values import SecureCookies
from controles.settings.secret_files import SUFFIX
from controles.web import formatting, logs, nucleo_choices, request_checks, search_seal, security_headers

# Named by their modules, because a blueprint object with its package's name would hide the package.
VIEWS = (
    contas_views,
    own_account,
    token_pages,
    users_pages,
    invitation_pages,
    admin_views,
    painel_views,
    militantes_views,
    pagamentos_views,
    cotas_views,
    inadimplencia_views,
    lembretes_views,
    organizacao_views,
    banco_views,
    caixa_views,
    fechamento_views,
    previsto_realizado_views,
    recebimentos_views,
    recibos_views,
    assembleias_views,
    carteiras_views,
    importing_views,
    privacidade_views,
    busca_views,
    ajuda_views,
    api_views,
    copias_views,
)

DATABASE_PATIENCE_SECONDS = 5


def create_app(overrides: Mapping[str, str] | None = None) -> Flask:
    """The application, configured from the environment; `overrides` take precedence over variables of the same name.

    Raises ConfigError with everything that is wrong. Starts no server and connects to none.
    """
    settings = read_settings({**os.environ, **_known(overrides or {})})
    _refuse_development_server(settings)
    private_files.keep_new_files_private()
    # A relative SQLite path is relative to the instance folder.
    app = Flask(__name__, instance_path=str(settings.data))
    private_files.make_private(settings.files())
    app.extensions["settings"] = settings
    _configure(app, settings)
    session_cookie.init_app(app, settings)
    search_seal.init_app(app, settings)
    sealing.init_app(app, settings)
    importing_sealing.init_app(app, settings)
    background.init_app(app)
    logs.init_app(app, settings)
    security_headers.init_app(app, https=settings.cookie_secure is not SecureCookies.NEVER)
    db.init_app(app)
    alembic.init_app(app)
    request_checks.init_app(app)
    # Before the check of forms, so that forms refused there count, too.
    rate_limit.init_app(app, settings, contas_views.blueprint, own_account.blueprint, invitation_pages.blueprint)
    rate_limit.limit_api(app, settings, api_views.blueprint)
    csrf.init_app(app)
    keys.init_app(app, settings)
    seals.init_app(app, settings.audit_keys)
    app.extensions["cpf_vault"] = _cpf_vault(settings)
    security.init_app(app, settings)
    cache_service.init_app(app)
    errors.init_app(app)
    formatting.init_app(app)
    nucleo_choices.init_app(app)
    page_context.init_app(app)
    for views in VIEWS:
        app.register_blueprint(views.blueprint)
    health.init_app(app)
    cli.init_app(app)
    return app


def _configure(app: Flask, settings: Settings) -> None:
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SECRET_KEY_FALLBACKS=list(settings.secret_key_fallbacks),
        SQLALCHEMY_ENGINES={"default": _engine(settings.database_url)},
        # A form is valid for as long as the login.
        WTF_CSRF_TIME_LIMIT=None,
        MAX_CONTENT_LENGTH=32 * 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=1024 * 1024,
    )
    if settings.trusted_proxies:
        count = settings.trusted_proxies
        # No prefix: every redirect would begin with it, and many proxies pass on a header that the visitor wrote.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=count, x_prefix=0)  # type: ignore[method-assign]


def _engine(url: str) -> dict[str, object]:
    # Otherwise the values of a failed statement would appear in the logs.
    options: dict[str, object] = {"url": url, "hide_parameters": True}
    if url.startswith("postgresql"):
        options["connect_args"] = {
            # A server that does not answer must not block a request until the network gives up.
            "connect_timeout": DATABASE_PATIENCE_SECONDS,
            # For a database created in the C locale the driver would otherwise return bytes, not text.
            "client_encoding": "utf8",
        }
    return options


def _refuse_development_server(settings: Settings) -> None:
    context = click.get_current_context(silent=True)
    if settings.production and context is not None and context.info_name == "run":
        raise ConfigError(
            ("CONTROLES_ENV: é production, e flask run é para desenvolvimento; use: flask --app controles serve.",)
        )


def _known(overrides: Mapping[str, str]) -> Mapping[str, str]:
    names = {info.name for _, info in setting_infos()} | {name + SUFFIX for name in secret_names()}
    unknown = sorted(set(overrides) - names)
    if unknown:
        raise ConfigError(tuple(f"{name}: não existe uma configuração com esse nome." for name in unknown))
    return overrides


def _cpf_vault(settings: Settings) -> CpfVault:
    key, *previous = (secret.encode() for secret in settings.cpf_keys)
    return CpfVault(key, previous=tuple(previous))
