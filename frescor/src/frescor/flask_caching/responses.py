"""What views return, as plain data instead of pickles: responses, HTTP errors and markup."""

from dataclasses import dataclass
from typing import Any

from flask import Response, current_app, has_app_context
from markupsafe import Markup
from werkzeug.exceptions import HTTPException, default_exceptions
from werkzeug.wrappers import Response as AnyResponse

from frescor.errors import PolicyError


@dataclass(frozen=True, slots=True)
class KeptResponse:
    """A response, whole."""

    status: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class KeptError:
    """An HTTP error that a view raised."""

    status: int
    description: str | None
    response: KeptResponse | None


@dataclass(frozen=True, slots=True)
class KeptMarkup:
    """Text that a template has escaped."""

    text: str


# The types that values may have here, in addition to builtins.
KEPT = KeptResponse | KeptError | KeptMarkup | Any


def to_kept(value: Any) -> Any:
    """A value in its stored form; tuples such as `(response, status)` are converted item by item.

    Raises PolicyError for a file that is sent directly.
    """
    if isinstance(value, AnyResponse):
        if value.direct_passthrough:
            raise PolicyError(
                "a file that is sent directly cannot be cached: leave the view uncached, or read the file's content "
                "into a response."
            )
        return KeptResponse(value.status, tuple(value.headers.items()), value.get_data())
    if isinstance(value, HTTPException):
        response = None if value.response is None else to_kept(value.response)
        return KeptError(value.code or 500, value.description, response)
    if type(value) is Markup:
        return KeptMarkup(str(value))
    if type(value) is tuple:
        return tuple(map(to_kept, value))
    return value


def from_kept(value: Any) -> Any:
    """What `to_kept` was given, with the same value and meaning; an HTTP error becomes werkzeug's own of that
    status."""
    if isinstance(value, KeptResponse):
        kind: type[AnyResponse] = current_app.response_class if has_app_context() else Response
        return kind(value.body, value.status, list(value.headers))
    if isinstance(value, KeptError):
        error = default_exceptions.get(value.status, HTTPException)(
            value.description, None if value.response is None else from_kept(value.response)
        )
        error.code = value.status
        return error
    if isinstance(value, KeptMarkup):
        return Markup(value.text)  # noqa: S704 - it was Markup
    if type(value) is tuple:
        return tuple(map(from_kept, value))
    return value
