"""The load's figures: of samples, as tables, as a picture."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from load_traffic import Samples, Visit
from rich import box
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Result:
    """One run's figures; times in ms, "operations" are reads and registered payments. Statements leave the one out
    that asks at each request who is logged in; `all_statements` do not."""

    name: str
    rate: float
    operations: int
    per_second: float
    read_p50: float
    read_p90: float
    read_p99: float
    totals_p99: float
    write_p50: float
    write_p90: float
    write_p99: float
    statements_per_read: float
    statements_per_write: float
    statements: float
    all_statements: float
    reads_without_sql: float
    database_cpu_ms: float
    stale: int
    wrong: int


_ROWS = {
    "operations a second, as asked": "rate",
    "operations a second, as answered": "per_second",
    "read p50, ms": "read_p50",
    "read p90, ms": "read_p90",
    "read p99, ms": "read_p99",
    "totals that came after their page, p99, ms": "totals_p99",
    "write p50, ms": "write_p50",
    "write p90, ms": "write_p90",
    "write p99, ms": "write_p99",
    "statements for each read": "statements_per_read",
    "statements for each write": "statements_per_write",
    "statements for each operation": "statements",
    "the same with those about the log-in": "all_statements",
    "reads without a statement": "reads_without_sql",
    "PostgreSQL's processor time for each operation, ms": "database_cpu_ms",
    "stale reads": "stale",
    "answers that were wrong": "wrong",
}


def quantile(values: Sequence[float], part: float) -> float:
    """0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0


def result(name: str, rate: float, samples: Samples, cpu: float) -> Result:
    """What the samples of a run come to; cpu: PostgreSQL's, in seconds."""
    reads, writes = ([row[0] * 1000 for row in rows] for rows in (samples.reads, samples.writes))
    both = [*samples.reads, *samples.writes]
    operations = max(1, len(both))
    return Result(
        name=name,
        rate=rate,
        operations=len(both),
        per_second=len(both) / samples.elapsed if samples.elapsed else 0.0,
        read_p50=quantile(reads, 0.5),
        read_p90=quantile(reads, 0.9),
        read_p99=quantile(reads, 0.99),
        totals_p99=quantile([seconds * 1000 for seconds in samples.totals], 0.99),
        write_p50=quantile(writes, 0.5),
        write_p90=quantile(writes, 0.9),
        write_p99=quantile(writes, 0.99),
        statements_per_read=statistics.fmean(row[1] for row in samples.reads) if reads else 0.0,
        statements_per_write=statistics.fmean(row[1] for row in samples.writes) if writes else 0.0,
        statements=sum(row[1] for row in both) / operations,
        all_statements=sum(row[2] for row in both) / operations,
        reads_without_sql=sum(row[1] == 0 for row in samples.reads) / max(1, len(reads)),
        database_cpu_ms=cpu * 1000 / operations,
        stale=len(samples.stale),
        wrong=len(samples.wrong),
    )


def exactness(anew: dict[str, dict[str, int]]) -> float | None:
    """Of the values that were computed anew, how many had really changed; None if none was."""
    changed, same = (sum(counts.get(name, 0) for counts in anew.values()) for name in ("changed", "same"))
    return changed / (changed + same) if changed + same else None


def show(
    results: list[Result],
    anew: dict[str, dict[str, int]],
    cold: dict[str, list[Visit]],
    after: list[Visit],
    picture: Path | None,
) -> None:
    """Print the tables, and write them as a picture."""
    console = Console(width=110, record=picture is not None)
    table = Table(title="A mixed load: 90 % reads, 10 % registered payments", box=box.SIMPLE_HEAD)
    table.add_column("")
    for found in results:
        table.add_column(found.name, justify="right")
    if len(results) > 1:
        table.add_column("less", justify="right")
    for label, name in _ROWS.items():
        values = [float(getattr(found, name)) for found in results]
        less = [f"{1 - values[0] / values[1]:.0%}" if values[1] else "—"] if len(values) > 1 else []
        table.add_row(label, *map(_number, values), *less)
    console.print(table)
    console.print(_pages(cold, after))
    console.print(_loads(anew))
    if picture is not None:
        console.save_svg(str(picture), title="Controles under load")


def _pages(cold: dict[str, list[Visit]], after: list[Visit]) -> Table:
    table = Table(title="Each page: computed, and read after one payment of somebody else", box=box.SIMPLE_HEAD)
    table.add_column("")
    for name in (*cold, "after one payment"):
        table.add_column(f"{name}, ms", justify="right")
        table.add_column("SQL", justify="right")
    for rows in zip(*cold.values(), after, strict=True):
        cells = [cell for row in rows for cell in (f"{row.ms:,.1f}", str(row.statements))]
        table.add_row(rows[-1].path, *cells)
    return table


def _loads(anew: dict[str, dict[str, int]]) -> Table:
    table = Table(title="Computed anew, by policy", box=box.SIMPLE_HEAD)
    for title in ("", "first time", "had changed", "was the same", "exactness"):
        table.add_column(title, justify="right" if title else "left")
    total = {"first": 0, "changed": 0, "same": 0}
    for policy, counts in anew.items():
        for name in total:
            total[name] += counts.get(name, 0)
        table.add_row(policy, *_row(counts))
    table.add_row("all", *_row(total))
    return table


def _row(counts: dict[str, int]) -> tuple[str, str, str, str]:
    exact = exactness({"": counts})
    first, changed, same = (str(counts.get(name, 0)) for name in ("first", "changed", "same"))
    return first, changed, same, "—" if exact is None else f"{exact:.0%}"


def _number(value: float) -> str:
    return f"{value:,.2f}".rstrip("0").rstrip(".")
