"""Tags that are filled from a view's arguments."""

import pytest

from frescor import Policy, PolicyError
from frescor._http.tagging import filled_tags, without_templates

POLICY = Policy(name="page", expire=60, tags=("all", "price:{number}", "{{literal}}"))


def test_those_with_a_template_are_filled_and_the_others_stay_with_the_policy() -> None:
    assert without_templates(POLICY).tags == ("all", "{{literal}}")
    assert filled_tags(POLICY, {"number": 7, "other": object()}) == ("price:7",)
    assert filled_tags(without_templates(POLICY), {}) == ()


@pytest.mark.parametrize(("arguments", "says"), [({"other": 1}, "it gets other"), ({"number": 1.5}, "neither int nor")])
def test_what_cannot_be_filled_is_refused(arguments: dict[str, object], says: str) -> None:
    with pytest.raises(PolicyError, match=says):
        filled_tags(POLICY, arguments)
