"""Frescor in a Flask application."""

from frescor._extras import extra
from frescor._http.storing import StoredResponse

with extra("flask", "frescor.flask"):
    from frescor.flask.extension import FlaskCache
    from frescor.flask.view import CachedView

__all__ = ["CachedView", "FlaskCache", "StoredResponse"]
