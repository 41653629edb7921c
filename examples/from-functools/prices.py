"""Prices in other currencies, with Frescor."""

import json
import os
from pathlib import Path

from frescor import Cache

RATES = Path("rates.json")
cache = Cache.from_url(os.environ.get("REDIS_URL", "memory://"), namespace="prices")


@cache.cached(expire=3600, key_prefix="rates", tags=("day:{day}",))
def rates(day: str) -> dict[str, float]:
    print(f"  (the file is read for {day})")
    return json.loads(RATES.read_text())[day]


@cache.cached(expire=3600, key_prefix="price")
def price(cents: int, currency: str, day: str) -> int:
    return round(cents / rates(day)[currency])


def set_rate(day: str, currency: str, rate: float) -> None:
    table = json.loads(RATES.read_text()) if RATES.exists() else {}
    table.setdefault(day, {})[currency] = rate
    RATES.write_text(json.dumps(table))
    cache.invalidate(f"day:{day}")


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
