"""The page on Flask says what happens: its application runs, and curl gets what is printed there."""

import importlib.util
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.serving import make_server

PAGE = next(page for folder in Path(__file__).parents if (page := folder / "docs" / "flask.md").is_file())
pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "shop.py"
    path.write_text(blocks("python")[0], encoding="utf-8")
    spec = importlib.util.spec_from_file_location("shop", path)
    assert spec is not None
    assert spec.loader is not None
    shop = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "shop", shop)
    spec.loader.exec_module(shop)
    server = make_server("127.0.0.1", 0, shop.create_app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    shop.engine.dispose()


def test_curl_gets_what_the_page_prints(address: str) -> None:
    etag = ""
    compared = 0
    for block in blocks("console"):
        for command, printed in re.findall(r"\$ (curl .*)\n((?:[^$].*\n|\n)*)", block):
            said = command.replace("localhost:5000", address).replace('"$ETag"', etag)
            ran = subprocess.run(["sh", "-c", f"{said} -sS"], capture_output=True, text=True, timeout=60, check=True)
            lines = [line.rstrip() for line in ran.stdout.splitlines()]
            for line in filter(None, printed.splitlines()):
                compared += 1
                if line.startswith("ETag"):
                    assert any(other.startswith("ETag: ") for other in lines)
                else:
                    assert line.replace("HTTP/1.1", "") in [other.replace("HTTP/1.1", "") for other in lines], (
                        ran.stdout
                    )
            found = [line.removeprefix("ETag: ") for line in lines if line.startswith("ETag: ")]
            etag = etag or (found[0] if found else "")
    assert compared >= 12
