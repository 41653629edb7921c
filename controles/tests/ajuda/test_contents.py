"""The texts of the help: every area of pages has one, and what they name exists."""

import re
from itertools import chain
from pathlib import Path

from flask import Flask

import controles
from controles.ajuda.contents import AREAS, BY_BLUEPRINT, TERMOS
from controles.ajuda.views import term

PACKAGE = Path(controles.__file__).parent
# Pages of somebody who is not logged in yet, what programs read, and the help itself.
WITHOUT = {"contas", "api", "ajuda"}


def test_the_pages_of_every_blueprint_have_their_help(web: Flask) -> None:
    assert set(BY_BLUEPRINT) == set(web.blueprints) - WITHOUT
    assert sum(len(area.blueprints) for area in AREAS) == len(BY_BLUEPRINT)


def test_every_page_that_a_question_leads_to_exists_and_needs_no_number(web: Flask) -> None:
    named = {question.endpoint for area in AREAS for question in area.perguntas} - {None}
    rules = {rule.endpoint: rule for rule in web.url_map.iter_rules()}
    for endpoint in named:
        assert rules[str(endpoint)].arguments == set(), endpoint
        assert hasattr(web.view_functions[str(endpoint)], "permission"), endpoint


def test_every_term_that_a_page_explains_exists_and_is_explained_once() -> None:
    templates = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("templates/**/*.html")]
    used = set(chain.from_iterable(re.findall(r'\b(?:help\(|ajuda=)"([a-z]+)"', text) for text in templates))
    assert used <= set(TERMOS)
    assert len(used) >= 8
    assert len(TERMOS) == sum(len(area.termos) for area in AREAS)
    assert term("estorno")[1].chave == "pagamentos"


def test_every_text_is_a_few_whole_sentences() -> None:
    texts = [term.texto for term in TERMOS.values()] + [one.texto for area in AREAS for one in area.perguntas]
    for text in texts:
        assert text.endswith(".")
        assert len(text) < 260, text
