"""What `Cache.explain` says of a call; of statements: `sqlalchemy/test_why_read.py`."""

import pytest

from frescor import Cache, PolicyError, current_load


def test_it_runs_the_function_and_names_its_tags_and_stores_nothing() -> None:
    runs = []
    with Cache.from_url("memory://", "test") as cache:

        @cache.cached(expire=300, key_prefix="explained")
        def found(number: int, *, private: bool) -> int:
            runs.append(number)
            current_load().depends_on("numbers")
            if private:
                current_load().keep_private()
            return number

        explained = cache.explain(found, 1, private=False)
        assert explained.tags == ("=numbers",)
        assert str(explained) == "1 tag"
        assert str(cache.explain(found, 1, private=True)) == "1 tag\nnothing would be stored"
        found(1, private=False)
        assert runs == [1, 1, 1]


def test_a_function_that_is_awaited_is_refused_with_what_to_do() -> None:
    async def later() -> int:
        return 1

    with Cache.from_url("memory://", "test") as cache, pytest.raises(PolicyError, match="'later' is awaited: pass a"):
        cache.explain(later)
