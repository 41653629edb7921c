"""Refuses requests that no page can use, before any page runs: invalid characters, and more fields than any form has.

Databases, logs and terminals each treat a NUL or an escape differently, and a statement takes a limited number of
values. Here the refusal is one sentence; later it would be an error in whatever meets them first.
"""

from collections.abc import Iterable

from flask import Flask, abort, request
from werkzeug.routing import IntegerConverter

from controles.domain.domain_errors import Invalid

# The largest form has a field for each open month of a militante: this allows more than a hundred years.
MOST_VALUES = 2000
# People type line breaks and tabs, but no other characters below a space.
_BLANKS = frozenset("\t\n\r")


class IdConverter(IntegerConverter):
    """A number in a path, up to the largest id; with a larger one the page does not exist."""

    regex = r"\d{1,19}"


def is_text(value: str) -> bool:
    """Whether `value` has neither control characters nor lone surrogates."""
    if value.isprintable():
        return True
    return not any(
        (character < " " or "\x7f" <= character < "\xa0" or "\ud800" <= character <= "\udfff")
        and character not in _BLANKS
        for character in value
    )


def init_app(app: Flask) -> None:
    """Check every request of `app`. Call it before routes are added, because it limits the numbers in them."""
    app.url_map.converters["int"] = IdConverter
    app.before_request(_check)


def _check() -> None:
    if request.endpoint == "static":
        return
    # The address first, so that no large body is read for an address that is refused.
    for values in (request.args, request.form):
        pairs = list(values.items(multi=True))
        if len(pairs) > MOST_VALUES:
            abort(413)
        if not _are_text(pairs) or (values is request.form and not _are_text(_names_of_files())):
            raise Invalid("", "O texto enviado tem caracteres que não se veem; digite-o de novo em vez de colar.")


def _names_of_files() -> list[tuple[str, str]]:
    return [(field, file.filename or "") for field, file in request.files.items(multi=True)]


def _are_text(pairs: Iterable[tuple[str | None, str]]) -> bool:
    # A part of a body may have no name.
    return all(name is not None and is_text(name) and is_text(value) for name, value in pairs)
