"""Months and days for figures and their lists: both use these, so that a list shows what its figure counted."""

import datetime as dt

MONTHS_SHOWN = 12


def month_of(date: dt.date) -> dt.date:
    return date.replace(day=1)


def add_months(month: dt.date, months: int) -> dt.date:
    """The first day of the month that is `months` after the month of `month` (before, if negative)."""
    index = month.year * 12 + month.month - 1 + months
    return dt.date(index // 12, index % 12 + 1, 1)


def last_day(month: dt.date) -> dt.date:
    return add_months(month, 1) - dt.timedelta(days=1)


def months_between(first: dt.date, last: dt.date) -> list[dt.date]:
    """The months of both days and those between them, oldest first."""
    count = (last.year - first.year) * 12 + last.month - first.month
    return [add_months(first, later) for later in range(count + 1)]


def last_months(hoje: dt.date) -> tuple[dt.date, ...]:
    """The twelve months that end with the current one, oldest first."""
    return tuple(add_months(hoje, back) for back in range(1 - MONTHS_SHOWN, 1))


def last_30_days(hoje: dt.date) -> tuple[dt.date, dt.date]:
    """First and last day, both inclusive."""
    return hoje - dt.timedelta(days=29), hoje
