"""Parts of templates that are cached."""

import contextlib
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask, render_template, render_template_string
from jinja2 import DictLoader, TemplateSyntaxError

from frescor import Cache, Policy, PolicyError
from frescor.flask import FlaskCache
from frescor.sqlalchemy import track

CARD = Policy(name="card", expire=300)
Templates = dict[str, str]


class Site:
    """An application whose templates count how often a part is rendered."""

    def __init__(self, templates: Templates | None = None, *, cache: FlaskCache | None = None) -> None:
        self.app = app = Flask("site")
        self.runs = 0
        self.cache = cache or FlaskCache()
        self.cache.init_app(app, lambda: self.store)
        self.store = Cache.from_url("memory://", "test")
        self.templates = templates or {}
        app.jinja_env.loader = DictLoader(self.templates)
        app.jinja_env.globals.update(CARD=CARD, OTHER=Policy(name="other", expire=300), count=self.count)

    def count(self) -> int:
        self.runs += 1
        return self.runs

    def render(self, source: str, **values: object) -> str:
        with self.app.app_context():
            return render_template_string(source, **values)

    def page(self, name: str, **values: object) -> str:
        with self.app.app_context():
            return render_template(name, **values)


def test_a_part_is_rendered_once_for_the_same_values() -> None:
    site = Site()
    source = "{% cache CARD, user %}{{ user }} {{ count() }}{% endcache %}"
    assert [site.render(source, user=user) for user in ("ana", "ana", "bia", "ana")] == [
        "ana 1",
        "ana 1",
        "bia 2",
        "ana 1",
    ]


def test_what_it_shows_is_escaped_once() -> None:
    site = Site({"page.html": "{% cache CARD, user %}<b>{{ user }}</b>{% endcache %}"})
    for _ in range(2):
        assert site.page("page.html", user="<i>") == "<b>&lt;i&gt;</b>"


@pytest.mark.parametrize(
    "other",
    [
        "{% cache CARD, user %}{{ count() }}!{% endcache %}",
        "{% cache OTHER, user %}{{ count() }}{% endcache %}",
        "{% cache CARD, user, 1 %}{{ count() }}{% endcache %}",
    ],
)
def test_another_text_policy_or_number_of_values_is_another_part(other: str) -> None:
    site = Site()
    site.render("{% cache CARD, user %}{{ count() }}{% endcache %}", user=1)
    assert "2" in site.render(other, user=1)


def test_two_parts_of_one_template_with_the_same_values_are_two() -> None:
    part = "{% cache CARD %}{{ count() }}{% endcache %}"
    assert Site().render(f"{part}\n{part}") == "1\n2"


def test_two_parts_in_one_line_are_two() -> None:
    assert Site().render("{% cache CARD %}a{% endcache %}{% cache CARD %}b{% endcache %}") == "ab"


def test_a_template_that_it_includes_is_part_of_its_text() -> None:
    templates = {"page.html": "{% cache CARD %}{% include 'part.html' %}{% endcache %}", "part.html": "old"}
    site = Site(templates)
    assert site.page("page.html") == "old"
    templates["part.html"] = "new"
    site.app.jinja_env.cache.clear()  # type: ignore[union-attr]
    assert site.page("page.html") == "new"


def test_a_part_of_a_template_that_is_included_is_found_too() -> None:
    site = Site(
        {
            "base.html": "{% block body %}{% endblock %}",
            "page.html": "{% extends 'base.html' %}{% block body %}{% include 'part.html' %}{% endblock %}",
            "part.html": "{% cache CARD, user %}{{ user }} {{ count() }}{% endcache %}",
        }
    )
    assert [site.page("page.html", user=user) for user in (1, 1, 2)] == ["1 1", "1 1", "2 2"]


def test_a_commit_ends_the_part_that_shows_what_it_changed(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path}/db")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE price (id INTEGER PRIMARY KEY, amount INTEGER)")
        connection.exec_driver_sql("INSERT INTO price VALUES (1, 10)")

    def price() -> object:
        with engine.connect() as connection:
            return connection.scalar(sa.text("SELECT amount FROM price WHERE id = 1"))

    site = Site()
    site.app.jinja_env.globals["price"] = price
    source = "{% cache CARD %}{{ price() }}{% endcache %}"
    with site.app.app_context(), contextlib.closing(track(engine, site.cache)):
        assert render_template_string(source) == "10"
        with engine.begin() as connection:
            connection.execute(sa.text("UPDATE price SET amount = 11"))
        assert render_template_string(source) == "11"
    engine.dispose()


def test_two_applications_with_one_extension_have_parts_of_their_own() -> None:
    cache = FlaskCache()
    one, other = Site(cache=cache), Site(cache=cache)
    source = "{% cache CARD %}{{ name }}{% endcache %}"
    assert [one.render(source, name="one"), other.render(source, name="other"), one.render(source, name="x")] == [
        "one",
        "other",
        "one",
    ]


def test_what_is_no_policy_is_refused_with_what_to_write() -> None:
    with pytest.raises(PolicyError, match=r"jinja_env\.globals\['CARD'\]"):
        Site().render("{% cache 300 %}a{% endcache %}")


def test_an_empty_part_is_refused() -> None:
    with pytest.raises(TemplateSyntaxError, match="nothing stands between"):
        Site().render("{% cache CARD %}{% endcache %}")
