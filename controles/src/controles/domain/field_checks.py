"""Checks of single values that several services use; each error names the field."""

import datetime as dt

from controles.domain.domain_errors import Invalid

# Earlier dates are typing errors, such as 0202 for 2022.
FIRST_DATE = dt.date(1900, 1, 1)


def one_line(field: str, value: str | None, *, longest: int) -> str | None:
    """`value` with single spaces; None if it consists only of spaces."""
    if value is None:
        return None
    text = " ".join(value.split())
    if not text.isprintable():
        raise Invalid(field, "O texto tem caracteres que não se veem; digite-o de novo em vez de colar.")
    if len(text) > longest:
        raise Invalid(field, f"O texto tem {len(text)} caracteres e cabem {longest}; encurte-o.")
    return text or None


def past_date(field: str, value: dt.date, *, hoje: dt.date) -> dt.date:
    """`value`, unless it is in the future or implausibly long ago."""
    if value > hoje:
        raise Invalid(field, f"A data {value:%d/%m/%Y} ainda não chegou; use hoje ou uma data anterior.")
    if value < FIRST_DATE:
        raise Invalid(field, f"A data {value:%d/%m}/{value.year:04d} é antiga demais; confira o ano.")
    return value
