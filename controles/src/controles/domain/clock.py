"""The organisation's local date and the present instant; the only place that reads the machine's clock."""

import datetime as dt
from collections.abc import Callable
from zoneinfo import ZoneInfo

from flask import current_app

LOCAL_ZONE = ZoneInfo("America/Sao_Paulo")


def utc_now() -> dt.datetime:
    """The present instant; tests put their own function in `app.extensions["clock"]`."""
    clock: Callable[[], dt.datetime] | None = current_app.extensions.get("clock")
    return clock() if clock else dt.datetime.now(dt.UTC)


def today() -> dt.date:
    """Today's date in São Paulo; what is overdue changes at midnight there."""
    return utc_now().astimezone(LOCAL_ZONE).date()
