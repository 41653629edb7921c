"""A worker that reads each request completely before a thread handles it: a slow sender occupies a buffer, not a
thread.

Gunicorn's own threads read from the network themselves, so as many half-sent requests as there are threads block the
service. Here waitress' loop does all reading and writing, and this module limits what it may collect.
"""

import logging
import os
import socket
import time
from collections import defaultdict
from typing import Any

from gunicorn.workers.base import Worker
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, ThreadedTaskDispatcher, WSGITask

# A request gets this many seconds, and one more per number of bytes below; the slowest phones send faster than that.
PATIENCE_SECONDS = 20
SLOWEST_BYTES_PER_SECOND = 4096
# How long a connection may be idle between requests, and how long an answer may wait for its reader.
IDLE_SECONDS = 30
# Above this number the slowest connections are closed, beginning with those of the address that has most.
MOST_CONNECTIONS = 800
# What incomplete requests may occupy together, in memory and temporary files.
MOST_UNFINISHED_BYTES = 128 * 1024 * 1024
LONGEST_HEADER = 64 * 1024
# More than the application accepts: its own refusal is a page that says what to do.
LONGEST_BODY = 48 * 1024 * 1024
# The loop checks at least this often for slow connections, and whether to end.
LOOK_SECONDS = 1


class _Refusal(ErrorTask):  # type: ignore[misc]
    """The answer to requests that are refused before they reach the application, in the reader's language."""

    def execute(self) -> None:
        error = self.request.error
        if error.code == 413:
            error.body = "O que foi enviado passa do tamanho aceito. Envie em partes menores."
        super().execute()


class _Answer(WSGITask):  # type: ignore[misc]
    """The application's answer; for a HEAD, only its headers."""

    def finish(self) -> None:
        if not self.wrote_header:
            self.write(b"")
        if self.request.command == "HEAD":
            # The end of a chunked body would be read as the next answer.
            self.chunked_response = False
        super().finish()


class _Channel(HTTPChannel):  # type: ignore[misc]
    """One connection, which knows when its current request began."""

    task_class = _Answer
    error_task_class = _Refusal
    request_began = 0.0

    def received(self, data: bytes) -> bool:
        if self.request is None:
            self.request_began = time.time()
        return bool(super().received(data))

    @property
    def unfinished_bytes(self) -> int:
        request = self.request
        return 0 if request is None else request.header_bytes_received + request.body_bytes_received

    def is_too_slow(self, now: float) -> bool:
        if self.request is None:
            return False
        return bool(now - self.request_began > PATIENCE_SECONDS + self.unfinished_bytes / SLOWEST_BYTES_PER_SECOND)

    @property
    def is_busy(self) -> bool:
        """Whether a client is waiting for the rest of an answer, or in the middle of a request."""
        return bool(self.requests or self.request is not None or self.total_outbufs_len)


class _Server(TcpWSGIServer):  # type: ignore[misc]
    """Reads requests and writes answers; separate threads run the application."""

    channel_class = _Channel

    def maintenance(self, now: float) -> None:
        super().maintenance(now)
        unfinished = []
        for channel in self.active_channels.values():
            if channel.is_too_slow(now):
                channel.will_close = True
            elif channel.request is not None:
                unfinished.append(channel)
        held = sum(channel.unfinished_bytes for channel in unfinished)
        # Largest first: one of them can occupy as much as hundreds of forms.
        for channel in sorted(unfinished, key=lambda one: -one.unfinished_bytes):
            if held <= MOST_UNFINISHED_BYTES:
                break
            held -= channel.unfinished_bytes
            channel.will_close = True

    def handle_accept(self) -> None:
        if len(self.active_channels) >= MOST_CONNECTIONS:
            self._let_one_go()
        super().handle_accept()

    def _let_one_go(self) -> None:
        by_address = defaultdict(list)
        for channel in self.active_channels.values():
            if not channel.requests:
                by_address[channel.addr[0]].append(channel)
        if by_address:
            most = max(by_address.values(), key=len)
            min(most, key=lambda one: one.request_began or one.creation_time).handle_close()


class _WakeUp(wasyncore.file_dispatcher):  # type: ignore[misc]
    """Ends the loop's wait after a signal: gunicorn writes to its pipe."""

    def writable(self) -> bool:
        return False

    def handle_read(self) -> None:
        self.recv(1024)


class BufferedWorker(Worker):  # type: ignore[misc]
    """The worker that gunicorn starts: serves until it is told to end, then finishes the current requests."""

    _hurries = False

    def handle_quit(self, _signal: int, _frame: object) -> None:
        """End without waiting for current requests (SIGINT, SIGQUIT), at the loop's next check.

        Gunicorn's own handler raises an exception wherever the signal interrupts this thread: while it holds a lock
        that other threads need, that ends in a traceback.
        """
        self._hurries = True
        self.alive = False

    def run(self) -> None:
        raise_open_files()
        # It warns whenever a request waits for a thread.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        channels: dict[int, Any] = {}
        dispatcher = ThreadedTaskDispatcher()
        dispatcher.set_thread_count(self.cfg.threads)
        servers = [self._server(listener.sock, channels, dispatcher) for listener in self.sockets]
        _WakeUp(self.PIPE[0], map=channels)
        while self.alive and self.ppid == os.getppid():
            self._look(channels)
        for server in servers:
            server.accepting = False
        end = time.monotonic() + self.cfg.graceful_timeout
        while (
            not self._hurries
            and time.monotonic() < end
            and any(one.is_busy for one in channels.values() if isinstance(one, _Channel))
        ):
            self._look(channels, timeout=0.1)
        dispatcher.shutdown(timeout=1)
        wasyncore.close_all(channels)

    def _look(self, channels: dict[int, Any], *, timeout: float = LOOK_SECONDS) -> None:
        self.notify()
        wasyncore.loop(timeout=timeout, use_poll=True, map=channels, count=1)

    def _server(self, listener: socket.socket, channels: dict[int, Any], dispatcher: ThreadedTaskDispatcher) -> _Server:
        adjustments = Adjustments(
            sockets=[listener],
            backlog=1024,
            # The application trusts proxies according to its own setting, TRUSTED_PROXIES.
            clear_untrusted_proxy_headers=False,
            ident=None,
            channel_timeout=IDLE_SECONDS,
            cleanup_interval=LOOK_SECONDS,
            # Never reached, because the loop closes connections earlier.
            connection_limit=MOST_CONNECTIONS * 2,
            max_request_header_size=LONGEST_HEADER,
            max_request_body_size=LONGEST_BODY,
            log_socket_errors=False,
        )
        return _Server(
            self.wsgi,
            map=channels,
            _sock=listener,
            dispatcher=dispatcher,
            adj=adjustments,
            sockinfo=(listener.family, listener.type, None, None),
            bind_socket=False,
        )


def raise_open_files() -> None:
    """Allow this process as many open connections as the system permits: many systems start with 1024 files."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS * 2 + 1024
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
        )
