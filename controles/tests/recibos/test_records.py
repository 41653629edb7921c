"""How receipts are called."""

from controles.recibos.records import name_of


def test_a_receipt_is_called_by_its_year_and_six_digits() -> None:
    assert name_of(2026, 123) == "2026/000123"
    assert name_of(2026, 1_234_567) == "2026/1234567"
