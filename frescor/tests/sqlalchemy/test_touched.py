"""The slices of one table that a transaction has written to."""

from frescor.sqlalchemy._transactions.touched import MOST_SLICES, ROWS, both, raised_tags

ONE, OTHER = "sql:due#@member_id", "sql:due#@month"


def test_slices_of_two_writes_are_joined() -> None:
    assert both({ONE: frozenset({"a"})}, {ONE: frozenset({"b"})}) == {ONE: frozenset({"a", "b"})}


def test_a_column_that_one_write_says_nothing_of_is_not_known() -> None:
    assert both({ONE: frozenset({"a"}), OTHER: frozenset({"m"})}, {ONE: frozenset({"a"})}) == {
        ONE: frozenset({"a"}),
        OTHER: None,
    }
    assert both({ONE: frozenset({"a"})}, {ONE: None}) == {ONE: None}


def test_too_many_slices_of_a_column_are_its_blind_tag() -> None:
    most = frozenset(map(str, range(MOST_SLICES)))
    assert both({ONE: most}, {ONE: most}) == {ONE: most}
    assert both({ONE: most}, {ONE: frozenset({"one more"})}) == {ONE: None}


def test_what_is_raised_names_the_columns_that_it_tells_of() -> None:
    tags = raised_tags("sql:due", {ONE: frozenset({f"{ONE}=1"}), OTHER: None}, ())
    assert sorted(tags) == sorted(["sql:due#@!member_id,month", f"{ONE}=1", OTHER])


def test_what_is_named_as_the_rows_are_is_raised_for_each_row_or_blind() -> None:
    joined = both({ONE: ROWS}, {ONE: frozenset()})
    assert f"{ONE}=ab" in raised_tags("sql:due", joined, ["sql:due#ab"])
    assert ONE in raised_tags("sql:due", joined, None)
    assert raised_tags("sql:due", {ONE: frozenset()}, ["sql:due#ab"]) == ["sql:due#@!member_id"]
