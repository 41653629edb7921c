"""Errors: one tree, each saying what it was about."""

import pytest

import frescor
from frescor import errors
from frescor.errors import CacheError


@pytest.mark.parametrize("name", ["PolicyError", "StoreUnavailable", "StoreRejected", "EntryUnreadable"])
def test_every_error_is_a_cache_error_and_frescors_own_name(name: str) -> None:
    assert issubclass(getattr(errors, name), CacheError)
    assert getattr(frescor, name) is getattr(errors, name)


def test_an_error_says_what_it_was_about_in_its_text_and_apart() -> None:
    error = CacheError("no answer", operation="read", policy="price", key_digest="1a2b")
    assert str(error) == "no answer (operation read, policy price, key 1a2b)"
    assert (error.operation, error.policy, error.key_digest) == ("read", "price", "1a2b")
    assert str(CacheError("no answer")) == "no answer"
    assert str(CacheError("no answer", policy="")) == "no answer (policy )"
