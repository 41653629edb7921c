"""A cache whose keys could be guessed says so: once, and only where there is something to guess."""

import logging

import pytest

from frescor import Cache
from frescor.testing import PrivateServer


@pytest.fixture(autouse=True)
def warnings(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.WARNING, "frescor")
    return caplog


def use(cache: Cache) -> None:
    @cache.cached(expire=60, key_prefix="all")
    def everybody() -> int:
        return 1

    @cache.cached(expire=60, key_prefix="one")
    def somebody(cpf: str) -> int:
        return len(cpf)

    everybody()
    cache.set("k", 1)
    assert cache.get("k") == 1
    for cpf in ("529.982.247-25", "111.444.777-35"):
        somebody(cpf)


def said(warnings: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in warnings.records if "key_secret" in record.message]


def test_arguments_in_keys_without_a_secret_are_said_once_with_what_to_write(
    server: PrivateServer, warnings: pytest.LogCaptureFixture
) -> None:
    with Cache.from_url(server.url, "test", timeout=5) as cache:
        use(cache)
    (sentence,) = said(warnings)
    assert "'test'" in sentence
    assert "key_secret=" in sentence
    assert "token_hex(32)" in sentence


def test_row_tags_without_a_secret_are_said_too(server: PrivateServer, warnings: pytest.LogCaptureFixture) -> None:
    with Cache.from_url(server.url, "test", timeout=5) as cache:
        assert cache.key_secret == b""
    assert len(said(warnings)) == 1


def test_nothing_is_said_with_a_secret_nor_where_nobody_else_reads(
    server: PrivateServer, warnings: pytest.LogCaptureFixture
) -> None:
    with Cache.from_url(server.url, "test", timeout=5, key_secret=b"a secret") as cache:
        use(cache)
    with Cache.from_url("memory://", "test") as cache:
        use(cache)
    assert said(warnings) == []


def test_nothing_is_said_of_a_cache_that_digests_nothing(
    server: PrivateServer, warnings: pytest.LogCaptureFixture
) -> None:
    with Cache.from_url(server.url, "test", timeout=5) as cache:

        @cache.cached(expire=60, key_prefix="all")
        def everybody() -> int:
            return 1

        everybody()
        cache.set("k", 1)
        cache.health()
    assert said(warnings) == []
