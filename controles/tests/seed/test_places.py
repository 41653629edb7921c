import pytest

from controles.seed.places import MOST_PLACES, places


def test_every_nucleo_has_its_own_name_and_a_parent_that_comes_before_it() -> None:
    made = places(1200)
    assert len({place.nome for place in made}) == 1200
    assert len({place.uf for place in made}) == 27
    assert all(place.pai_id is None or place.pai_id < place.id for place in made)


def test_a_smaller_organisation_has_the_first_nucleos_of_a_larger_one() -> None:
    assert places(12) == places(1200)[:12]


@pytest.mark.parametrize("count", [0, MOST_PLACES + 1])
def test_refuses_more_nucleos_than_it_can_name(count: int) -> None:
    with pytest.raises(ValueError, match=str(MOST_PLACES)):
        places(count)
