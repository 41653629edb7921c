"""One missing key, many callers: one computation in the fleet."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from frescor import Cache
from frescor.testing import PrivateServer

CALLERS = """
import os, sys, threading, time
from pathlib import Path
from frescor import Cache

url, log, threads, pause = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
cache = Cache.from_url(url, "test", timeout=5)

@cache.cached(expire=60, key_prefix="slow")
def load() -> str:
    with log.open("a") as file:
        file.write(f"load {os.getpid()}\\n")
    time.sleep(pause)
    return "loaded"

ready = threading.Barrier(threads + 1)
results = []
def call():
    ready.wait()
    results.append(load())
workers = [threading.Thread(target=call) for _ in range(threads)]
for worker in workers: worker.start()
print("ready", flush=True)
sys.stdin.readline()
ready.wait()
for worker in workers: worker.join()
print(results.count("loaded"), flush=True)
"""


def start(server: PrivateServer, log: Path, *, threads: int, pause: float) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", CALLERS, server.url, str(log), str(threads), str(pause)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_thirty_two_threads_in_each_of_two_processes_run_one_loader(server: PrivateServer, tmp_path: Path) -> None:
    log = tmp_path / "loads"
    processes = [start(server, log, threads=32, pause=0.2) for _ in range(2)]
    for process in processes:
        go(process)
    assert [process.communicate(timeout=60)[0] for process in processes] == ["32\n", "32\n"]
    assert len(log.read_text().splitlines()) == 1


def test_a_load_that_outlasts_its_lease_still_runs_once(server: PrivateServer, tmp_path: Path) -> None:
    log = tmp_path / "loads"
    processes = [start(server, log, threads=4, pause=4.5) for _ in range(2)]
    for process in processes:
        go(process)
    assert [process.communicate(timeout=60)[0] for process in processes] == ["4\n", "4\n"]
    assert len(log.read_text().splitlines()) == 1


def test_a_killed_holder_costs_the_others_no_more_than_its_lease(server: PrivateServer, tmp_path: Path) -> None:
    log = tmp_path / "loads"
    holder = start(server, log, threads=1, pause=60)
    go(holder)
    running = threading.Event()
    while not log.exists() or not log.read_text():
        running.wait(0.01)
    os.kill(holder.pid, signal.SIGKILL)
    holder.communicate()
    with start(server, log, threads=2, pause=0) as other:
        go(other)
        assert other.communicate(timeout=20)[0] == "2\n"
    assert len(log.read_text().splitlines()) == 2


def test_a_cache_made_before_a_fork_works_in_parent_and_child(server: PrivateServer) -> None:
    with Cache.from_url(server.url, "test") as cache:

        @cache.cached(expire=60, key_prefix="forked")
        def load(number: int) -> int:
            return number * 2

        assert load(1) == 2
        child = os.fork()
        if child == 0:
            right = [load(1), load(2)] == [2, 4] and cache.invalidate("t")
            os._exit(0 if right else 1)
        assert [load(3), load(1)] == [6, 2]
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
