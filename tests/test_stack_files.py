"""What the containers are told agrees with the code."""

import re
import shlex
from pathlib import Path

import pytest
import redis
from limits import parse
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

from controles.contas import rate_limit
from controles.services.cache_service import NAMESPACE
from controles.settings import settings_page
from controles.settings.config import secret_names, setting_infos
from controles.settings.secret_files import SUFFIX
from frescor._store.permissions import acl_rules
from frescor.testing import PrivateServer

ROOT = Path(__file__).parents[1]
COMPOSE = (ROOT / "docker-compose.yml").read_text()


def test_the_cache_lets_the_application_do_what_frescor_declares_and_no_more() -> None:
    assert (ROOT / "docker/controles.acl").read_text() == acl_rules(NAMESPACE) + "\n", (
        f"run: frescor acl --namespace {NAMESPACE} > docker/controles.acl"
    )


def test_the_user_that_counts_logins_can_count_and_nothing_else() -> None:
    rules = (ROOT / "docker/limites.acl").read_text().split()
    with PrivateServer(tcp=True) as server, redis.Redis.from_url(server.admin_url) as admin:
        url = server.tcp_url.replace("redis://", "redis://limites:a-password@")
        for left_out in ("", *(rule for rule in rules if rule.startswith("+"))):
            left = [rule for rule in rules if rule != left_out]
            admin.flushall()
            admin.script_flush()
            admin.execute_command("ACL", "SETUSER", "limites", "reset", "on", ">a-password", *left)
            storage = storage_from_string(url, **rate_limit.storage_options(url))
            limiter, limit = MovingWindowRateLimiter(storage), parse("2 per minute")
            try:
                counted = [limiter.hit(limit, "somebody") for _ in range(3)]
                answers = storage.check() and limiter.get_window_stats(limit, "somebody").remaining == 0
            except redis.ResponseError:
                counted, answers = [], False
            assert (counted == [True, True, False] and answers) is (left_out == ""), left_out
        with redis.Redis.from_url(url) as client, pytest.raises(redis.ResponseError):
            client.get(f"{NAMESPACE}:clock")


def test_every_setting_that_compose_passes_on_is_one() -> None:
    names = {info.name for _, info in setting_infos()}
    app = COMPOSE[COMPOSE.index("  app:") : COMPOSE.index("  redis:\n    image")]
    passed = {name.removesuffix(SUFFIX) for name in re.findall(r"^      ([A-Z_]+):", app, re.MULTILINE)}
    assert passed <= names
    # What production cannot do without has no default.
    assert {"SECRET_KEY", "CPF_KEY", "ADMIN_PASSWORD", "ADMIN_OTP_SECRET"} <= passed & set(secret_names())


def test_the_cache_is_configured_as_documented() -> None:
    command = shlex.split(re.search(r"command: >-\n((?:      .*\n)+)", COMPOSE)[1])  # type: ignore[index]
    options = dict(zip(command[1::2], command[2::2], strict=True))
    assert options["--appendonly"] == "yes"
    assert options["--save"]
    assert options["--maxmemory"] == "256mb"
    assert options["--maxmemory-policy"] == "allkeys-lru"


def test_only_the_application_has_a_port_and_only_on_this_machine() -> None:
    assert re.findall(r"^      - (.*:\d+:\d+|.*:\d+)$", COMPOSE, re.MULTILINE) == ["127.0.0.1:${PORT:-5000}:5000"]
    assert COMPOSE.count("ports:") == 1


def test_every_base_image_is_pinned_by_version() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)) == {"${PYTHON_IMAGE}"}
    named = dict(re.findall(r"\$\{([A-Z]+_IMAGE):-([^}]+)\}", COMPOSE)) | dict(
        re.findall(r"^ARG ([A-Z]+_IMAGE)=(\S+)$", dockerfile, re.MULTILINE)
    )
    assert {name: image for name, image in named.items() if name != "CONTROLES_IMAGE"} == {
        "PYTHON_IMAGE": "python:3.11-slim-bookworm",
        "REDIS_IMAGE": "redis:7-alpine",
        "POSTGRES_IMAGE": "postgres:17-alpine",
    }
    # Which `make pin-images` fixes by digest.
    (pinned,) = re.findall(r'^IMAGES="(.*)"$', (ROOT / "docker/stack").read_text(), re.MULTILINE)
    assert dict(one.split("=") for one in pinned.split()).items() <= named.items()


def test_every_service_is_bounded_and_has_no_capability_that_it_does_not_need() -> None:
    services = re.split(r"^  (?=[a-z]+:$)", COMPOSE[: COMPOSE.index("\nnetworks:")], flags=re.MULTILINE)[1:]
    assert [service.split(":")[0] for service in services] == ["app", "migrate", "redis", "db"]
    for service in services:
        for line in ("cap_drop: [ALL]", "read_only: true", 'security_opt: ["no-new-privileges:true"]'):
            assert f"\n    {line}\n" in service, (service[:10], line)
        assert re.search(r"^    mem_limit: \d+[mg]$", service, re.MULTILINE)
        assert re.search(r"^    pids_limit: \d+$", service, re.MULTILINE)


def test_only_what_brings_the_tables_up_to_date_has_their_owners_password() -> None:
    services = re.split(r"^  (?=[a-z]+:$)", COMPOSE, flags=re.MULTILINE)
    holders = {service.split(":")[0] for service in services if "POSTGRES_OWNER_PASSWORD" in service}
    assert holders == {"migrate", "db"}
    assert "POSTGRES_OPERATOR_PASSWORD" not in services[1]
    assert "REDIS_OPERATOR_PASSWORD" not in services[1]


def test_nothing_but_what_the_image_is_made_of_is_sent_to_the_engine() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    sent = {line.removeprefix("!") for line in lines if line.startswith("!")}
    copied = set(re.findall(r"^COPY (?!--from)(\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    assert {path.split("/")[0] for path in copied} == {path.split("/")[0] for path in sent}
    assert not any("test" in path or ".env" in path for path in sent)


def test_the_page_of_settings_is_what_the_code_says() -> None:
    assert (ROOT / "docs/configuration.md").read_text() == settings_page.markdown(), (
        "run: flask --app controles settings --markdown > docs/configuration.md"
    )


def test_every_variable_of_the_containers_is_on_that_page() -> None:
    read = {name.removesuffix(SUFFIX) for name in re.findall(r"\$\{(\w+)", COMPOSE)} | {"COMPOSE_PROJECT_NAME"}
    only = {name for name, _, _ in settings_page.COMPOSE_ONLY}
    assert read - {info.name for _, info in setting_infos()} == only
