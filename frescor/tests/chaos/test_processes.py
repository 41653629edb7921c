"""Real processes on a real server, while both are killed, stopped, cut off, flushed and evicted from.

Each process records every read and write, by the machine's monotonic clock. A read is wrong if it returned a number
older than a write that had returned before the read began: at once for strict reads, after two seconds for reads that
may use copies. Not counted, for there is no outbox: a write whose `invalidate` returned False, since the invalidation
waits in the writer's memory (but in the writer's own process it counts), and a write of a writer that was killed
before its `invalidate` returned. Either counts from the next write of the same key whose `invalidate` returned True.

FRESCOR_CHAOS_SECONDS makes it last longer than its eight seconds. FRESCOR_CHAOS_REST lets readers rest for up to so
many ms between two calls: by default they keep the machine busy all the time, which finds more, and what a call takes
then is mostly the wait for a processor.
"""

import bisect
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import redis

import torture
from frescor.testing import PrivateServer
from torture import COPIES_BEHIND, LOAD

SECONDS = float(os.environ.get("FRESCOR_CHAOS_SECONDS", "8"))
REST = os.environ.get("FRESCOR_CHAOS_REST", "10")
PAUSE = 0.4
SECOND = 1_000_000_000


class Worker:
    """A process under torture; started anew under the same number when it was killed."""

    def __init__(self, server: PrivateServer, folder: Path, number: int) -> None:
        self._command = [
            *(sys.executable, torture.__file__, server.url, str(folder), str(number)),
            *("12", "4", "4" if number == 0 else "0", REST),
        ]
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def await_ready(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def end(self) -> None:
        self.process.communicate("\n", timeout=60)


@dataclass
class Seen:
    """All records, put together."""

    # By key: when each number counted first, as (time, number), rising in both.
    counted: dict[int, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    # The same by process and key, with those that wait in it.
    own: dict[tuple[str, int], list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    reads: list[tuple[str, str, int, int, int, int]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    writes: int = 0
    waiting: int = 0


def records(folder: Path) -> Seen:
    seen = Seen()
    for path in folder.glob("record-*"):
        process = path.name
        for line in path.read_bytes().splitlines():
            with contextlib.suppress(ValueError):  # the last line of one that was killed
                match json.loads(line):
                    case ["read", kind, key, number, began, ended]:
                        seen.reads.append((process, kind, key, number, began, ended))
                    case ["wrote", key, number, done, returned]:
                        seen.writes += 1
                        seen.waiting += not done
                        seen.own[process, key].append((returned, number))
                        if done:
                            seen.counted[key].append((returned, number))
                    case ["error", error]:
                        seen.errors.append(error)
    for counted in (*seen.counted.values(), *seen.own.values()):
        counted.sort()
    return seen


def behind(counted: list[tuple[int, int]], number: int, began: int) -> float:
    """By how many seconds a read is behind: since when a newer number had counted. 0: it is right."""
    newer = bisect.bisect_right(counted, number, key=lambda one: one[1])
    if newer == len(counted) or counted[newer][0] >= began:
        return 0.0
    return (began - counted[newer][0]) / 1e9


def faults(
    server: PrivateServer, workers: list[Worker], turn: threading.Event, stops: list[tuple[int, int]]
) -> Iterator[Callable[[], object]]:
    """One after the other, for ever. `stops` takes from when to when a worker was stopped, or others waited for one
    that was killed: what a call took then is that, not the store's failing."""
    chance = random.Random(7)

    def ask(*command: str) -> None:
        with redis.Redis.from_url(server.admin_url) as client, contextlib.suppress(redis.RedisError):
            client.execute_command(*command)

    def fill() -> None:
        with redis.Redis.from_url(server.admin_url) as client, contextlib.suppress(redis.RedisError):
            pipe = client.pipeline(transaction=False)
            for number in range(4000):
                pipe.set(f"junk:{number}", "x" * 1000)
            pipe.execute(raise_on_error=False)

    def hang() -> None:
        server.pause()
        turn.wait(0.6)
        server.resume()

    def crash() -> None:
        server.kill()
        turn.wait(0.2)
        server.start()

    def stop() -> None:
        worker, began = chance.choice(workers), time.monotonic_ns()
        worker.process.send_signal(signal.SIGSTOP)
        turn.wait(0.5)
        worker.process.send_signal(signal.SIGCONT)
        stops.append((began, time.monotonic_ns() + SECOND // 5))

    def kill() -> None:
        worker, began = chance.choice(workers), time.monotonic_ns()
        stops.append((began, began + 3 * SECOND))
        worker.process.kill()
        worker.process.communicate()
        worker.start()
        worker.await_ready()

    while True:
        yield fill
        yield lambda: ask("CLIENT", "KILL", "TYPE", "normal")
        yield hang
        yield kill
        yield lambda: ask("FLUSHALL")
        yield stop
        yield lambda: ask("CLIENT", "KILL", "TYPE", "normal")
        yield crash
        yield kill


@pytest.mark.slow
def test_no_read_is_older_than_a_write_that_had_returned_whatever_dies(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    turn = threading.Event()
    stops: list[tuple[int, int]] = []
    with PrivateServer(options={"maxmemory": "4mb", "maxmemory-policy": "allkeys-lru"}) as server:
        (tmp_path / "counters").write_bytes(bytes(8 * 24))
        workers = [Worker(server, tmp_path, number) for number in range(4)]
        try:
            for worker in workers:
                worker.await_ready()
            what_goes_wrong = faults(server, workers, turn, stops)
            for _ in range(max(9, round(SECONDS / PAUSE))):
                turn.wait(PAUSE)
                next(what_goes_wrong)()
            turn.wait(PAUSE)
            for worker in workers:
                worker.end()
        finally:
            for worker in workers:
                worker.process.kill()
                worker.process.communicate()
    seen = records(tmp_path)
    assert seen.errors == []
    kinds = {kind for _, kind, *_ in seen.reads}
    assert kinds == {"copies", "strict", "async"}
    assert seen.writes > seen.waiting
    most: dict[str, float] = defaultdict(float)
    for process, kind, key, number, began, _ in seen.reads:
        late = behind(seen.counted[key], number, began)
        most[kind] = max(most[kind], late)
        # What this process wrote itself it sees at once.
        assert behind(seen.own.get((process, key), []), number, began) == 0, (process, kind, key, number)
    took = sorted((ended - began) / 1e9 - LOAD for *_, began, ended in seen.reads)
    undisturbed = [
        (ended - began) / 1e9 - LOAD
        for *_, began, ended in seen.reads
        if not any(began < end and start < ended for start, end in stops)
    ]
    figures = {
        "reads": len(seen.reads),
        "writes": seen.writes,
        "writes that waited for the store": seen.waiting,
        "behind, at most, s": {kind: round(late, 3) for kind, late in most.items()},
        "calls above their loader, s": {
            share: round(took[int(len(took) * share) - 1], 3) for share in (0.5, 0.99, 0.999, 1.0)
        },
        "the slowest of the calls while no worker was stopped or killed, s": round(max(undisturbed), 3),
    }
    record_property("figures", figures)
    print(figures)
    assert (most["strict"], most["async"]) == (0, 0), figures
    assert most["copies"] < COPIES_BEHIND, figures
    # On a busy machine a call takes what the machine lets it; but nobody waited for a wake-up that did not come.
    assert took[-1] < 20, figures
