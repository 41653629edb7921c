"""The tables that the commands print."""

from collections.abc import Mapping

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from frescor._runtime.events import PolicyStats
from frescor.cli.sampling import Rates, Sample, misses
from frescor.cli.wording import latency, plain, share, size


def server_lines(sample: Sample, entries: str | None = None) -> RenderableType:
    """The server, its memory and the overall hit rate; or why there is nothing to show."""
    if sample.server is None:
        return Text(f"The cache's server does not answer: {plain(sample.reason or '')}", style="bold red")
    server, total = sample.server, sample.total
    grid = Table.grid(padding=(0, 2))
    says = plain(f"{server.kind} {server.version}, answers in {latency(server.latency_us)}")
    # As text: in a string, rich takes brackets for markup.
    grid.add_row("server", Text(says))
    if server.used_memory is not None:
        limit = f" of {size(server.max_memory)}" if server.max_memory else ", without a limit of its own"
        grid.add_row("memory", f"{size(server.used_memory)}{limit}")
    if entries is not None:
        grid.add_row("entries", entries)
    grid.add_row("hit rate", f"{share(total.hit_rate)} of {total.calls:,} calls; {total.errors:,} errors")
    return grid


def policy_table(policies: Mapping[str, PolicyStats]) -> RenderableType:
    """The results of each policy's calls."""
    if not policies:
        return Text("Nothing has been asked of this cache yet.")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("policy", overflow="fold")
    for name in ("calls", "hits", "rate", "misses", "stored", "errors"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, stats in policies.items():
        # For the caller, an answer from another caller's load is a hit.
        counts = (stats.calls, stats.hits + stats.shared)
        more = (misses(stats), stats.loads, stats.errors)
        table.add_row(Text(plain(name)), *map(_count, counts), share(stats.hit_rate), *map(_count, more))
    return table


def _count(number: int) -> str:
    return f"{number:,}"


def monitor_view(sample: Sample, rates: Rates | None) -> RenderableType:
    """The live view: the server, the last interval, and the policies since the counters began."""
    if sample.server is None:
        return server_lines(sample)
    now = Table.grid(padding=(0, 2))
    if rates is not None:
        now.add_row(
            "now",
            f"{rates.hits:,.1f} hits/s, {rates.misses:,.1f} misses/s, hit rate {share(rates.hit_rate)}, "
            f"{rates.errors:,.1f} errors/s",
        )
    return Group(server_lines(sample), now, policy_table(sample.policies))
