"""Gunicorn, started from the process that has prepared everything."""

import os
import signal
import socket
import tempfile
from typing import Any, cast

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.util import import_app

from controles.server.buffered_worker import BufferedWorker
from controles.services.cache_service import service_of

# By name: the application contains the command that starts this server, so neither can import the other.
APPLICATION = "controles.wsgi:app"
# How long current requests may take after SIGTERM.
GRACE_SECONDS = 4
_STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - a file without a name, of this user


def _close_cache(_arbiter: object, worker: Any) -> None:
    """Close the worker's part of the cache: listener, connections, and counters that were not delivered."""
    # A worker that could not load the application has no cache.
    if isinstance(app := getattr(worker, "wsgi", None), Flask):
        service_of(app).close()


def let_new_workers_be_stopped() -> None:
    """Allow a signal to end a worker from its first moment.

    Right after the fork it has its master's handlers, which only note the signal, until it installs its own: a SIGTERM
    in between would be lost, and the master would wait for a worker that does not know of it.
    """
    master = os.getpid()

    def hold() -> None:
        if os.getpid() == master:
            signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)

    def go_on() -> None:
        if os.getpid() == master:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)

    def begin() -> None:
        if os.getppid() == master:
            for number in _STOPPING:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)

    os.register_at_fork(before=hold, after_in_parent=go_on, after_in_child=begin)


class Server(BaseApplication):  # type: ignore[misc]
    """Workers with threads that answer on a socket that is already listening. `run` ends the process."""

    def __init__(self, listener: socket.socket, *, workers: int, threads: int) -> None:
        # Kept, because closing it would close the port.
        self._listener = listener
        self._options = {
            "bind": f"fd://{listener.fileno()}",
            "workers": workers,
            "worker_class": BufferedWorker,
            "threads": threads,
            # Container engines wait at most ten seconds for a stop.
            "graceful_timeout": GRACE_SECONDS,
            "worker_exit": _close_cache,
            "loglevel": "warning",
            # The file for each worker's heartbeat; on a slow disk it would be late, and the worker would be stopped.
            "worker_tmp_dir": _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK) else tempfile.gettempdir(),
            "control_socket_disable": True,
        }
        super().__init__()

    def run(self) -> None:
        """Serve until a signal ends it and this process."""
        let_new_workers_be_stopped()
        super().run()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Called in each worker, which opens its own connections and threads."""
        # Signals that end the worker are delayed until the application is loaded: an exception from a handler in the
        # middle of a database operation would leave that half done, and end in a traceback.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
        try:
            app = import_app(APPLICATION)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
        return cast(Flask, app)
