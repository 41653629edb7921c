"""Filters in the address: a frozen filter becomes a query string, and is read back equal.

The search, which names a person, is encrypted there (`search_seal.py`); everything else is readable.
"""

import dataclasses
import datetime as dt
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar, get_type_hints
from urllib.parse import urlencode

import msgspec
from flask import redirect, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from controles.db import MAX_ID
from controles.web import late_totals, search_seal
from controles.web.reader import current_author_id

Filter = TypeVar("Filter")

# Longer than any name; an address of a megabyte must not become a query.
MAX_TEXT = 120


def read_filter(kind: type[Filter], args: Mapping[str, str]) -> Filter:
    """A `kind` from the address's parameters. Invalid values are ignored, as if they had not been given."""
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        raw = args.get(field.name, "").strip()[:MAX_TEXT]
        if not raw:
            continue
        try:
            value = msgspec.convert(raw, hints[field.name], strict=False)
        except msgspec.ValidationError:
            continue
        # No id and no number of months is larger, and PostgreSQL refuses to compare either with a larger number.
        values[field.name] = max(-MAX_ID, min(value, MAX_ID)) if type(value) is int else value
    return kind(**values)


def write_filter(filtro: object) -> dict[str, str]:
    """The parameters from which `read_filter` makes an equal filter; defaults are left out."""
    pairs: dict[str, str] = {}
    for field in dataclasses.fields(filtro):  # type: ignore[arg-type]
        value = getattr(filtro, field.name)
        if value != field.default:
            pairs[field.name] = _written(value)
    return pairs


def address(path: str, pairs: Mapping[str, str]) -> str:
    """`path` with a query string of `pairs`."""
    return f"{path}?{urlencode(pairs)}" if pairs else path


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, dt.date):
        return value.isoformat()
    return str(value.value) if isinstance(value, Enum) else str(value)


def filter_of_request(kind: type[Filter]) -> Filter:
    """The filter in this request's address, with its search decrypted for the user of this request."""
    return read_filter(kind, search_seal.opened(request.args, usuario_id=current_author_id()))


def search_lost() -> bool:
    """Whether this request's search cannot be decrypted, because it is from another account or former keys."""
    args: MultiDict[str, str] = request.args
    carried = args.get(search_seal.PARAMETER, "")
    return bool(carried) and not search_seal.opened(args, usuario_id=current_author_id()).get(search_seal.FIELD)


def to_sealed_address(kind: type[Any]) -> Response | None:
    """A redirect to a list that was requested by a form, or by an address that names somebody; None if neither."""
    if request.method != "POST" and search_seal.FIELD not in request.args:
        return None
    written = read_filter(kind, request.form if request.method == "POST" else request.args)
    return redirect(sealed_address(url_for(request.endpoint or ""), write_filter(written)), 303)


def sealed_address(path: str, pairs: Mapping[str, str]) -> str:
    """`path` with a query string of `pairs`, with the search encrypted for the user of this request."""
    return address(path, search_seal.sealed(pairs, usuario_id=current_author_id()))


@dataclasses.dataclass(frozen=True, slots=True)
class ListLinks:
    """Addresses of one list: other pages with the same filter, or a changed filter."""

    endpoint: str
    filtro: Any

    def changed(self, **changes: object) -> str:
        """The list's first page, with `changes` to its filter."""
        return sealed_address(url_for(self.endpoint), write_filter(dataclasses.replace(self.filtro, **changes)))

    def page(self, cursor: str | None) -> str | None:
        """The page at `cursor`; None if there is no cursor."""
        if not cursor:
            return None
        return sealed_address(url_for(self.endpoint), {**write_filter(self.filtro), "cursor": cursor})

    @property
    def totals(self) -> str:
        """The list with its totals; asked for by the page's script, these alone."""
        return sealed_address(url_for(self.endpoint), {**write_filter(self.filtro), late_totals.PARAMETER: "1"})

    def whole(self, endpoint: str, formato: str) -> str:
        """The address of all rows with this filter, for printing or as a file."""
        return sealed_address(url_for(endpoint, formato=formato), write_filter(self.filtro))

    def hidden(self, *names: str) -> dict[str, str]:
        """The parts of the filter for which a form has no field, to be sent along with it."""
        return {name: value for name, value in write_filter(self.filtro).items() if name in names}
