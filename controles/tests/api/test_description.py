"""The OpenAPI document describes what the API does: schemathesis asks for what it allows, and for what it does not.

In the gate each operation is tried with a few requests; CONTROLES_FUZZ=all tries some thousand:

    CONTROLES_FUZZ=all python -m pytest controles/tests/api/test_description.py
"""

import os
from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from controles.api.operations import OPERACOES, PREFIX

from .conftest import Program

EXAMPLES = 1000 if os.environ.get("CONTROLES_FUZZ") == "all" else 10


@pytest.fixture
def asked(program: Callable[..., Program], org: Any) -> Program:
    made = program()
    with made.app.app_context():
        for nome in ("Ana", "Bia", "Caio"):
            org.militante(nome, nucleo_id=org.nucleo(f"Núcleo de {nome}"))
        org.cotas("2026-02", "2026-03")
        org.reverse(org.pay(1, 2500))
        org.pay(None, 700)
    return made


def test_it_names_every_operation_and_can_be_read_without_a_token(web: Flask) -> None:
    answer = web.test_client().get(f"{PREFIX}/openapi.json")
    document = answer.get_json()
    assert set(document["paths"]) == {PREFIX + operation.caminho for operation in OPERACOES}
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert all("cpf" not in schema.get("properties", {}) for schema in document["components"]["schemas"].values())


@pytest.mark.parametrize("path", [operation.caminho for operation in OPERACOES])
def test_what_it_allows_is_answered_as_it_says_and_what_it_does_not_is_refused(asked: Program, path: str) -> None:
    schema = schemathesis.openapi.from_wsgi(f"{PREFIX}/openapi.json", asked.app)
    # Or it would leave the token out as a mistake of its own, and `ask` adds it again; test_answers.py does that.
    del schema.raw_schema["security"], schema.raw_schema["components"]["securitySchemes"]
    operation = schema[PREFIX + path]["GET"]
    modes = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
    cases = st.one_of([operation.as_strategy(generation_mode=mode) for mode in modes])

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=EXAMPLES < 100,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def ask(case: Any) -> None:
        case.call_and_validate(headers={"Authorization": f"Bearer {asked.token}"})

    ask()
