"""A telephone number and an e-mail address are the same however they are written."""

import pytest

from controles.domain.contact import email_form, phone_form, phone_forms_of_term, phones_without_area


@pytest.mark.parametrize(
    "written",
    ["11987654321", "(11) 98765-4321", "+55 11 98765-4321", "011 98765 4321", "5511987654321", "0 11 9.8765-4321"],
)
def test_one_number_has_one_form(written: str) -> None:
    assert phone_form(written) == "12345678911"


@pytest.mark.parametrize("written", [None, "", "não tem", "٣٤"])
def test_what_has_no_digits_has_no_form(written: str | None) -> None:
    assert phone_form(written) is None


@pytest.mark.parametrize(
    ("stored", "term", "found"),
    [
        ("(11) 98765-4321", "11987654321", True),
        ("(11) 98765-4321", "98765-4321", True),
        ("(11) 98765-4321", "8765 4321", True),
        ("(11) 98765-4321", "+55 (11) 8765-4321", True),
        ("(11) 8765-4321", "11 98765-4321", True),
        ("98765-4321", "(11) 98765-4321", True),
        ("8765-4321", "(11) 98765-4321", True),
        ("(21) 98765-4321", "(11) 98765-4321", False),
        ("(11) 98765-4321", "11 98765-4322", False),
        ("5532-1987", "55321987", True),
        ("(55) 3219-8765", "55 3219-8765", True),
    ],
)
def test_a_term_finds_the_number_it_means(stored: str, term: str, found: bool) -> None:
    form = phone_form(stored)
    assert form is not None
    prefixes = any(form.startswith(prefix) for prefix in phone_forms_of_term(term))
    assert (prefixes or form in phones_without_area(term)) is found


@pytest.mark.parametrize("term", ["1234567", "maria", "12345678a", "123456789012345", "", "()-"])
def test_other_terms_are_no_numbers(term: str) -> None:
    assert phone_forms_of_term(term) == ()
    assert phones_without_area(term) == ()


def test_an_address_is_compared_in_lower_case_and_composed() -> None:
    assert email_form(" Jose\u0301@Exemplo.ORG ") == "jos\u00e9@exemplo.org"
    assert email_form("  ") is None
