"""What gunicorn loads: `gunicorn controles.wsgi:app`."""

import sys

from flask import Flask

from controles import create_app
from controles.contas.accounts import ensure_admin, require_tables
from controles.contas.installation import check_installation
from controles.importing.views import resume
from controles.services.cache_service import service_of
from controles.settings.config import ConfigError, Settings

# With this status gunicorn stops, instead of restarting the worker forever.
GUNICORN_APP_LOAD_ERROR = 4


def _start() -> Flask:
    try:
        application = create_app()
        settings: Settings = application.extensions["settings"]
        with application.app_context():
            require_tables()
            check_installation(settings)
            ensure_admin(settings)
    except ConfigError as error:
        print(error, file=sys.stderr)  # noqa: T201 - there may be no log to write it to
        raise SystemExit(GUNICORN_APP_LOAD_ERROR) from None
    # In the background, so that a server that is down does not delay the start.
    service_of(application).connect()
    resume(application)
    return application


app = _start()
