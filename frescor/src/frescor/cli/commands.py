"""The commands: status, keys, clear, warmup, monitor."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from itertools import islice

import click
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from frescor._surface.cache import Cache
from frescor.cli.sampling import policy_of, rates_between, take_sample
from frescor.cli.tables import monitor_view, policy_table, server_lines
from frescor.cli.wording import duration, plain, size
from frescor.errors import CacheError

_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Warmup:
    """Something to compute before anybody asks: what it is called, and the call that fills the cache."""

    name: str
    run: Callable[[], object]


def cache_commands(
    get_cache: Callable[[], Cache], *, warmups: Callable[[], Iterable[Warmup]] | None = None
) -> click.Group:
    """The group `cache` for an application's command line.

    `get_cache` opens the cache that the running application uses; a `click.ClickException` from it is shown as the
    reason why there is none. With `warmups` the group has the command `warmup`. Every command closes the cache.
    """

    @contextmanager
    def opened() -> Iterator[Cache]:
        with get_cache() as cache:
            try:
                yield cache
            except CacheError as error:
                raise click.ClickException(f"The cache's server does not answer: {plain(str(error))}") from error

    @click.group("cache", help="Look at and look after the cache.")
    def group() -> None:
        pass

    @group.command(help="Show the server, its memory, and hits and misses of each policy.")
    def status() -> None:
        with opened() as cache:
            sample = take_sample(cache)
            if sample.server is None:
                raise click.ClickException(f"The cache's server does not answer: {plain(sample.reason or '')}")
            found = sum(1 for _ in cache.list_keys("*", _COUNTED))
            console = Console()
            console.print(server_lines(sample, f"{found:,}" if found < _COUNTED else f"{found:,} or more"))
            for line in cache.status():
                console.print(plain(line), markup=False, highlight=False)
            console.print(policy_table(sample.policies))

    @group.command(help="List stored keys with time to live, size and policy. PATTERN is a glob such as 'dashboard:*'.")
    @click.argument("pattern", default="*")
    @click.option("--limit", type=click.IntRange(1), default=1000, show_default=True, help="Keys to list at the most.")
    def keys(pattern: str, limit: int) -> None:
        with opened() as cache:
            names = cache.stats()
            listed = 0
            # One more than is shown tells whether there are more.
            for info in islice(cache.list_keys(pattern, limit + 1), limit + 1):
                listed += 1
                if listed > limit:
                    click.echo(f"There are more than {limit:,}; raise --limit to see them.", err=True)
                    return
                policy = policy_of(info.key, names) or "–"
                click.echo(f"{duration(info.ttl_ms):>12}  {size(info.size):>9}  {plain(policy):<28}  {plain(info.key)}")
        click.echo(f"{listed:,} keys match {pattern!r}.", err=True)

    @group.command(help="Forget what is cached: everything, or the keys that match PATTERN, such as 'dashboard:*'.")
    @click.argument("pattern", default="*")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    def clear(pattern: str, yes: bool) -> None:
        with opened() as cache:
            what = "everything" if pattern == "*" else f"what matches {pattern!r}"
            if not yes:
                click.confirm(f"Forget {what} that this application has cached?", abort=True)
            # Checked first, because an invalidation that has to wait for the server would be lost with this process.
            cache.health()
            done = cache.clear_all() if pattern == "*" else cache.invalidate_pattern(pattern)
            if not done:
                raise click.ClickException("The cache's server went away before it was done. Try again.")
        click.echo(f"Forgot {what}. The next readers compute it anew.")

    @group.command(help="Watch hits, misses, latency and memory live. Ctrl-C ends it.")
    @click.option("--once", is_flag=True, help="Print one sample and end.")
    @click.option("--interval", type=click.FloatRange(0.1), default=1.0, show_default=True, help="Seconds per sample.")
    def monitor(once: bool, interval: float) -> None:
        with get_cache() as cache:
            sample = take_sample(cache)
            if once:
                Console().print(monitor_view(sample, None))
                if sample.server is None:
                    sys.exit(1)
                return
            with suppress(KeyboardInterrupt), Live(monitor_view(sample, None), auto_refresh=False) as live:
                while True:
                    time.sleep(interval)
                    before, sample = sample, take_sample(cache)
                    live.update(monitor_view(sample, rates_between(before, sample)), refresh=True)

    if warmups is not None:
        group.add_command(_warmup_command(opened, warmups))
    return group


def _warmup_command(
    opened: Callable[[], AbstractContextManager[Cache]], warmups: Callable[[], Iterable[Warmup]]
) -> click.Command:
    @click.command("warmup", help="Compute what readers ask for first, and show how long each took.")
    def warmup() -> None:
        with opened() as cache:
            cache.health()
            failed = _run_warmups(list(warmups()))
        if failed:
            raise click.ClickException("Not everything could be computed:\n" + "\n".join(failed))

    return warmup


def _run_warmups(work: list[Warmup]) -> list[str]:
    """Run each, also after a failure; returns what went wrong."""
    failed = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console()) as progress:
        task = progress.add_task("Warming up", total=len(work))
        for item in work:
            progress.update(task, description=item.name)
            began = time.perf_counter()
            try:
                item.run()
            except Exception as error:  # noqa: BLE001 - the application's own; it is reported, and the rest still runs
                failed.append(f"  {item.name}: {type(error).__name__}: {error}")
            else:
                progress.console.print(f"{(time.perf_counter() - began) * 1000:>9.1f} ms  {item.name}")
            progress.advance(task)
        progress.update(task, description="Done" if not failed else "Done in part")
    return failed
