"""Figures as a person reads them."""

import pytest

from frescor.cli.wording import duration, latency, share, size


@pytest.mark.parametrize(
    ("count", "shown"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (256 << 20, "256.0 MiB"), (3 << 30, "3.0 GiB")],
)
def test_sizes(count: int, shown: str) -> None:
    assert size(count) == shown


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [
        (None, "no end"),
        (999, "999 ms"),
        (59_999, "59 s"),
        (90_000, "1 min 30 s"),
        (3_600_000, "1 h"),
        (90_061_000, "1 d 1 h"),
    ],
)
def test_durations(milliseconds: int | None, shown: str) -> None:
    assert duration(milliseconds) == shown


def test_shares_and_latencies() -> None:
    assert (share(None), share(0.333), share(1.0)) == ("–", "33.3%", "100.0%")
    assert (latency(87), latency(1500)) == ("87 µs", "1.5 ms")
