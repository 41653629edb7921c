"""A person's name is found in any spelling of it, and nobody else's."""

import fnmatch

import pytest

from controles.privacidade.naming import Names

NAMES = Names(["Zulmira D'Ávila Conceição", "Zul Conceição", "Única"], email="zul_m@exemplo.org")


@pytest.mark.parametrize(
    ("text", "cleared"),
    [
        ("PIX ZULMIRA D AVILA CONCEICAO 1", "PIX X 1"),
        ("PIX ZULMIRA DAVILA CONCEICAO 1", "PIX X 1"),
        ("de Zulmira  d’ávila\tConceição.", "de X."),
        ("ZULMIRA D'ÁVILA-CONCEIÇÃO", "X"),
        ("zul conceição e Zul Conceição", "X e X"),
        ("Zulmira Conceição", "Zulmira Conceição"),
        ("Zul Conceiçãozinha", "Zul Conceiçãozinha"),
        ("Única", "Única"),
        ("escreveu de ZUL_M@exemplo.org,", "escreveu de X,"),
        ("escreveu de azul_m@exemplo.org", "escreveu de azul_m@exemplo.org"),
        ("", ""),
    ],
)
def test_the_name_goes_and_the_rest_of_the_text_stays(text: str, cleared: str) -> None:
    assert NAMES.replaced(text, "X") == cleared


@pytest.mark.parametrize(
    "text", ["pix zulmira d'ávila conceição", "ZUL CONCEICAO", r"zul concei\u00e7\u00e3o", "a zul_m@exemplo.org"]
)
def test_the_pattern_for_the_database_finds_every_text_that_is_cleared(text: str) -> None:
    patterns = [like.replace("!_", "_").replace("%", "*") for like in NAMES.likes()]
    assert any(fnmatch.fnmatchcase(text.lower(), pattern) for pattern in patterns)


def test_without_a_name_nothing_is_changed() -> None:
    nobody = Names([None, "Ana"], email=None)
    assert nobody.likes() == []
    assert nobody.replaced("Ana", "X") == "Ana"
