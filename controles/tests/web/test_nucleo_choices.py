"""The choice of a núcleo in a list's filter."""

from controles.militantes.records import NucleoItem
from controles.web.nucleo_choices import options

NUCLEOS = (NucleoItem(1, "Centro", "SP"), NucleoItem(12, "Ribeirão <b>", "SP"))


def test_each_nucleo_is_an_option_and_what_it_is_called_is_escaped() -> None:
    assert options(NUCLEOS, None) == (
        '<option value="1">Centro · SP</option><option value="12">Ribeirão &lt;b&gt; · SP</option>'
    )


def test_the_chosen_one_is_selected_and_no_other() -> None:
    drawn = options(NUCLEOS, 1)
    assert drawn.count(" selected") == 1
    assert '<option value="1" selected>' in drawn
    assert '<option value="12" selected>' in options(NUCLEOS, 12)


def test_a_nucleo_that_is_not_among_them_selects_none() -> None:
    assert options(NUCLEOS, 2) == options(NUCLEOS, None)


def test_a_nucleo_that_was_renamed_is_drawn_anew() -> None:
    options(NUCLEOS, None)
    assert "Norte · SP" in options((NucleoItem(1, "Norte", "SP"),), None)
