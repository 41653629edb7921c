"""Frescor in a Flask application."""

from frescor._extras import extra

with extra("flask", "frescor.flask"):
    from frescor.flask.extension import FlaskCache

__all__ = ["FlaskCache"]
