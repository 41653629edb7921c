"""URLs: every form is read, and what cannot be right is refused with the forms that can."""

import traceback
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frescor import Cache, PolicyError
from frescor._store.address import read_address


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
        ("redis://localhost/cache", "number of the database"),
        ("redis://localhost?db=x", "a value that it cannot have"),
        ("redis://localhost?max_connection=3", "an option"),
        ("unix://tmp/socket", "third"),
        ("redis://ana@", "no host"),
        ("redis://localhost#0", "'#'"),
        ("redis-cluster://", "host:port"),
        ("redis-cluster://a:b", "host:port"),
        ("redis-cluster://a:70000", "host:port"),
        ("redis-cluster://a,/0", "host:port"),
        ("redis-cluster://a/1", "only the database 0"),
        ("redis-sentinel://a", "name of the service"),
        ("redis-sentinel://a/cache/x", "database's number"),
        ("redis-sentinels://a/cache", "schemes"),
    ],
)
def test_a_url_that_cannot_be_right_is_refused_where_it_is_given(url: str, says: str) -> None:
    with pytest.raises(PolicyError, match=says) as refused:
        Cache.from_url(url, "test")
    assert "redis-cluster://host:port,host:port" in str(refused.value)


SECRET = "Xq7-Zw9_Kj4~Vb2"
# Where a password stands, with what may go wrong around it.
MISTAKEN = st.sampled_from(
    [
        "redis://user:{0}",
        "redis://:{0}",
        "redis://{0}@",
        "redis://user:{0}@",
        "redis://user:{0}@:6379",
        "redis://user:{0}@host:port",
        "redis://user:{0}@host:99999",
        "redis://user:{0}@host:6379:6380",
        "redis://user:{0}@host/database",
        "redis://user:{0}@host/0?{0}",
        "redis://user:{0}@host?db={0}",
        "redis://user:{0}@host?socket_timeout={0}",
        "redis://host?password={0}&{0}=1",
        "redis://host?passwort={0}",
        "redis://user:{0}@[::1",
        "redis://user:{0}@::1",
        "redis://[{0}]",
        "redis://[{0}]@host:x",
        "redis:user:{0}@host",
        "redis:/user:{0}@host",
        "redis//user:{0}@host",
        "user:{0}@host:6379",
        "//user:{0}@host",
        "http://user:{0}@host",
        "rediss+{0}://host",
        "unix://user:{0}@host/path",
        "unix://{0}/path",
        "unix:{0}",
        "unix:///path?db={0}",
        "unix:///path?{0}",
        "redis-cluster://user:{0}",
        "redis-cluster://user:{0}@a:x,b",
        "redis-cluster://a,user:{0}@b,c:",
        "redis-cluster://user:{0}@a/{0}",
        "redis-sentinel://user:{0}@a,b",
        "redis-sentinel://user:{0}@a:0/svc",
        "redis-sentinel://a/svc/{0}",
        "redis-sentinel://a/svc?sentinel_password={0}&db={0}",
        "redis-sentinels://user:{0}@a/svc",
        "redis://user:{0}@ho st:6379x",
        "redis://user:{0}@host\n:6379/x",
        "redis://üser:{0}℀@host",
    ]
)
SIGNS = st.text("/?#@:[]%&=+\\ \n,;℀", min_size=0, max_size=3)


@given(form=MISTAKEN, signs=st.lists(SIGNS, min_size=2, max_size=2), at=st.integers(1, len(SECRET) - 1))
@settings(max_examples=600, deadline=None)
def test_no_part_of_a_password_is_shown_whatever_is_wrong_with_a_url(form: str, signs: list[str], at: int) -> None:
    password = SECRET[:at] + signs[0] + SECRET[at:] + signs[1]
    for written in (password, quote(password), quote(password, safe="")):
        try:
            read_address(form.format(written))
        except PolicyError as error:
            assert_shows_nothing_of(SECRET, error)


@pytest.mark.parametrize("form", ["redis://user:{}@host", "unix://user:{}@/path", "redis-cluster://user:{}@a,b"])
@pytest.mark.parametrize("sign", ["/", "?", "#"])
def test_a_password_with_a_sign_of_urls_is_refused_with_how_to_write_it(form: str, sign: str) -> None:
    with pytest.raises(PolicyError, match="%2F"):
        read_address(form.format(f"1234{sign}5678"))
    assert read_address(form.format(quote(f"1234{sign}5678", safe=""))).options["password"] == f"1234{sign}5678"


def assert_shows_nothing_of(secret: str, error: BaseException) -> None:
    shown = "".join(traceback.format_exception(error))
    found: BaseException | None = error
    while found is not None:
        shown += str(found) + repr(found)
        found = found.__cause__ or found.__context__
    slices = {secret[start : start + 4] for start in range(len(secret) - 3)}
    assert not [part for part in slices if part in shown], shown
