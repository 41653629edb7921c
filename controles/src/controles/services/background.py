"""Work that continues after a request: done by a thread of the same process, in an application context of its own.

A thread ends with its process. So the caller first records in the database that there is work to do, and looks for
unfinished work when a process starts.
"""

import threading
from collections.abc import Callable
from typing import cast

import structlog
from flask import Flask, current_app

EXTENSION = "background"
_log = structlog.stdlib.get_logger("controles.background")


class Background:
    """The background threads of one application."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._running: dict[str, threading.Thread] = {}

    def start(self, name: str, work: Callable[[], object]) -> None:
        """Start `work`; does nothing if work with this name is already running in this process."""
        with self._lock:
            there = self._running.get(name)
            if there is not None and there.is_alive():
                return
            # A daemon, so that it does not delay the process's end: what it has not committed is rolled back.
            thread = threading.Thread(target=self._run, args=(name, work), name=name, daemon=True)
            self._running[name] = thread
            thread.start()

    def join(self, timeout: float) -> bool:
        """Wait until all work is finished; False if that takes longer than `timeout` seconds."""
        with self._lock:
            threads = list(self._running.values())
        for thread in threads:
            thread.join(timeout)
        return not any(thread.is_alive() for thread in threads)

    def _run(self, name: str, work: Callable[[], object]) -> None:
        try:
            with self._app.app_context():
                work()
        except Exception:  # noqa: BLE001 - nobody waits for this thread, so only the log can be told
            _log.exception("background_work_failed", work=name)


def init_app(app: Flask) -> None:
    app.extensions[EXTENSION] = Background(app)


def background_of(app: Flask) -> Background:
    """The background threads of `app`."""
    return cast(Background, app.extensions[EXTENSION])


def background() -> Background:
    """The background threads of the running application."""
    return background_of(current_app)
