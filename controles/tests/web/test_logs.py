"""What is written down, where, and what is not."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from flask import Flask

from controles.web import logs

MakeApp = Callable[..., Flask]


@pytest.fixture(autouse=True)
def leave_no_handlers() -> Iterator[None]:
    yield
    for name in ("", *logs.CACHE_LOGGERS):
        logs._replace_handlers(logging.getLogger(name), [])


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_request_is_one_line_without_what_was_searched(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app()
    app.add_url_rule("/procura/<nome>", view_func=lambda nome: "ok")
    answer = app.test_client().get("/procura/maria?busca=Maria da Silva")
    (line,) = lines(tmp_path / "logs" / "controles.log")
    assert (line["event"], line["route"], line["status"]) == ("request", "/procura/<nome>", 200)
    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert "maria" not in json.dumps(line).lower()


def test_everything_in_a_request_carries_its_number(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app()

    def view() -> str:
        logging.getLogger("qualquer").warning("algo %s", "aconteceu")
        structlog.stdlib.get_logger("controles.teste").info("outra_coisa", quantos=3)
        return "ok"

    app.add_url_rule("/x", view_func=view)
    app.test_client().get("/x")
    first, second, last = lines(tmp_path / "logs" / "controles.log")
    assert (first["event"], second["event"], second["quantos"]) == ("algo aconteceu", "outra_coisa", 3)
    assert first["request_id"] == second["request_id"] == last["request_id"]


@pytest.mark.parametrize("name", ["frescor", "frescor._store.server.redis", "controles.cache"])
def test_the_cache_has_a_file_of_its_own(make_app: MakeApp, tmp_path: Path, name: str) -> None:
    make_app()
    logging.getLogger(name).info("ligado")
    assert [line["event"] for line in lines(tmp_path / "logs" / "cache.log")] == ["ligado"]
    assert lines(tmp_path / "logs" / "controles.log") == []


def test_addresses_and_cpfs_are_blotted_out_even_in_a_traceback(make_app: MakeApp, tmp_path: Path) -> None:
    make_app()
    try:
        raise ValueError("ana@exemplo.org tem o CPF 123.456.789-09 ou 12345678909")
    except ValueError:
        logging.getLogger("x").exception("falhou para %s", "ana@exemplo.org")
    structlog.stdlib.get_logger("x").info("y", dados={"quem": ["ana@exemplo.org"]}, centavos=12345678909)
    text = (tmp_path / "logs" / "controles.log").read_text()
    assert "ana@" not in text
    assert "123.456" not in text
    assert "[cpf]" in text
    assert '"centavos": 12345678909' in text


def test_a_folder_that_cannot_be_written_is_one_warning(
    make_app: MakeApp, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    blocked = tmp_path / "arquivo"
    blocked.write_text("")
    app = make_app(LOG_DIR=str(blocked / "logs"))
    warning = capfd.readouterr().err
    assert str(blocked / "logs") in warning
    assert "Not a directory" in warning
    assert warning.count("\n") == 1
    app.test_client().get("/entrar")
    logging.getLogger("frescor").warning("sem arquivo")
    written = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [line["event"] for line in written] == ["request", "sem arquivo"]


WRITER = """
import logging, sys
from controles.web.logs import SharedRotatingFile
path, worker, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
handler = SharedRotatingFile(path, maxBytes=20_000, backupCount=200)
sys.stdin.readline()
for number in range(count):
    handler.emit(logging.makeLogRecord({"msg": f"{worker}-{number} {'x' * 80}"}))
"""


def test_processes_that_rotate_one_file_lose_no_line(tmp_path: Path) -> None:
    path, count, workers = tmp_path / "a.log", 1500, 3
    processes = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(worker), str(count)], stdin=subprocess.PIPE)
        for worker in range(workers)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"now\n")
        process.stdin.flush()
    for process in processes:
        assert process.wait(timeout=60) == 0
    files = [file for file in tmp_path.iterdir() if file.suffix != ".lock"]
    found = [line.split()[0] for file in files for line in file.read_text().splitlines()]
    assert len(files) > 10
    assert sorted(found) == sorted(f"{worker}-{number}" for worker in range(workers) for number in range(count))


def test_old_files_go(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    handler = logs.SharedRotatingFile(str(path), maxBytes=1000, backupCount=logs.BACKUPS)
    for number in range(500):
        handler.emit(logging.makeLogRecord({"msg": f"{number} {'x' * 90}"}))
    handler.close()
    assert len([file for file in tmp_path.iterdir() if file.suffix != ".lock"]) == logs.BACKUPS + 1


def test_a_line_does_nothing_to_a_terminal_and_is_still_json(make_app: Any, tmp_path: Path) -> None:
    make_app()
    said = "Ana\x1b[2J\x9b31m\u202e\x7f\u2028fim"
    logging.getLogger("controles.teste").warning(said)
    line = (tmp_path / "logs" / "controles.log").read_text().splitlines()[-1]
    assert not set(said) & set(line) & set("\x1b\x9b\u202e\x7f\u2028")
    assert json.loads(line)["event"] == said
