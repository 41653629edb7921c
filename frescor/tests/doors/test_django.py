"""Django's cache calls over Frescor."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django
import pytest
from django.conf import settings

if not settings.configured:
    settings.configure()

from django.core.cache.backends.base import DEFAULT_TIMEOUT
from django.db import models
from django.http import HttpResponse, JsonResponse, StreamingHttpResponse
from django.utils.safestring import SafeString, mark_safe

from frescor import PolicyError
from frescor.django import FrescorCache
from frescor.testing import PrivateServer


@pytest.fixture
def cache(server: PrivateServer) -> Iterator[FrescorCache]:
    cache = FrescorCache(server.url, {"OPTIONS": {"namespace": "test"}})
    yield cache
    cache.frescor.close()


def test_values_come_back_by_key_and_version(cache: FrescorCache) -> None:
    cache.set("key", {"a": (1, None)})
    cache.set("key", "other", version=2)
    assert (cache.get("key"), cache.get("key", version=2), cache.get("none", "default")) == (
        {"a": (1, None)},
        "other",
        "default",
    )
    assert cache.incr_version("key", version=2) == 3
    assert cache.get("key", version=3) == "other"


def test_none_is_a_value_that_is_there(cache: FrescorCache) -> None:
    cache.set("key", None)
    assert "key" in cache
    assert cache.get("key", "default") is None
    assert cache.get_or_set("key", "new") is None


def test_many_are_set_read_and_deleted_together(cache: FrescorCache) -> None:
    assert cache.set_many({"a": 1, "b": 2}) == []
    assert cache.get_many(["a", "b", "c"]) == {"a": 1, "b": 2}
    cache.delete_many(["a"])
    assert cache.get_many(["a", "b"]) == {"b": 2}
    cache.clear()
    assert cache.get_many(["a", "b"]) == {}


def test_no_increment_is_lost_among_threads(cache: FrescorCache) -> None:
    cache.set("n", 0)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: cache.incr("n"), range(100)))
    assert cache.get("n") == 100
    assert cache.decr("n", 10) == 90
    with pytest.raises(ValueError, match="not found"):
        cache.incr("none")


def test_add_touch_and_delete_say_whether_there_was_a_value(cache: FrescorCache) -> None:
    assert (cache.add("key", 1), cache.add("key", 2), cache.get("key")) == (True, False, 1)
    assert (cache.touch("key", None), cache.touch("none")) == (True, False)
    assert (cache.delete("key"), cache.delete("key")) == (True, False)


@pytest.mark.parametrize("timeout", [0, -1])
def test_a_time_that_is_up_is_not_kept(cache: FrescorCache, timeout: int) -> None:
    cache.set("key", 1, timeout)
    assert cache.get("key") is None
    assert cache.add("other", 1, DEFAULT_TIMEOUT)
    assert cache.touch("other", timeout)
    assert cache.get("other") is None


def test_a_part_of_a_template_stays_safe(cache: FrescorCache) -> None:
    cache.set("part", mark_safe("<b>"))
    assert (type(cache.get("part")), cache.get("part")) == (SafeString, "<b>")


def test_the_asynchronous_twins_see_the_same_values(cache: FrescorCache) -> None:
    async def use() -> Any:
        await cache.aset("key", 1)
        return await cache.aincr("key"), await cache.aget_many(["key"]), await cache.adelete("key")

    assert asyncio.run(use()) == (2, {"key": 2}, True)


def test_the_backends_of_threads_share_one_cache(server: PrivateServer, cache: FrescorCache) -> None:
    assert FrescorCache(server.url, {"OPTIONS": {"namespace": "test"}}).frescor is cache.frescor


@pytest.mark.parametrize(
    ("location", "options", "said"), [("", {}, "LOCATION is not set"), ("memory://", {"tmeout": 1}, "no tmeout")]
)
def test_a_setting_that_is_wrong_is_named(location: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        FrescorCache(location, {"OPTIONS": options})


def test_what_cannot_be_kept_exactly_is_refused(cache: FrescorCache) -> None:
    with pytest.raises(PolicyError, match="cannot cache the object"):
        cache.set("key", object())


def test_a_whole_response_comes_back_with_all_that_is_sent(cache: FrescorCache) -> None:
    response = JsonResponse({"a": "ã"}, status=203, reason="Kept", headers={"X-Shop": "1", "Vary": "Accept"})
    response.set_cookie("name", 'a "quoted" word', max_age=60, httponly=True)
    response.set_cookie("other", "2", samesite="Lax")
    cache.set("page", response)
    kept = cache.get("page")
    assert (type(kept), kept.status_code, kept.reason_phrase) == (HttpResponse, 203, "Kept")
    assert (list(kept.headers.items()), kept.content) == (list(response.headers.items()), response.content)
    assert kept.cookies.output() == response.cookies.output()
    assert {name: one.value for name, one in kept.cookies.items()} == {"name": 'a "quoted" word', "other": "2"}
    kept["X-Shop"] = "changed"
    assert cache.get("page")["X-Shop"] == "1"


def test_a_response_that_is_streamed_is_refused(cache: FrescorCache) -> None:
    with pytest.raises(PolicyError, match="StreamingHttpResponse"):
        cache.set("page", StreamingHttpResponse(iter([b"a"])))


def test_an_addition_for_no_time_says_whether_there_was_a_value_and_stores_none(cache: FrescorCache) -> None:
    assert (cache.add("key", 1, 0), cache.get("key")) == (True, None)
    cache.set("key", 2)
    assert (cache.add("key", 1, 0), cache.get("key")) == (False, 2)


@pytest.mark.parametrize("within", ["alone", "list", "dict"])
def test_the_refusal_of_a_model_says_what_to_store_instead(cache: FrescorCache, within: str) -> None:
    django.setup()

    class Product(models.Model):  # type: ignore[misc]  # Django has no types
        class Meta:
            app_label = f"shop_{within}"

    value = {"alone": Product(1), "list": [Product(1)], "dict": {"one": Product(1)}}[within]
    for store in (cache.set, cache.add):
        with pytest.raises(PolicyError, match=r"cannot cache .*Product.*values\('id', 'name'\).*model_to_dict"):
            store("key", value)
