"""Frescor in a Flask application."""

from frescor.flask.extension import FlaskCache

__all__ = ["FlaskCache"]
