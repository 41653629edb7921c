"""URLs: every form is read, and what cannot be right is refused with the forms that can."""

import pytest

from frescor import Cache, PolicyError
from frescor.store.address import read_address


def test_a_cluster_is_named_by_some_of_its_nodes() -> None:
    address = read_address("redis-cluster://ana:p%40ss@10.0.0.1:7000,node-b,[::1]:7002/?socket_keepalive=yes")
    assert (address.kind, address.tls) == ("cluster", False)
    assert address.hosts == (("10.0.0.1", 7000), ("node-b", 6379), ("::1", 7002))
    assert address.options["username"] == "ana"
    assert address.options["password"] == "p@ss"
    assert address.options["socket_keepalive"] is True


def test_sentinels_name_the_primary_of_a_service_and_a_database() -> None:
    address = read_address("rediss-sentinel://:secret@a:1,b/cache/3?sentinel_password=other&ssl_ca_certs=/ca.pem")
    assert (address.kind, address.tls, address.service) == ("sentinel", True, "cache")
    assert address.hosts == (("a", 1), ("b", 26379))
    assert (address.options["db"], address.options["password"]) == (3, "secret")
    assert address.options["sentinel_password"] == "other"
    assert address.options["ssl_ca_certs"] == "/ca.pem"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://localhost", "schemes"),
        ("redis-cluster://", "host:port"),
        ("redis-cluster://a:b", "host:port"),
        ("redis-cluster://a:70000", "host:port"),
        ("redis-cluster://a,/0", "host:port"),
        ("redis-cluster://a/1", "database 0 only"),
        ("redis-sentinel://a", "name of the service"),
        ("redis-sentinel://a/cache/x", "database's number"),
        ("redis-sentinels://a/cache", "schemes"),
    ],
)
def test_a_url_that_cannot_be_right_is_refused_where_it_is_given(url: str, says: str) -> None:
    with pytest.raises(PolicyError, match=says) as refused:
        Cache.from_url(url, "test")
    assert "redis-cluster://host:port,host:port" in str(refused.value)
