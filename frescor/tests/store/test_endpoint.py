"""Ways to a server: a unix socket, TLS, and whoever the sentinels name."""

import asyncio
import contextlib
import datetime as dt
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from blocking_cache import BlockingCache
from frescor import Cache, Policy, StoreUnavailable
from frescor.testing import PrivateSentinels, PrivateServer
from waiting import until

POLICY = Policy(name="p", expire=60, tags=("t",))


def works(cache: Cache) -> None:
    """A value is stored, found and forgotten, by both drivers, and pushes arrive."""
    blocking = BlockingCache(cache)
    try:
        for one in (cache, blocking):
            assert one.set("k:1", 1) is True
            assert one.get("k:1") == 1
            assert one.get_or_load("p:1", lambda: 5, POLICY) == 5
            assert one.invalidate("t") is True
        listener = cache._engine.listener
        assert listener is not None
        listener.start()
        assert listener.await_alive(10)
    finally:
        blocking.close()


def test_a_unix_socket(server: PrivateServer) -> None:
    with Cache.from_url(server.url, "test", timeout=5) as cache:
        works(cache)


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """An authority, and a certificate of its own for a server on the loopback address."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Frescor's tests")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return tmp_path


@pytest.fixture
def tls_port(certificates: Path, server: PrivateServer) -> Iterator[int]:
    """A loopback port that speaks TLS and passes on to the server, which may have been built without."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "ca.pem", certificates / "key.pem")

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            behind = await asyncio.open_unix_connection(server.socket)
            await asyncio.gather(pass_on(reader, behind[1]), pass_on(behind[0], writer))

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    listening = asyncio.run_coroutine_threadsafe(asyncio.start_server(serve, "127.0.0.1", 0, ssl=context), loop)
    yield listening.result(10).sockets[0].getsockname()[1]
    loop.call_soon_threadsafe(listening.result().close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)


def test_tls_with_an_authority_of_one_s_own(certificates: Path, tls_port: int) -> None:
    url = f"rediss://127.0.0.1:{tls_port}/0?ssl_ca_certs={certificates / 'ca.pem'}"
    with Cache.from_url(url, "test", timeout=5) as cache:
        works(cache)


def test_a_server_of_another_authority_is_not_talked_to(tls_port: int) -> None:
    with Cache.from_url(f"rediss://127.0.0.1:{tls_port}/0", "test", timeout=5) as cache:
        assert cache.set("k:1", 1) is False
        with pytest.raises(StoreUnavailable, match=r"certificate|not asked again"):
            cache.health()


@pytest.mark.parametrize("driver", ["sync", "async"])
def test_after_a_failover_nothing_is_served_that_was_invalidated_before_it(driver: str) -> None:
    with PrivateSentinels() as service, Cache.from_url(service.url, "test", timeout=1) as whole:
        works(whole)
        cache = whole if driver == "sync" else BlockingCache(whole)
        database = {"value": 0}

        def read() -> int:
            return cache.get_or_load("q:1", lambda: database["value"], Policy(name="q", expire=60, tags=("q",)))

        assert [read(), read()] == [0, 0]
        first, second = service.servers
        with redis.Redis.from_url(second.url) as client:
            assert until(lambda: bool(client.exists("test:t:=q")))
        # The replica does not hear of what comes now: it would revive the old value.
        second.pause()
        database["value"] = 1
        assert cache.invalidate("q") is True
        first.kill()
        second.resume()
        service.await_primary(second)

        def back() -> bool:
            assert read() == 1
            return cache.set("probe:1", 1) and cache.get("probe:1") == 1

        assert until(back, within=30)
        assert [read(), read()] == [1, 1]
        if isinstance(cache, BlockingCache):
            cache.close()


def test_a_primary_that_becomes_a_replica_is_left_for_the_new_one() -> None:
    with PrivateSentinels() as service, Cache.from_url(service.url, "test", timeout=1, local=False) as cache:
        assert cache.set("k:1", 1) is True
        with redis.Redis.from_url(service.url.replace("redis-sentinel", "redis").rsplit("/", 2)[0]) as sentinel:
            sentinel.execute_command("SENTINEL FAILOVER", service.SERVICE)
        service.await_primary(service.servers[1])
        assert until(lambda: cache.set("k:1", 2) and cache.get("k:1") == 2)
        with redis.Redis.from_url(service.servers[1].url) as client:
            assert client.exists("test:e:{k:1}")
