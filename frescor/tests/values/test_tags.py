"""Tags: which an entry has, which a pattern stands for, and which a write of unknown slices raises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frescor import PolicyError
from frescor._values.tags import (
    DEEPEST_KEY,
    blind_tags_of,
    declared_in,
    declared_tags,
    entry_tags,
    implied_tags,
    key_tags,
    pattern_tag,
    tag_pattern,
    with_blind_tags,
)

parts = st.text(st.characters(exclude_characters=":*", exclude_categories=["Cs"]), min_size=1, max_size=5)


@given(st.lists(parts, min_size=1, max_size=DEEPEST_KEY))
def test_every_prefix_of_a_key_is_the_tag_of_its_pattern(of_key: list[str]) -> None:
    key = ":".join(of_key)
    patterns = ["*", *(f"{':'.join(of_key[:end])}:*" for end in range(1, len(of_key)))]
    assert key_tags(key) == tuple(map(pattern_tag, patterns))
    assert list(map(tag_pattern, key_tags(key))) == patterns


def test_a_key_that_is_too_deep_is_refused_and_its_tags_are_known_all_the_same() -> None:
    key = ":".join("a" * (DEEPEST_KEY + 1))
    with pytest.raises(PolicyError, match=f"at most {DEEPEST_KEY} parts"):
        key_tags(key)
    assert len(implied_tags(key)) == DEEPEST_KEY + 1


@pytest.mark.parametrize("pattern", ["", "a*", "*:a", "a:*:b", "a:b*", "**", "a:*:*", ":*", "a::*"])
def test_a_pattern_that_is_no_prefix_is_refused(pattern: str) -> None:
    with pytest.raises(PolicyError):
        pattern_tag(pattern)


def test_a_key_is_no_pattern_and_a_declared_tag_no_pattern_of_keys() -> None:
    assert pattern_tag("dashboard:stats") is None
    assert tag_pattern("=dashboard") is None


def test_no_declared_tag_is_that_of_a_prefix_or_of_the_namespace() -> None:
    names = ("*", "/a", "a", "=a", "+a")
    assert not set(declared_tags(names)) & set(implied_tags("*:/a:a:=a:x"))
    assert declared_in((*implied_tags("a:b"), *declared_tags(names))) == names


def test_an_entry_has_each_tag_once() -> None:
    assert entry_tags("a:b", ("t", "t")) == ("*", "/a", "=t")


def test_who_knows_no_slices_raises_the_tag_that_stands_for_all_of_the_table() -> None:
    assert with_blind_tags(["sql:due", "sql[x]:pay", "prices", "sql:due#0a"]) == (
        "sql:due",
        "sql[x]:pay",
        "prices",
        "sql:due#0a",
        "sql:due#@!",
        "sql[x]:pay#@!",
    )
    known = ["sql:due", "sql:due#@month=1"]
    assert with_blind_tags(known) == tuple(known)


def test_the_blind_tags_of_a_table_are_those_of_its_own_columns_that_were_not_told() -> None:
    registered = ["sql:due#@month", "sql:due#@member", "sql:due#@month=1", "sql:dues#@month"]
    assert blind_tags_of("sql:due#@!", registered) == ["sql:due#@month", "sql:due#@member"]
    assert blind_tags_of("sql:due#@!month", registered) == ["sql:due#@member"]
    assert blind_tags_of("sql:due#@!month,member", registered) == []
