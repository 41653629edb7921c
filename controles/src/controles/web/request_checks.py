"""What no page has a use for is refused before any runs: characters that are no text, more fields than a form has.

A database, a log or a terminal each does something else with a NUL or an escape, and a statement takes only so many
values. Refused here they are one sentence; further on they would be an error of whatever met them first.
"""

from collections.abc import Iterable

from flask import Flask, abort, request
from werkzeug.routing import IntegerConverter

from controles.domain.domain_errors import Invalid

# The largest form has a field for each open month of a militante: a hundred years of them, and then some.
MOST_VALUES = 2000
# Line breaks and tabs are typed; nothing else below a space is.
_BLANKS = frozenset("\t\n\r")


class IdConverter(IntegerConverter):
    """A number in a path, as long as an id can be; a longer one is a page that does not exist."""

    regex = r"\d{1,19}"


def is_text(value: str) -> bool:
    """Whether `value` has neither control characters nor halves of characters."""
    if value.isprintable():
        return True
    return not any(
        (character < " " or "\x7f" <= character < "\xa0" or "\ud800" <= character <= "\udfff")
        and character not in _BLANKS
        for character in value
    )


def init_app(app: Flask) -> None:
    """Check every request of `app`; before the routes are added, whose numbers this bounds."""
    app.url_map.converters["int"] = IdConverter
    app.before_request(_check)


def _check() -> None:
    if request.endpoint == "static":
        return
    # The address first: a body that is too large is not read for an address that is refused.
    for values in (request.args, request.form):
        pairs = list(values.items(multi=True))
        if len(pairs) > MOST_VALUES:
            abort(413)
        if not _are_text(pairs) or (values is request.form and not _are_text(_names_of_files())):
            raise Invalid("", "O texto enviado tem caracteres que não se veem; digite-o de novo em vez de colar.")


def _names_of_files() -> list[tuple[str, str]]:
    return [(field, file.filename or "") for field, file in request.files.items(multi=True)]


def _are_text(pairs: Iterable[tuple[str | None, str]]) -> bool:
    # A part of a body can come without a name.
    return all(name is not None and is_text(name) and is_text(value) for name, value in pairs)
