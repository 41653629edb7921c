"""The page on Flask says what happens: its application runs, and curl gets what is printed there."""

import importlib.util
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from console_sessions import blocks, compared_lines
from werkzeug.serving import make_server

PAGE = next(page for folder in Path(__file__).parents if (page := folder / "docs" / "flask.md").is_file())
pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "shop.py"
    path.write_text(blocks(PAGE, "python")[0], encoding="utf-8")
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
    assert compared_lines(PAGE, "localhost:5000", address) >= 12
