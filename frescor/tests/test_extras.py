"""What is missing of an extra is named with what to install; any other mistake is left as it is."""

import pytest

from frescor._extras import extra


def test_a_missing_package_is_named_as_it_is_installed() -> None:
    with (
        pytest.raises(ImportError, match=r"the page needs Flask, .*: pip install 'frescor\[flask\]'"),
        extra("flask", "the page"),
    ):
        raise ImportError("No module named 'flask.views'", name="flask.views")


def test_what_is_said_in_words_alone_is_understood() -> None:
    with pytest.raises(ImportError, match="needs greenlet") as error, extra("sqlalchemy", "track"):
        raise ImportError("The greenlet library is required")
    assert error.value.name == "greenlet"


@pytest.mark.parametrize("mistake", [ImportError("No module named 'shop'", name="shop"), NameError("flask")])
def test_a_mistake_of_another_kind_is_left_as_it_is(mistake: Exception) -> None:
    with pytest.raises(type(mistake)) as error, extra("flask", "the page"):
        raise mistake
    assert error.value is mistake
