"""Prices in other currencies, with `functools.lru_cache`."""

import json
from functools import lru_cache
from pathlib import Path

RATES = Path("rates.json")


@lru_cache(maxsize=1024)
def rates(day: str) -> dict[str, float]:
    print(f"  (the file is read for {day})")
    return json.loads(RATES.read_text())[day]


@lru_cache(maxsize=1024)
def price(cents: int, currency: str, day: str) -> int:
    return round(cents / rates(day)[currency])


def set_rate(day: str, currency: str, rate: float) -> None:
    table = json.loads(RATES.read_text()) if RATES.exists() else {}
    table.setdefault(day, {})[currency] = rate
    RATES.write_text(json.dumps(table))
    rates.cache_clear()
    price.cache_clear()


def main() -> None:
    set_rate("2026-03-01", "EUR", 6.0)
    set_rate("2026-03-01", "USD", 5.0)
    print("EUR", price(1200, "EUR", "2026-03-01"))
    print("USD", price(1200, "USD", "2026-03-01"))
    set_rate("2026-03-01", "USD", 4.0)
    print("USD", price(1200, "USD", "2026-03-01"))
    print(rates.cache_info())


if __name__ == "__main__":
    main()
