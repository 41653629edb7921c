"""Whose a row is: by CPF, matrícula, name, and never against what else it says."""

from typing import Any

import pytest
from flask import Flask

from controles.db import db
from controles.importing.payers import LEAVE, PERSON, UNIDENTIFIED, Doubt, Payer, Said, new_budget, payers_among

MARIA, JOSE = "52998224725", "11144477735"


@pytest.fixture
def people(sqlite_app: Flask, org: Any) -> dict[str, int]:
    return {
        "maria": org.militante("Maria Aparecida da Silva", matricula="000012", cpf=MARIA),
        "jose": org.militante("José Antônio Gonçalves", matricula="7", cpf=JOSE),
        "rui": org.militante("Rui Prado", nome_social="Rita Prado", matricula="A-1"),
        "one": org.militante("Ana Lima", matricula="20"),
        "two": org.militante("Ana Lima", matricula="21"),
    }


def find(said: Said, *, nobodys: bool = True) -> Payer | None:
    return payers_among(db.session, [said], new_budget()).find(said, nobodys=nobodys)


@pytest.mark.parametrize(
    ("said", "who"),
    [
        (Said(cpf=MARIA), "maria"),
        (Said(cpf=MARIA, nome="MARIA DA SILVA"), "maria"),
        (Said(matricula="12"), "maria"),
        (Said(matricula="12", nome="maria aparecida silva"), "maria"),
        (Said(matricula="0007", nome="José Gonçalves"), "jose"),
        (Said(nome="JOSE ANTONIO GONCALVES"), "jose"),
        (Said(nome="Rita Prado"), "rui"),
        (Said(matricula="A-1", nome="Rui Prado"), "rui"),
        # Who has no CPF here may have any.
        (Said(matricula="A-1", cpf="39053344705"), "rui"),
        (Said(matricula="21", nome="Ana Lima"), "two"),
    ],
)
def test_a_row_that_says_it_clearly_is_that_persons(people: dict[str, int], said: Said, who: str) -> None:
    found = find(said)
    assert found is not None
    assert found.id == people[who]


@pytest.mark.parametrize(
    ("said", "sentence", "offered"),
    [
        (Said(matricula="12", nome="José Antônio Gonçalves"), "é de Maria", {"maria", "jose"}),
        (Said(matricula="7", cpf=MARIA), "O CPF é de Maria", {"maria", "jose"}),
        (Said(cpf=MARIA, nome="José Antônio Gonçalves"), "O CPF é de Maria", {"maria", "jose"}),
        (Said(cpf="39053344705", nome="José Antônio Gonçalves"), "talvez outra pessoa tenha pago", {"jose"}),
        (Said(cpf="39053344705"), "não é de nenhum militante", set()),
        (Said(nome="Ana Lima"), "Há 2 militantes", {"one", "two"}),
        (Said(nome="Maria Silva"), "Não há militante com o nome", {"maria"}),
        (Said(nome="Zé"), "Não há militante com o nome", set()),
        (Said(matricula="99", nome="Rita Prado"), "Não há militante com a matrícula 99", {"rui"}),
    ],
)
def test_a_row_that_is_not_clear_is_a_question_with_the_people_it_may_be(
    people: dict[str, int], said: Said, sentence: str, offered: set[str]
) -> None:
    with pytest.raises(Doubt, match=sentence) as doubt:
        find(said)
    answers = [answer for answer, _ in doubt.value.options]
    assert answers[-2:] == [UNIDENTIFIED, LEAVE]
    assert set(answers[:-2]) == {f"{PERSON}{people[name]}" for name in offered}


def test_what_was_decided_counts_and_only_for_people_who_are_there(people: dict[str, int]) -> None:
    said = Said(matricula="12", nome="José Antônio Gonçalves", decisao=f"{PERSON}{people['jose']}")
    found = find(said)
    assert found is not None
    assert found.id == people["jose"]
    assert find(Said(nome="Ninguém", decisao=UNIDENTIFIED)) is None
    with pytest.raises(Doubt):
        find(Said(nome="Ninguém", decisao=UNIDENTIFIED), nobodys=False)
    for nonsense in ("m:", "m:x", "m:99999999999", "m:777"):
        with pytest.raises(Doubt):
            find(Said(nome="Ninguém", decisao=nonsense))


def test_a_name_full_of_wildcards_finds_nobody_else(people: dict[str, int]) -> None:
    with pytest.raises(Doubt) as doubt:
        find(Said(nome="% %"))
    assert len(doubt.value.options) == 2
