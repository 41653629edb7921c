"""A policy that cannot work is refused where it is declared."""

import datetime as dt
from typing import Any

import pytest

from frescor import Cache, Policy, PolicyError


@pytest.mark.parametrize(
    ("preset", "expire"),
    [(Policy.dashboard, 300), (Policy.user, 1800), (Policy.static, 3600), (Policy.configuration, 86400)],
)
def test_each_class_of_data_has_its_time_to_live(preset: Any, expire: int) -> None:
    assert preset("p").ttl == expire
    assert preset("p", expire=dt.timedelta(minutes=1), tags=("t",)).ttl == 60


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"expire": 0}, "above 0"),
        ({"expire": -1}, "above 0"),
        ({"expire": float("nan")}, "above 0"),
        ({"expire": float("inf")}, "above 0"),
        ({"expire": "300"}, "'300'"),
        ({"expire": True}, "True"),
        ({"name": ""}, "printable text"),
        ({"name": "a::b"}, "empty part"),
        ({"name": "a:*"}, r"'\*'"),
        ({"version": 0}, "whole number"),
        ({"jitter": 1}, "fraction"),
        ({"tags": "painel"}, r"tags=\('painel',\)"),
        ({"tags": ("",)}, "printable text"),
        ({"tags": ("a*",)}, "invalidate_pattern"),
        ({"tags": ("m:{x.y}",)}, "no attribute"),
        ({"tags": ("m:{",)}, "no valid template"),
        ({"varies_on": ("locale",)}, "functions"),
    ],
    ids=lambda value: str(value),
)
def test_a_wrong_policy_is_refused_with_what_is_wrong(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(PolicyError, match=says):
        Policy(**{"name": "p", "expire": 1, **wrong})


def test_a_decorator_refuses_what_it_does_not_know() -> None:
    cache = Cache.from_url("memory://", "test")
    with pytest.raises(PolicyError, match=r"key_prefix, expire, version"):
        cache.cached(key_prefix="p", time_to_live=3)  # type: ignore[call-overload]
    with pytest.raises(PolicyError, match="write expire="):
        cache.cached(key_prefix="p", ttl=3)(lambda: 1)  # type: ignore[call-overload]
    with pytest.raises(PolicyError, match="key_prefix="):
        cache.cached(expire=3)  # type: ignore[call-overload]
    with pytest.raises(PolicyError, match="not both"):
        cache.cached(Policy.user("p"), expire=3)  # type: ignore[call-overload]


def test_functions_that_cannot_be_cached_are_refused_where_they_are_decorated() -> None:
    cache = Cache.from_url("memory://", "test")

    def rows() -> Any:
        yield 1

    with pytest.raises(PolicyError, match="generator"):
        cache.cached(key_prefix="p")(rows)


def test_a_sealed_policy_needs_secrets() -> None:
    cache = Cache.from_url("memory://", "test")
    with pytest.raises(PolicyError, match="seal_secrets"):
        cache.get_or_load("k", lambda: 1, Policy(name="p", expire=1, sealed=True))


@pytest.mark.parametrize("url", ["localhost:6379", "http://localhost", "redis://localhost:port/0", ""])
def test_a_wrong_url_says_how_one_looks(url: str) -> None:
    with pytest.raises(PolicyError, match="redis://host:6379/0"):
        Cache.from_url(url, "test")


@pytest.mark.parametrize("namespace", ["", "a b", "a:b", "a*", "x" * 65])
def test_a_wrong_namespace_is_refused(namespace: str) -> None:
    with pytest.raises(PolicyError, match="namespace"):
        Cache.from_url("redis://127.0.0.1:1/0", namespace)


def test_a_tag_is_filled_only_from_identifiers() -> None:
    policy = Policy(name="p", expire=1, tags=("m:{who}",))
    assert policy.tags_for({"who": 3}) == ("m:3",)
    with pytest.raises(PolicyError, match="neither int nor str"):
        policy.tags_for({"who": 1.5})
