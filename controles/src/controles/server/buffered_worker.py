"""A worker that reads each request whole before a thread looks at it: who sends slowly holds a buffer, not a thread.

Gunicorn's own threads read from the network themselves, so as many half-sent requests as there are threads stop the
service. Here waitress' loop does all reading and writing, and this module bounds what it may collect.
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

# A request has so many seconds, and one more for so many bytes of it: the slowest of phones sends faster.
PATIENCE_SECONDS = 20
SLOWEST_BYTES_PER_SECOND = 4096
# How long a connection may rest between two requests, and an answer with nobody reading on.
IDLE_SECONDS = 30
# Beyond this many the slowest are let go, those first whose address holds the most.
MOST_CONNECTIONS = 800
# What requests that are not complete yet may hold together, in memory and temporary files.
MOST_UNFINISHED_BYTES = 128 * 1024 * 1024
LONGEST_HEADER = 64 * 1024
# More than the application takes itself: its own refusal is a page, and says what to do.
LONGEST_BODY = 48 * 1024 * 1024
# The loop looks up at least this often, at what is slow and at whether to end.
LOOK_SECONDS = 1


class _Refusal(ErrorTask):  # type: ignore[misc]
    """What is refused before the application sees it, in the reader's language."""

    def execute(self) -> None:
        error = self.request.error
        if error.code == 413:
            error.body = "O que foi enviado passa do tamanho aceito. Envie em partes menores."
        super().execute()


class _Answer(WSGITask):  # type: ignore[misc]
    """What the application answers; to a HEAD, its headers alone."""

    def finish(self) -> None:
        if not self.wrote_header:
            self.write(b"")
        if self.request.command == "HEAD":
            # The end of a body sent in chunks would be read as the next answer.
            self.chunked_response = False
        super().finish()


class _Channel(HTTPChannel):  # type: ignore[misc]
    """One connection, which knows when its present request began."""

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
        """Whether somebody waits for the rest of an answer, or is in the middle of a request."""
        return bool(self.requests or self.request is not None or self.total_outbufs_len)


class _Server(TcpWSGIServer):  # type: ignore[misc]
    """Reads requests and writes answers; threads of its own run the application."""

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
        # The largest first: one of them holds what hundreds of forms would.
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
    """Ends the loop's wait when a signal has come: gunicorn writes to its pipe."""

    def writable(self) -> bool:
        return False

    def handle_read(self) -> None:
        self.recv(1024)


class BufferedWorker(Worker):  # type: ignore[misc]
    """What gunicorn starts: serves until it is told to end, then finishes what is under way."""

    _hurries = False

    def handle_quit(self, _signal: int, _frame: object) -> None:
        """End without waiting for what is under way (SIGINT, SIGQUIT), once the loop looks up.

        Gunicorn's own handler exits from wherever the signal met this thread: in the middle of a lock that other
        threads need, it ends in a traceback instead.
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
            # The application believes proxies by its own setting, TRUSTED_PROXIES.
            clear_untrusted_proxy_headers=False,
            ident=None,
            channel_timeout=IDLE_SECONDS,
            cleanup_interval=LOOK_SECONDS,
            # Never reached: one more than it closes by itself.
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
    """Let this process have as many connections open as it may: many systems begin with 1024 files."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS * 2 + 1024
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
        )
