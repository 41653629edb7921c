"""`flask --app controles cache …` looks at the cache of the application that runs, and starts none."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from controles.domain.clock import today
from controles.domain.escopo import Escopo
from controles.militantes.queries import FiltroMilitantes, list_militantes
from controles.painel.queries import get_dashboard_stats
from controles.services.cache_service import embedded_folder, service_of
from frescor.embedded import EmbeddedServer, find_binary
from frescor.testing import PrivateServer

pytestmark = pytest.mark.skipif(find_binary() is None, reason="no valkey-server or redis-server on this machine")


@pytest.fixture
def installed(make_app: Callable[..., Flask], sqlite_url: str) -> Flask:
    """An installation with an embedded server, in the process that runs a command."""
    return make_app(REDIS_URL="", DATABASE_URL=sqlite_url)


@pytest.fixture
def running(installed: Flask) -> Iterator[EmbeddedServer]:
    """What another process of the same installation holds while it serves."""
    with EmbeddedServer.acquire(embedded_folder(installed.extensions["settings"])) as server:
        yield server


def run(app: Flask, *arguments: str) -> tuple[int, str]:
    with app.app_context():
        done = app.test_cli_runner().invoke(args=["cache", *arguments])
    return done.exit_code, done.output


@pytest.mark.parametrize("command", ["status", "keys", "clear", "warmup", "monitor"])
def test_with_no_application_running_it_says_so_and_starts_nothing(installed: Flask, command: str) -> None:
    code, shown = run(installed, command)
    assert code == 1
    assert "Nenhum Controles está em execução" in shown
    assert EmbeddedServer.find(embedded_folder(installed.extensions["settings"])) is None


def test_the_running_applications_server_is_found(installed: Flask, running: EmbeddedServer) -> None:
    code, shown = run(installed, "status")
    assert code == 0, shown
    assert f"{running.kind} {running.version}" in shown


def test_with_redis_url_that_server_is_used(make_app: Callable[..., Flask]) -> None:
    with PrivateServer() as server:
        code, shown = run(make_app(REDIS_URL=server.url), "status")
        assert code == 0, shown
        assert "entries" in shown


def test_with_a_server_that_does_not_answer_it_says_so(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    code, shown = run(make_app(REDIS_URL=f"unix://{tmp_path}/nobody?db=0"), "status")
    assert code == 1
    assert "does not answer" in shown
    assert "Traceback" not in shown


@pytest.mark.usefixtures("running")
def test_what_was_warmed_up_is_a_hit_to_the_first_reader(installed: Flask) -> None:
    code, shown = run(installed, "warmup")
    assert code == 0, shown
    assert "ms  painel" in shown

    with installed.app_context():
        service = service_of(installed)
        before = service.stats()
        everywhere, hoje = Escopo(None), today()
        get_dashboard_stats(everywhere, hoje=hoje)
        list_militantes(everywhere, FiltroMilitantes(), hoje=hoje)
        after = service.stats()
    for policy in ("dashboard:stats", "militantes:list"):
        assert after[policy].hits == before[policy].hits + 1
        assert after[policy].loads == before[policy].loads


@pytest.mark.usefixtures("running")
def test_keys_show_no_name_and_no_search_term(installed: Flask) -> None:
    with installed.app_context():
        list_militantes(Escopo(None), FiltroMilitantes(busca="Joaquina"), hoje=today())
        code, shown = run(installed, "keys")
    assert code == 0, shown
    assert "militantes:list" in shown
    assert "joaquina" not in shown.lower()


@pytest.mark.usefixtures("running")
def test_clear_makes_the_next_reader_compute(installed: Flask) -> None:
    with installed.app_context():
        get_dashboard_stats(Escopo(None), hoje=today())
    loads = service_of(installed).stats()["dashboard:stats"].loads
    assert run(installed, "clear", "--yes")[0] == 0
    for _ in range(2):
        with installed.app_context():
            get_dashboard_stats(Escopo(None), hoje=today())
    assert service_of(installed).stats()["dashboard:stats"].loads == loads + 1
