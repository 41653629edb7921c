"""Filters in the address: a frozen filter becomes a query string and comes back the same."""

import dataclasses
import datetime as dt
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar, get_type_hints
from urllib.parse import urlencode

import msgspec
from flask import url_for

Filter = TypeVar("Filter")

# Longer than any name; an address of a megabyte must not become a query.
MAX_TEXT = 120


def read_filter(kind: type[Filter], args: Mapping[str, str]) -> Filter:
    """A `kind` made of what the address says. A value that cannot be one is left out, as if it had not been given."""
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        raw = args.get(field.name, "").strip()[:MAX_TEXT]
        if not raw:
            continue
        try:
            values[field.name] = msgspec.convert(raw, hints[field.name], strict=False)
        except msgspec.ValidationError:
            continue
    return kind(**values)


def write_filter(filtro: object) -> dict[str, str]:
    """The query string's pairs that `read_filter` turns into an equal filter; defaults are left out."""
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


@dataclasses.dataclass(frozen=True, slots=True)
class ListLinks:
    """Addresses of one list: the same filter on another page, or with one thing changed."""

    endpoint: str
    filtro: Any

    def changed(self, **changes: object) -> str:
        """The first page of the list with `changes` to its filter."""
        return address(url_for(self.endpoint), write_filter(dataclasses.replace(self.filtro, **changes)))

    def page(self, cursor: str | None) -> str | None:
        """The page at `cursor`; None where there is none."""
        return address(url_for(self.endpoint), {**write_filter(self.filtro), "cursor": cursor}) if cursor else None

    def hidden(self, *names: str) -> dict[str, str]:
        """Those parts of the filter that a form has no field for, to send along with it."""
        return {name: value for name, value in write_filter(self.filtro).items() if name in names}
