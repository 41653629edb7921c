"""Readers and writers in real processes, and what they saw: for tests that kill and stop all of it meanwhile.

Run as a program, once a process. The database is a file of counters that processes map; one
process writes, from several threads, each its own counters. What was seen is written line by line, so that a killed
process has lost nothing that it had finished.
"""

import asyncio
import json
import mmap
import os
import random
import struct
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from frescor._calls.policy import Policy
from frescor._surface.cache import Cache

KEYS = 24
_NUMBER = struct.Struct("<Q")
# The loader's own time, seconds.
LOAD = 0.002
# Beyond it a copy is not used by a process that is cut off, seconds; with the time of a call.
COPIES_BEHIND = 2.0


class Counters:
    """The database: committed counters, shared by mapping one file. A write of eight aligned bytes is atomic."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(bytes(_NUMBER.size * KEYS))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)

    def read(self, key: int) -> int:
        number: int = _NUMBER.unpack_from(self._map, key * _NUMBER.size)[0]
        return number

    def commit(self, key: int) -> int:
        number = self.read(key) + 1
        _NUMBER.pack_into(self._map, key * _NUMBER.size, number)
        return number


class Record:
    """One line per event, each written at once."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def write(self, *event: object) -> None:
        os.write(self._file, (json.dumps(event) + "\n").encode())


@dataclass(frozen=True, slots=True)
class Role:
    """What a process does: number, threads and tasks that read; whether it writes. rest: the longest that a reader
    rests between two calls, ms."""

    number: int
    readers: int
    tasks: int
    writers: int
    rest: int


def main(url: str, folder: Path, role: Role) -> None:
    """Read and write until standard input ends."""
    counters = Counters(folder / "counters")
    record = Record(folder / f"record-{role.number}-{os.getpid()}")
    cache = Cache.from_url(url, "torture")
    ended = threading.Event()
    fast = Policy(name="fast", expire=30, tags=("key:{key}",))
    strict = fast.replace(strict=True)

    def load(key: int) -> int:
        number = counters.read(key)
        time.sleep(LOAD)
        return number

    async def load_async(key: int) -> int:
        number = counters.read(key)
        await asyncio.sleep(LOAD)
        return number

    calls: dict[str, Callable[[int], int]] = {
        "copies": cache.cached(fast)(load),
        "strict": cache.cached(strict.replace(version=2))(load),
    }
    awaited: Any = cache.cached(strict.replace(version=3))(load_async)

    def read(seed: int) -> None:
        chance = random.Random(seed)  # a schedule needs no secrecy
        while not ended.is_set():
            key, kind = chance.randrange(KEYS), chance.choice(("copies", "strict"))
            call = calls[kind]
            began = time.monotonic_ns()
            try:
                number = call(key)
            except Exception as error:  # noqa: BLE001  # any is one too many
                record.write("error", repr(error))
                continue
            record.write("read", kind, key, number, began, time.monotonic_ns())
            ended.wait(chance.random() * role.rest / 1000)

    async def read_async(seed: int) -> None:
        chance = random.Random(seed)  # a schedule needs no secrecy
        while not ended.is_set():
            key = chance.randrange(KEYS)
            began = time.monotonic_ns()
            try:
                number = await awaited(key)
            except Exception as error:  # noqa: BLE001  # any is one too many
                record.write("error", repr(error))
                continue
            record.write("read", "async", key, number, began, time.monotonic_ns())
            await asyncio.sleep(chance.random() * role.rest / 1000)

    def write(place: int) -> None:
        chance = random.Random(place)  # a schedule needs no secrecy
        mine = range(place, KEYS, role.writers)
        while not ended.is_set():
            key = chance.choice(mine)
            number, done = counters.commit(key), False
            try:
                done = cache.invalidate(f"key:{key}")
            except Exception as error:  # noqa: BLE001  # any is one too many
                record.write("error", repr(error))
            record.write("wrote", key, number, done, time.monotonic_ns())
            ended.wait(chance.random() * 0.04)

    async def all_tasks() -> None:
        await asyncio.gather(*(read_async(1000 * role.number + place) for place in range(role.tasks)))
        await cache.aio.close()

    threads = [threading.Thread(target=read, args=(100 * role.number + place,)) for place in range(role.readers)]
    threads += [threading.Thread(target=write, args=(place,)) for place in range(role.writers)]
    if role.tasks:
        threads.append(threading.Thread(target=lambda: asyncio.run(all_tasks())))
    for thread in threads:
        thread.start()
    print("ready", flush=True)  # its parent waits for it
    sys.stdin.readline()
    ended.set()
    for thread in threads:
        thread.join()
    record.write("pending", cache.pending)
    cache.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Role(*map(int, sys.argv[3:8])))
