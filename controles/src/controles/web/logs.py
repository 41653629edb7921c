"""The application's logs: JSON lines in rotated files, without personal data."""

import logging
import os
import re
import secrets
import stat
import sys
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO

import structlog
from flask import Flask, Response, g, has_request_context, request, session
from structlog.typing import EventDict, Processor, WrappedLogger

from controles.settings.config import Settings

MAX_BYTES = 5 * 1024 * 1024
BACKUPS = 5
APPLICATION_FILE = "controles.log"
CACHE_FILE = "cache.log"
# The loggers that write to cache.log.
CACHE_LOGGERS = ("frescor", "controles.cache")

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_CPF = re.compile(r"(?<![\w.])\d{3}\.?\d{3}\.?\d{3}-?\d{2}(?!\w)")

# JSON itself escapes the characters below a space.
_UNSEEN = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

# Frequent requests that say nothing about people's work.
_UNTOLD = ("static", "health_alive", "health_ready")

_log = structlog.stdlib.get_logger("controles.request")


class SharedRotatingFile(RotatingFileHandler):
    """A rotated file that several processes write: one of them rotates it, the others continue in the new file."""

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: ARG002, N802
        if self.stream is None:
            self.stream = self._open()
        elif not _is_same_file(self.stream, self.baseFilename):
            self.stream.close()
            self.stream = self._open()
        # By the file's size: `super` would format the record once more to count it.
        there = os.fstat(self.stream.fileno())
        return self.maxBytes > 0 and stat.S_ISREG(there.st_mode) and there.st_size >= self.maxBytes

    def doRollover(self) -> None:  # noqa: N802
        with Path(f"{self.baseFilename}.lock").open("a") as lock:
            if sys.platform != "win32":
                import fcntl

                fcntl.flock(lock, fcntl.LOCK_EX)
            # Another process may have rotated the file while this one waited.
            if self.stream is not None and not _is_same_file(self.stream, self.baseFilename):
                self.stream.close()
                self.stream = self._open()
                return
            super().doRollover()


def _is_same_file(stream: IO[str], path: str) -> bool:
    try:
        named, opened = Path(path).stat(), os.fstat(stream.fileno())
    except FileNotFoundError:
        return False
    return (named.st_ino, named.st_dev) == (opened.st_ino, opened.st_dev)


def without_personal_data(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Remove e-mail addresses and CPFs wherever they occur: in a message, a traceback, a value."""
    return {key: _blotted(value) for key, value in event.items()}


def _blotted(value: object) -> object:
    if isinstance(value, str):
        return _CPF.sub("[cpf]", _EMAIL.sub("[e-mail]", value))
    if isinstance(value, dict):
        return {key: _blotted(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_blotted(item) for item in value]
    return value


_SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
)


def _json_line(logger: WrappedLogger, name: str, event: EventDict) -> str:
    """JSON without characters that affect the terminal of whoever reads it."""
    line = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)(logger, name, event)
    assert isinstance(line, str)
    return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", line)


def _json_lines() -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            without_personal_data,
            _json_line,
        ],
    )


def init_app(app: Flask, settings: Settings) -> None:
    """Write the logs of this process as `settings` says, and one line for each request of `app`."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    _install(settings.log_dir, settings.log_level)
    app.before_request(_begin_request)
    app.after_request(_end_request)


def _install(folder: Path, level: str) -> None:
    root = logging.getLogger()
    root.setLevel(level)
    # Log lines about the steps of migrations are only useful to their authors.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    trouble = _folder_trouble(folder)
    if trouble:
        print(  # noqa: T201 - there is no log to write it to
            f"Aviso: não é possível escrever os logs na pasta {folder} ({trouble}). "
            "Eles vão para a saída de erro; corrija as permissões ou defina LOG_DIR.",
            file=sys.stderr,
        )
    errors = _terminal(logging.ERROR)
    _replace_handlers(root, [_terminal(level)] if trouble else [_file(folder / APPLICATION_FILE), errors])
    for name in CACHE_LOGGERS:
        logger = logging.getLogger(name)
        # To cache.log instead of controles.log; if there is no folder for either, the root's handler is used for both.
        logger.propagate = bool(trouble)
        _replace_handlers(logger, [] if trouble else [_file(folder / CACHE_FILE), errors])


def application_logs(folder: Path) -> tuple[Path, ...]:
    """The application's log, and earlier ones that still exist."""
    return tuple(sorted(folder.glob(f"{APPLICATION_FILE}*")))


def _folder_trouble(folder: Path) -> str | None:
    """Why log files cannot be written there, or None."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in (APPLICATION_FILE, CACHE_FILE):
            with (folder / name).open("a"):
                pass
    except OSError as error:
        return error.strerror or type(error).__name__
    return None if os.access(folder, os.W_OK | os.X_OK) else "sem permissão para criar arquivos"


def _file(path: Path) -> logging.Handler:
    handler = SharedRotatingFile(path, maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8")
    handler.setFormatter(_json_lines())
    return _ours(handler)


def _terminal(level: str | int) -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(level)
    handler.setFormatter(_json_lines())
    return _ours(handler)


def _ours(handler: logging.Handler) -> logging.Handler:
    handler.set_name("controles")
    return handler


def _replace_handlers(logger: logging.Logger, handlers: list[logging.Handler]) -> None:
    for old in [handler for handler in logger.handlers if handler.get_name() == "controles"]:
        logger.removeHandler(old)
        old.close()
    for handler in handlers:
        logger.addHandler(handler)


def request_id() -> str:
    """Identifies this request in the logs and on error pages; empty outside of a request."""
    return str(g.get("request_id", "")) if has_request_context() else ""


def _begin_request() -> None:
    g.request_id = secrets.token_hex(8)
    g.request_began = time.perf_counter()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _end_request(response: Response) -> Response:
    response.headers["X-Request-ID"] = request_id()
    if request.endpoint not in _UNTOLD:
        # The route, not the path: a search in the address is a person's name.
        _log.info(
            "request",
            method=request.method,
            route=str(request.url_rule) if request.url_rule else None,
            status=response.status_code,
            ms=round((time.perf_counter() - g.request_began) * 1000, 1),
            user=session.get("usuario_id"),
        )
    return response
