"""Parameters and literals of a text: each has a name and a value, or is not certain."""

from typing import Any

import pytest

from frescor.sqlalchemy._statements.facts import Field
from frescor.sqlalchemy._statements.text import facts_of_clause, facts_of_text
from frescor.sqlalchemy._statements.text_values import of_driver

UNKNOWN = object()


def value(literal: str, dialect: str = "postgresql") -> Any:
    """The value that a column is compared with; UNKNOWN if that is not certain."""
    facts = facts_of_text(f"SELECT 1 FROM t WHERE x = {literal}", dialect)
    if not facts.places:
        return UNKNOWN
    ((_, field),) = facts.places[0].bound
    assert isinstance(field, Field)
    return facts.literals[field.parameter]


@pytest.mark.parametrize(
    ("literal", "expected"),
    [
        ("7", 7),
        ("007", 7),
        ("- 7", -7),
        ("(((7)))", 7),
        ("999999999999999999", UNKNOWN),
        ("9" * 14, int("9" * 14)),
        ("7e0", UNKNOWN),
        (".7", UNKNOWN),
        ("'7'", "7"),
        ("''", ""),
        ("'§0'", "§0"),
        ("-'7'", UNKNOWN),
        ("true", UNKNOWN),
        ("NULL", None),
        ("'a' 'b'", UNKNOWN),
        ("current_date", UNKNOWN),
        ("interval '7 days'", UNKNOWN),
        ("(SELECT 7)", UNKNOWN),
        ("ARRAY[7]", UNKNOWN),
        ("ROW(7)", UNKNOWN),
    ],
)
def test_a_literal_is_a_parameter_with_a_value(literal: str, expected: object) -> None:
    assert value(literal) == expected


def test_a_date_is_one_by_its_cast_on_postgresql_alone() -> None:
    assert str(value("DATE '2025-01-31'")) == str(value("'2025-01-31'::date")) == "2025-01-31"
    assert value("DATE '31.1.2025'") is UNKNOWN
    # There it is the number 2025.
    assert value("CAST('2025-01-31' AS DATE)", "sqlite") is UNKNOWN


def test_a_number_that_could_stand_for_a_parameter_makes_all_of_them_uncertain() -> None:
    assert facts_of_text("SELECT 1 FROM t WHERE x = ? AND y = 910000000000000", "sqlite").places == ()
    assert facts_of_text("SELECT 1 FROM t WHERE x = ? AND y = 0x33BA496C4E000", "sqlite").places == ()


def test_two_forms_of_parameters_by_place_are_not_certain() -> None:
    assert facts_of_text("SELECT 1 FROM t WHERE x = %s AND y = %s", "postgresql").places
    assert facts_of_text("SELECT 1 FROM t WHERE x = %s AND y = ?", "postgresql").places == ()


def test_a_parameter_that_has_no_name_binds_nothing() -> None:
    def named(name: str, many: bool) -> Field | None:
        return None if name == "0" else of_driver(name, many)

    (place,) = facts_of_clause("SELECT 1 FROM t WHERE x = ? AND y = ?", "sqlite", named).places
    assert [name for name, _ in place.bound] == ["y"]
