import threading

import pytest
from flask import Flask, current_app

from controles.services import background
from controles.services.background import background_of


@pytest.fixture
def app() -> Flask:
    app = Flask("x")

    background.init_app(app)
    return app


def test_work_runs_in_a_context_of_its_own(app: Flask) -> None:
    found: list[str] = []
    background_of(app).start("nome", lambda: found.append(current_app.name))
    assert background_of(app).join(10)
    assert found == ["x"]


def test_work_of_one_name_is_not_begun_twice_at_once_and_can_be_begun_again_after_it(app: Flask) -> None:
    go_on, runs = threading.Event(), [0]

    def work() -> None:
        runs[0] += 1
        assert go_on.wait(10)

    threads = background_of(app)
    threads.start("a", work)
    threads.start("a", work)
    assert not threads.join(0.01)
    go_on.set()
    assert threads.join(10)
    threads.start("a", work)
    assert threads.join(10)
    assert runs == [2]


def test_work_that_fails_leaves_the_next_one_alone(app: Flask) -> None:
    found: list[int] = []
    background_of(app).start("a", lambda: 1 // 0)
    assert background_of(app).join(10)
    background_of(app).start("a", lambda: found.append(1))
    assert background_of(app).join(10)
    assert found == [1]
