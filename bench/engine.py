"""What Frescor's engine costs, beside what it is measured against, in one run on a private server.

Ratios within one run say something; absolute times belong to the machine and to what else it does. Prints a table, and
with --check ends with an error where a ratio is worse than what is promised.
"""

import argparse
import functools
import gc
import multiprocessing
import secrets
import statistics
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier, Event

import redis
from rich.console import Console
from rich.table import Table

from frescor import Cache
from frescor.testing import PrivateServer

VALUE = b"x" * 100
ROUNDS = 7


@dataclass(frozen=True, slots=True)
class Line:
    """One comparison: ours and the other's median µs of a call, their ratio, and the most it may be."""

    name: str
    ours: float
    other_name: str
    other: float
    most: float | None

    @property
    def ratio(self) -> float:
        return self.ours / self.other

    @property
    def kept(self) -> bool:
        return self.most is None or self.ratio <= self.most


def per_call(calls: int, *functions: Callable[[], object]) -> list[float]:
    """The median µs of a call of each function, measured in turn, so that the machine's moods meet all alike."""
    for function in functions:
        function()
    taken: list[list[float]] = [[] for _ in functions]
    gc.disable()
    for _ in range(ROUNDS):
        for times, function in zip(taken, functions, strict=True):
            began = time.perf_counter()
            for _ in range(calls):
                function()
            times.append((time.perf_counter() - began) / calls * 1e6)
    gc.enable()
    return [statistics.median(times) for times in taken]


def local_hit(server: PrivateServer) -> Line:
    """A decorated function with two tags, answered by the process, beside functools.lru_cache."""
    with Cache.from_url(server.tcp_url, "bench", timeout=5) as cache:

        @cache.cached(expire=300, key_prefix="bench", tags=("one", "two"))
        def ours(number: int) -> bytes:
            return VALUE * number

        @functools.lru_cache
        def other(number: int) -> bytes:
            return VALUE * number

        ours(1)
        listener = cache._engine.listener
        assert listener is not None
        listener.await_alive(5)
        ours(1)
        times = per_call(20_000, lambda: ours(1), lambda: other(1))
        hits = ours.cache_info().hits
        assert hits >= 20_000 * ROUNDS
    return Line("hit on a local copy, 2 tags", times[0], "functools.lru_cache", times[1], 10)


def shared_hit(server: PrivateServer) -> Line:
    """200 kB in dictionaries, shared by its readers, beside a copy of its own for each."""
    with Cache.from_url(server.tcp_url, "bench", timeout=5) as cache:

        def rows(number: int) -> list[dict[str, object]]:
            return [{"id": place, "name": "x" * 40, "total": place / 7} for place in range(number)]

        ours = cache.cached(expire=300, key_prefix="shared", shared=True, name="ours")(rows)
        other = cache.cached(expire=300, key_prefix="copied", name="other")(rows)
        ours(2800), other(2800)
        listener = cache._engine.listener
        assert listener is not None
        listener.await_alive(5)
        times = per_call(200, lambda: ours(2800), lambda: other(2800))
    return Line("hit on a shared copy, 200 kB", times[0], "a copy for each reader", times[1], 0.02)


def store_hit(server: PrivateServer) -> Line:
    """100 bytes from the server, with its tags checked, beside redis.Redis.get of the same bytes."""
    with Cache.from_url(server.tcp_url, "bench", local=False, timeout=5) as cache:
        cache.set("value", VALUE)
        with redis.Redis.from_url(server.tcp_url) as client:
            client.set("value", VALUE)
            times = per_call(2_000, lambda: cache.get("value"), lambda: client.get("value"))
    return Line("get from the server, 100 B", times[0], "redis.Redis.get", times[1], 1)


def proven_hit(server: PrivateServer, size: int, *, sealed: bool = False) -> Line:
    """A function's value from the server, proven or sealed by a secret, beside the same without secrets."""
    value = secrets.token_bytes(size)
    with (
        Cache.from_url(server.tcp_url, "proven", local=False, timeout=5, seal_secrets=[secrets.token_bytes(32)]) as one,
        Cache.from_url(server.tcp_url, "plain", local=False, timeout=5) as other,
    ):

        def read(cache: Cache, sealed: bool) -> Callable[[], bytes]:
            @cache.cached(expire=300, key_prefix=f"bench-{size}-{sealed}", tags=("one", "two"), sealed=sealed)
            def function() -> bytes:
                return value

            return function

        times = per_call(20_000_000 // (size + 10_000), read(one, sealed), read(other, False))
    return Line(
        f"{'sealed' if sealed else 'proven'} hit, {size:,} B",
        times[0],
        "without secrets",
        times[1],
        None if sealed else 1.05,
    )


def entry_sizes(server: PrivateServer) -> tuple[int, int, int]:
    """What the server keeps for 100 bytes of a function with two tags: proven, without secrets, and by a plain SET."""
    with redis.Redis.from_url(server.tcp_url) as client:
        client.set("plain:value", VALUE, ex=300)
        sizes = [client.memory_usage("plain:value")]
        for namespace, given in (("bare", []), ("full", [secrets.token_bytes(32)])):
            with Cache.from_url(server.tcp_url, namespace, local=False, timeout=5, seal_secrets=given) as cache:

                @cache.cached(expire=300, key_prefix="bench", tags=("one", "two"))
                def two(number: int) -> bytes:
                    return VALUE[:number]

                two(100)
                sizes.append(client.memory_usage(f"{namespace}:e:{{{two.key(100)}}}"))
    plain, without, proven = (int(size or 0) for size in sizes)
    return proven, without, plain


def confirmed_invalidation(server: PrivateServer) -> Line:
    """An invalidation that waits until two other processes have dropped their copies, beside one that does not."""
    context = multiprocessing.get_context("spawn")
    ready, ended = context.Barrier(3), context.Event()
    others = [context.Process(target=keep_copies, args=(server.tcp_url, ready, ended)) for _ in range(2)]
    for other in others:
        other.start()
    ready.wait()
    with Cache.from_url(server.tcp_url, "bench", timeout=5) as cache:
        # Once the server surely knows who keeps copies.
        cache.invalidate("one", confirm=True)
        times = per_call(300, lambda: cache.invalidate("one", confirm=True), lambda: cache.invalidate("one"))
    ended.set()
    for other in others:
        other.join()
    return Line("invalidate, confirmed by 2 processes", times[0], "unconfirmed", times[1], None)


def keep_copies(url: str, ready: Barrier, ended: Event) -> None:
    """A process that hears of every change."""
    with Cache.from_url(url, "bench", timeout=5) as cache:
        cache.get("value")
        listener = cache._engine.listener
        assert listener is not None
        listener.await_alive(5)
        ready.wait()
        ended.wait()


def prefix_invalidation(server: PrivateServer, others: int) -> Line:
    """A prefix with 100 live keys beside one with 10,000, among many others."""
    with Cache.from_url(server.tcp_url, "bench", local=False, timeout=5) as cache:
        for name, keys in (("few", 100), ("many", 10_000), ("other", others)):
            for start in range(0, keys, 1000):
                cache.set_many({f"{name}:{n}": n for n in range(start, min(start + 1000, keys))}, expire=3600)
        times = per_call(500, lambda: cache.invalidate_pattern("few:*"), lambda: cache.invalidate_pattern("many:*"))
    return Line(f"invalidate a prefix of 100 among {others:,}", times[0], "of 10,000", times[1], 1.5)


def stampede(server: PrivateServer, seconds: float, processes: int, callers: int) -> tuple[int, float]:
    """How often a slow loader ran for callers that all missed together, and when the last one had its value."""
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(processes + 1), context.Queue()
    started = [
        context.Process(target=call_together, args=(server.tcp_url, seconds, callers, barrier, results))
        for _ in range(processes)
    ]
    for process in started:
        process.start()
    barrier.wait()
    found = [results.get() for _ in started]
    for process in started:
        process.join()
    return sum(loads for loads, _ in found), max(slowest for _, slowest in found)


def call_together(
    url: str, seconds: float, callers: int, barrier: Barrier, results: "multiprocessing.Queue[tuple[int, float]]"
) -> None:
    """One process of a stampede."""
    loads: list[int] = []
    ends: list[float] = []
    with Cache.from_url(url, "bench", timeout=5) as cache:
        # A name of its own: what holds a list by its closure would be shared within this process only.
        @cache.cached(expire=300, key_prefix="stampede", name="bench.slow")
        def slow() -> bytes:
            loads.append(1)
            time.sleep(seconds)
            return VALUE

        def call() -> None:
            slow()
            ends.append(time.perf_counter())

        threads = [threading.Thread(target=call) for _ in range(callers)]
        barrier.wait()
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    results.put((len(loads), max(ends) - began))


def outage(server: PrivateServer) -> tuple[float, float, float]:
    """With the server stopped: the first caller's ms above its loader, the median of the next hundred, and the ms from
    its return to the first hit."""
    with Cache.from_url(server.tcp_url, "bench", local=False) as cache:
        loads: list[int] = []

        @cache.cached(expire=300, key_prefix="outage", name="bench.outage")
        def load() -> bytes:
            loads.append(1)
            return VALUE

        load()
        server.pause()
        began = time.perf_counter()
        load()
        first = (time.perf_counter() - began) * 1000
        next_ones = []
        for _ in range(100):
            began = time.perf_counter()
            load()
            next_ones.append((time.perf_counter() - began) * 1000)
        server.resume()
        began = time.perf_counter()
        while True:
            before = len(loads)
            load()
            if len(loads) == before:
                break
            time.sleep(0.001)
        back = (time.perf_counter() - began) * 1000
    return first, statistics.median(next_ones), back


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="end with an error where a promise is not kept")
    parser.add_argument("--keys", type=int, default=200_000, help="other keys beside the invalidated prefix")
    parser.add_argument("--load", type=float, default=5.0, help="seconds that the stampede's loader takes")
    options = parser.parse_args()
    console = Console()
    table = Table("", "µs", "beside", "µs", "ratio", "at most")
    with PrivateServer(tcp=True) as server:
        lines = [
            local_hit(server),
            shared_hit(server),
            store_hit(server),
            *(proven_hit(server, size) for size in (100, 10_000, 200_000)),
            proven_hit(server, 100, sealed=True),
            confirmed_invalidation(server),
            prefix_invalidation(server, options.keys),
        ]
        for line in lines:
            most = "" if line.most is None else f"{line.most:g}"
            table.add_row(
                line.name, f"{line.ours:.2f}", line.other_name, f"{line.other:.2f}", f"{line.ratio:.2f}", most
            )
        console.print(table)
        proven, without, plain = entry_sizes(server)
        console.print(
            f"100 B in the server: {proven} B with its proof, {without} B without secrets; plain SET {plain} B"
        )
        loads, slowest = stampede(server, options.load, 4, 250)
        console.print(
            f"1,000 callers in 4 processes, loader {options.load:g} s: {loads} run, all answered in {slowest:.2f} s"
        )
        first, median, back = outage(server)
    console.print(
        f"server stopped: first caller {first:.0f} ms above its loader, the next {median:.2f} ms; "
        f"hits {back:.0f} ms after its return"
    )
    broken = [line.name for line in lines if not line.kept]
    if loads != 1:
        broken.append("one run in a stampede")
    if options.check and broken:
        sys.exit(f"not kept: {', '.join(broken)}")


if __name__ == "__main__":
    main()
