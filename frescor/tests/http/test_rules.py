"""Which paths a middleware caches."""

from typing import Any

import pytest

from frescor import Policy, PolicyError
from frescor._http.rules import Rule, rules_from

POLICY = Policy(name="page", expire=300)


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("/a", "/a", True),
        ("/a", "/a/", False),
        ("/a", "/ab", False),
        ("/a/*", "/a/1", True),
        ("/a/*", "/a/1/2", False),
        ("/a/*", "/a/", True),
        ("/a/**", "/a/1/2", True),
        ("/a/*/c", "/a/b/c", True),
        ("/a/*/c", "/a/b/d/c", False),
        ("/a.b", "/axb", False),
        ("/a/*", "/a/x\ny", True),
        ("**", "/anything", True),
        ("/*.json", "/list.json", True),
    ],
)
def test_a_star_stands_for_what_has_no_slash_and_two_for_anything(pattern: str, path: str, fits: bool) -> None:
    assert Rule(pattern, POLICY).fits(path) == fits


def test_the_first_rule_that_fits_decides_and_one_without_policy_leaves_a_path_alone() -> None:
    find = rules_from([Rule("/a/private", None), Rule("/a/*", POLICY)], lambda rule, _: rule.path)
    assert [find("/a/private"), find("/a/1"), find("/b")] == [None, "/a/*", None]


def test_tags_with_arguments_are_refused() -> None:
    with pytest.raises(PolicyError, match="no arguments to fill its tags from"):
        Rule("/a", POLICY.replace(tags=("price:{number}",)))


@pytest.mark.parametrize("given", [("a", POLICY), (1, POLICY), ("/a", 300), ("/a", "policy")])
def test_what_is_no_path_or_no_policy_is_refused(given: Any) -> None:
    with pytest.raises(PolicyError, match="a rule"):
        Rule(*given)


@pytest.mark.parametrize("given", [Rule("/a", POLICY), {"/a": POLICY}, "/a", None, [("/a", POLICY)]])
def test_what_is_no_list_of_rules_is_refused_with_what_to_write(given: Any) -> None:
    with pytest.raises(PolicyError, match=r"a list of Rule\('/path/\*', policy\)"):
        rules_from(given, lambda rule, _: rule)
