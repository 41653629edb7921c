import random
from collections import Counter

import pytest

from controles.domain.text import search_form
from controles.seed.name_tables import FEMALE, MALE, SURNAMES
from controles.seed.names import Name, Names, read_table

PARTICLES = {"da", "de", "do", "das", "dos"}


@pytest.fixture(scope="module")
def people() -> list[Name]:
    names = Names(random.Random(3).random)
    return [names.draw() for _ in range(20_000)]


@pytest.mark.parametrize("table", [FEMALE, MALE, SURNAMES])
def test_no_name_stands_twice_in_a_table(table: str) -> None:
    words, weights = read_table(table)
    assert len(words) == len(set(words)) == len(weights)


@pytest.mark.parametrize(("given", "share"), [("Maria", 6.05), ("José", 2.54), ("Ana", 1.94), ("João", 1.69)])
def test_given_names_are_as_common_as_the_census_says(people: list[Name], given: str, share: float) -> None:
    found = sum(person.nome.split()[0] == given for person in people) / len(people)
    assert 100 * found == pytest.approx(share, rel=0.12)


@pytest.mark.parametrize(("surname", "share"), [("Silva", 16.76), ("Santos", 10.52), ("Oliveira", 5.77)])
def test_surnames_are_as_common_as_the_census_says(people: list[Name], surname: str, share: float) -> None:
    found = sum(surname in person.nome.split() for person in people) / len(people)
    assert 100 * found == pytest.approx(share, rel=0.12)


def test_a_third_of_the_names_have_a_particle(people: list[Name]) -> None:
    found = sum(not PARTICLES.isdisjoint(person.nome.split()) for person in people) / len(people)
    assert found == pytest.approx(0.35, abs=0.02)


def test_one_in_a_hundred_has_a_nome_social_and_is_searched_by_it(people: list[Name]) -> None:
    social = [person for person in people if person.nome_social is not None]
    assert len(social) / len(people) == pytest.approx(0.01, abs=0.004)
    assert all(person.nome_busca == search_form(person.nome_social or person.nome) for person in people[:500] + social)


def test_some_people_share_a_whole_name(people: list[Name]) -> None:
    assert Counter(person.nome for person in people).most_common(1)[0][1] > 1


def test_no_name_is_commoner_than_the_common_ones(people: list[Name]) -> None:
    firsts = [name for name, _ in Counter(person.nome.split()[0] for person in people).most_common(4)]
    assert set(firsts) == {"Maria", "José", "Ana", "João"}
