import datetime as dt
import random
from collections import Counter

import pytest

from controles.domain.cpf import is_valid
from controles.militantes.models import Situacao
from controles.seed.days import Calendar
from controles.seed.people import FAKE_CPF_PREFIX, People, Person, fake_cpf, joins_by_month
from controles.seed.places import places
from controles.seed.profiles import Profile

HOJE = dt.date(2026, 3, 17)


@pytest.fixture(scope="module")
def people() -> list[Person]:
    profile = Profile("test", militantes=12_000, nucleos=1200)
    return list(People(profile, Calendar(HOJE), places(1200), random.Random(5).random))


def share(people: list[Person], fact: object) -> float:
    assert callable(fact)
    return sum(map(bool, map(fact, people))) / len(people)


@pytest.mark.parametrize("total", [1, 300, 20_000])
def test_the_joins_of_ten_years_sum_to_the_profile(total: int) -> None:
    joins = joins_by_month(total, HOJE)
    assert len(joins) == 120
    assert sum(count for _, count in joins) == total
    assert min(count for _, count in joins) >= 0


def test_joins_grow_rest_in_summer_and_jump_in_the_campaigns_of_even_years() -> None:
    joins = dict(joins_by_month(1_000_000, HOJE))

    def joined(year: int, month: int) -> int:
        return joins[year * 12 + month - 1]

    assert joined(2025, 6) / joined(2024, 6) == pytest.approx(1.012**12, rel=0.01)
    assert joined(2024, 3) / joined(2025, 3) == pytest.approx(2.8 / 1.012**12, rel=0.01)
    assert joined(2025, 12) / joined(2025, 11) == pytest.approx(0.6 * 1.012, rel=0.01)


def test_three_in_four_are_still_members(people: list[Person]) -> None:
    assert share(people, lambda person: person.left is None) == pytest.approx(0.76, abs=0.015)


def test_some_members_are_on_leave_and_some_are_exempt(people: list[Person]) -> None:
    members = [person for person in people if person.left is None]
    assert share(members, lambda person: person.situacao is Situacao.LICENCIADO) == pytest.approx(0.03, abs=0.007)
    assert share(people, lambda person: person.exempt) == pytest.approx(0.06, abs=0.01)


def test_standing_and_dates_agree(people: list[Person]) -> None:
    hoje = HOJE.toordinal()
    for person in people:
        assert person.born < person.joined <= hoje
        assert (person.situacao is Situacao.DESLIGADO) == (person.left is not None)
        assert person.left is None or person.joined < person.left <= hoje
        for leave in person.leaves:
            assert person.joined < leave.start <= hoje
            assert leave.end is None or leave.start < leave.end <= (person.left or hoje)


def test_two_in_a_hundred_lack_a_cpf_and_as_many_an_email(people: list[Person]) -> None:
    assert share(people, lambda person: person.cpf is None) == pytest.approx(0.02, abs=0.006)
    assert share(people, lambda person: person.email is None) == pytest.approx(0.02, abs=0.006)


def test_invented_cpfs_check_differ_and_show_what_they_are() -> None:
    cpfs = [fake_cpf(position) for position in range(20_001)]
    assert len(set(cpfs)) == len(cpfs)
    assert all(cpf.startswith(FAKE_CPF_PREFIX) for cpf in cpfs)
    assert all(map(is_valid, cpfs[:2000]))


def test_nucleos_have_sizes_of_a_power_law_and_one_in_twenty_has_none(people: list[Person]) -> None:
    sizes = Counter(person.place.id for person in people if person.place is not None)
    assert share(people, lambda person: person.place is None) == pytest.approx(0.05, abs=0.01)
    assert sizes[1] / sizes[16] == pytest.approx(16**0.75, rel=0.35)


@pytest.mark.parametrize(("valor", "wanted"), [(1000, 0.16), (2000, 0.24), (5000, 0.15), (40000, 0.01)])
def test_cotas_are_worth_what_the_table_says(people: list[Person], valor: int, wanted: float) -> None:
    assert share(people, lambda person: person.valor == valor) == pytest.approx(wanted, abs=0.012)


@pytest.mark.parametrize(("day", "wanted"), [(5, 0.30), (10, 0.50), (15, 0.12), (20, 0.08)])
def test_cotas_fall_due_on_four_days(people: list[Person], day: int, wanted: float) -> None:
    assert share(people, lambda person: person.due_day == day) == pytest.approx(wanted, abs=0.015)
