"""The month that an address names."""

import datetime as dt

import pytest
from flask import Flask

from controles.domain.domain_errors import NotFound
from controles.fechamento.months_in_paths import month_in_path


def test_a_month_is_written_with_its_year(sqlite_app: Flask) -> None:
    assert month_in_path("2026-02") == dt.date(2026, 2, 1)
    for wrong in ("2026-13", "2026-2", "1989-12", "2028-01", "٢٠٢٦-02", ""):
        with pytest.raises(NotFound):
            month_in_path(wrong)
