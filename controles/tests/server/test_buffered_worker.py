"""Who sends or reads slowly holds no thread: others are answered all the same."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gunicorn forks")

HALF_HEADER = b"POST /entrar HTTP/1.1\r\nHost: localhost\r\nContent-Le"
HALF_BODY = b"POST /entrar HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\nemail=a"
HALF_CHUNK = b"POST /entrar HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc"

# Two workers with two threads each, so that a thread that is held is missed at once; and short patience.
SERVES = """
import socket, sys
from flask import Flask, request
import controles.server.buffered_worker as worker
import controles.server.gunicorn_server as gunicorn_server
worker.PATIENCE_SECONDS, worker.SLOWEST_BYTES_PER_SECOND, worker.IDLE_SECONDS = 2, 1000, 2
worker.MOST_CONNECTIONS, worker.MOST_UNFINISHED_BYTES = int(sys.argv[2]), 4_000_000
app = Flask("slow")
@app.get("/quick")
def quick():
    return "ok"
@app.get("/large")
def large():
    return "x" * 1_000_000
@app.get("/streamed")
def streamed():
    return iter(["one", "two"])
@app.post("/count")
def count():
    return f"{len(request.get_data())} {request.scheme} {request.headers.get('X-Forwarded-For')}"
gunicorn_server.Server.load = lambda self: app
gunicorn_server.service_of = lambda app: type("None", (), {"close": staticmethod(lambda: None)})
listener = socket.socket(fileno=int(sys.argv[1]))
gunicorn_server.Server(listener, workers=2, threads=2).run()
"""


@dataclass
class Served:
    port: int
    process: subprocess.Popen[bytes]

    def connect(self, sent: bytes = b"") -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        connection.sendall(sent)
        return connection

    def seconds(self, path: str = "/quick") -> float:
        began = time.monotonic()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=20) as answer:
            assert answer.status == 200
        return time.monotonic() - began


@pytest.fixture
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    most = getattr(request, "param", 800)
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        os.set_inheritable(listener.fileno(), True)
        process = subprocess.Popen(
            [sys.executable, "-c", SERVES, str(listener.fileno()), str(most)],
            pass_fds=(listener.fileno(),),
            env={"PATH": os.environ["PATH"], "TMPDIR": str(tmp_path)},
            start_new_session=True,
        )
        served = Served(listener.getsockname()[1], process)
    try:
        served.seconds()
        yield served
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextlib.contextmanager
def held(served: Served, count: int, sent: bytes) -> Iterator[list[socket.socket]]:
    connections = [served.connect(sent) for _ in range(count)]
    try:
        yield connections
    finally:
        for connection in connections:
            connection.close()


def is_closed(connection: socket.socket, within: float) -> bool:
    connection.settimeout(within)
    try:
        while connection.recv(65536):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        pass
    return True


@pytest.mark.parametrize("sent", [b"", HALF_HEADER, HALF_BODY, HALF_CHUNK], ids=["nothing", "header", "body", "chunk"])
def test_two_hundred_half_sent_requests_delay_nobody(served: Served, sent: bytes) -> None:
    with held(served, 200, sent):
        assert max(served.seconds() for _ in range(10)) < 1


def test_two_hundred_who_do_not_read_their_answer_delay_nobody(served: Served) -> None:
    with held(served, 200, b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n"):
        assert served.seconds() < 10
        assert max(served.seconds() for _ in range(10)) < 1


@pytest.mark.parametrize("sent", [b"", HALF_HEADER, HALF_BODY], ids=["nothing", "header", "body"])
def test_a_half_sent_request_is_let_go(served: Served, sent: bytes) -> None:
    with held(served, 1, sent) as (connection,):
        assert is_closed(connection, within=10)


def test_a_request_that_trickles_in_is_let_go(served: Served) -> None:
    with held(served, 1, HALF_BODY) as (connection,):
        connection.settimeout(0.2)
        end = time.monotonic() + 10
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < end:
                with contextlib.suppress(TimeoutError):
                    if not connection.recv(1):
                        break
                connection.sendall(b"x")
        assert time.monotonic() < end


def test_a_slow_request_that_is_fast_enough_is_answered(served: Served) -> None:
    head = b"POST /count HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 40000\r\n\r\n"
    with held(served, 1, head) as (connection,):
        began = time.monotonic()
        for _ in range(8):
            connection.sendall(b"x" * 5000)
            with contextlib.suppress(TimeoutError):
                connection.settimeout(0.4)
                connection.recv(1)
        connection.settimeout(20)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert time.monotonic() - began > 2
        assert answer.endswith(b"40000 http None") or b"40000" in answer


@pytest.mark.parametrize("served", [60], indirect=True)
def test_more_connections_than_there_is_room_for_are_let_go_and_others_answered(served: Served) -> None:
    with held(served, 300, HALF_BODY):
        assert max(served.seconds() for _ in range(10)) < 1


def test_half_sent_bodies_together_are_bounded(served: Served) -> None:
    head = b"POST /count HTTP/1.1\r\nHost: localhost\r\nContent-Length: 40000000\r\n\r\n"
    with held(served, 12, head + b"x" * 1_900_000) as connections:
        assert max(served.seconds() for _ in range(10)) < 1
        closed = sum(is_closed(connection, within=1.5) for connection in connections[:4])
        assert closed >= 1


def test_a_body_that_is_too_large_is_refused_in_portuguese(served: Served) -> None:
    with held(served, 1, b"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\nx") as (connection,):
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"passa do tamanho aceito" in answer


@pytest.mark.parametrize("path", [b"/streamed", b"/large"])
def test_head_is_answered_by_headers_alone(served: Served, path: bytes) -> None:
    with held(served, 1, b"HEAD " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") as (connection,):
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"\r\n\r\n")
    assert answer.count(b"\r\n\r\n") == 1


def test_headers_of_proxies_reach_the_application(served: Served) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{served.port}/count", data=b"abc", headers={"X-Forwarded-For": "203.0.113.7"}
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.read() == b"3 http 203.0.113.7"
        assert answer.headers["Server"] is None


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /quick HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"GET /quick HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 100_000 + b"\r\n\r\n",
        b"\x00\x01\x02\r\n\r\n",
    ],
    ids=["two lengths", "two content lengths", "long header", "no request"],
)
def test_what_is_no_request_is_refused_or_closed(served: Served, sent: bytes) -> None:
    with held(served, 1, b"") as (connection,):
        with contextlib.suppress(ConnectionError):
            connection.sendall(sent)
        answer = b""
        connection.settimeout(10)
        with contextlib.suppress(ConnectionError):
            while chunk := connection.recv(65536):
                answer += chunk
    assert answer == b"" or int(answer.split()[1]) in {400, 431, 501, 200}
    assert answer.count(b"HTTP/1.1") <= 1
    assert served.seconds() < 1


def test_sigterm_finishes_what_is_under_way_and_ends(served: Served) -> None:
    with held(served, 1, b"POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc") as (connection,):
        served.seconds()
        served.process.send_signal(signal.SIGTERM)
        connection.sendall(b"def")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
    assert served.process.wait(timeout=10) == 0


def test_half_sent_requests_do_not_keep_it_from_ending(served: Served) -> None:
    with held(served, 20, HALF_BODY):
        began = time.monotonic()
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(timeout=20) == 0
        assert time.monotonic() - began < 9


# The worker is told to end while it makes its threads, and ends its master, which would start another.
STOPPED = """
import os, signal, socket, sys
from flask import Flask
import controles.server.buffered_worker as worker
import controles.server.gunicorn_server as gunicorn_server
class Dispatcher(worker.ThreadedTaskDispatcher):
    def set_thread_count(self, count):
        os.kill(os.getpid(), getattr(signal, sys.argv[1]))
        super().set_thread_count(count)
        os.write(1, b"whole\\n")
        os.kill(os.getppid(), signal.SIGINT)
worker.ThreadedTaskDispatcher = Dispatcher
gunicorn_server.Server.load = lambda self: Flask("stopped")
gunicorn_server.service_of = lambda app: type("None", (), {"close": staticmethod(lambda: None)})
listener = socket.create_server(("127.0.0.1", 0))
gunicorn_server.Server(listener, workers=1, threads=2).run()
"""


@pytest.mark.parametrize("signal_name", ["SIGINT", "SIGQUIT", "SIGTERM"])
def test_a_signal_ends_a_worker_between_two_steps_not_in_the_middle_of_one(signal_name: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", STOPPED, signal_name], capture_output=True, text=True, timeout=60, check=True
    )
    # More than one, if its master sees it gone before it sees its own signal.
    assert set(ran.stdout.splitlines()) == {"whole"}
    assert "Traceback" not in ran.stderr


def test_sigint_ends_it_without_waiting_for_what_is_under_way(served: Served) -> None:
    with held(served, 1, b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n" * 20):
        os.killpg(served.process.pid, signal.SIGINT)
        began = time.monotonic()
        assert served.process.wait(timeout=20) == 0
    # Gunicorn's master lets its workers have this long; a client that does not read would have taken all of it.
    assert time.monotonic() - began < 4
