"""The containers as an operator meets them, from `make secrets dev-up` to `make dev-down`. In this order."""

import ipaddress
import json
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Stack, Visitor


pytestmark = [pytest.mark.docker, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
SERVICES = ("app", "db", "redis")
MEGABYTE = 1_000_000


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def members_on_panel(visitor: "Visitor") -> int:
    """The panel's number of active militantes."""
    answer = visitor.get("/")
    assert answer.status == 200
    found = re.search(r"Ativos (\d+) militantes", text_of(answer.text))
    assert found is not None, text_of(answer.text)[:2000]
    return int(found[1])


def add_member(visitor: "Visitor", nome: str) -> None:
    fields = {"nome": nome, "data_filiacao": "2020-01-01", "dia_vencimento": "10", "valor_cota": "20,00"}
    answer = visitor.submit("/militantes/novo", **fields, nucleo_id="")
    assert re.search(r"/militantes/\d+$", answer.url), text_of(answer.text)


def readiness(stack: "Stack") -> dict[str, object]:
    answer = stack.visitor().get("/readyz")
    assert answer.status == 200
    body: dict[str, object] = json.loads(answer.text)
    return body


def in_app(stack: "Stack", *command: str) -> subprocess.CompletedProcess[str]:
    return stack.docker("exec", stack.container("app"), *command, check=False)


def addresses(stack: "Stack") -> dict[str, str]:
    """Redis' and PostgreSQL's addresses on the back end."""
    template = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    return {
        service: stack.docker("inspect", "--format", template, stack.container(service)).stdout.strip()
        for service in ("redis", "db")
    }


def test_everything_is_healthy_within_two_minutes_of_its_start(stack: "Stack") -> None:
    assert stack.seconds_to_healthy <= 120
    for service in SERVICES:
        state = stack.docker("inspect", "--format", "{{.State.Health.Status}}", stack.container(service)).stdout.strip()
        assert state == "healthy", service
    assert readiness(stack) == {"status": "ready", "database": "ok", "cache": "ok", "pending_invalidations": 0}


def test_the_image_is_small_and_has_no_build_tools(stack: "Stack") -> None:
    sizes = [
        int(stack.docker("image", "inspect", "--format", "{{.Size}}", image).stdout)
        for image in (stack.image, stack.base_image)
    ]
    assert sizes[0] - sizes[1] <= 250 * MEGABYTE
    for tool in ("gcc", "cc", "make", "git"):
        assert in_app(stack, "sh", "-c", f"command -v {tool}").returncode != 0, tool


def test_the_application_is_nobody_special_and_changes_nothing_but_its_volumes(stack: "Stack") -> None:
    assert in_app(stack, "id", "-u").stdout.strip() == "10001"
    for path in ("/x", "/opt/controles/x", "/etc/x", "/home/x"):
        refused = in_app(stack, "touch", path)
        assert refused.returncode != 0
        assert "Read-only file system" in refused.stderr
    status = in_app(stack, "cat", "/proc/1/status").stdout
    assert re.search(r"CapEff:\s+0+$", status, re.MULTILINE)
    assert re.search(r"NoNewPrivs:\s+1$", status, re.MULTILINE)


def test_who_has_password_and_code_gets_in_through_the_published_port(stack: "Stack", administrator: "Visitor") -> None:
    assert "Painel" in administrator.get("/").text
    assert stack.visitor().get("/").url.endswith("/entrar")


def test_a_write_is_on_the_panel_at_once(administrator: "Visitor") -> None:
    before = members_on_panel(administrator)
    add_member(administrator, "Fulana de Teste")
    # Eight times: whichever worker answers.
    assert [members_on_panel(administrator) for _ in range(8)] == [before + 1] * 8


def test_the_cache_commands_look_into_the_containers(stack: "Stack", administrator: "Visitor") -> None:
    for _ in range(3):
        members_on_panel(administrator)
    stack.until(lambda: stack.hits() > 0, within=5)
    status = stack.make("cache-status").stdout
    assert "redis 7" in status
    assert "of 256.0 MiB" in status
    rate = re.search(r"hit rate +([\d.]+)%", status)
    assert rate is not None
    assert float(rate[1]) > 0
    keys = stack.make("cache-keys").stdout
    assert re.search(r"^ +\d+ (h|min|s)\b.* dashboard:stats:", keys, re.MULTILINE)
    assert "hits/s" not in stack.make("cache-monitor", "ARGS=--once").stderr
    assert "6/6" in stack.make("cache-warmup").stdout
    assert "Forgot everything" in stack.make("cache-clear", "ARGS=--yes").stdout


def test_restarted_it_has_the_same_data_a_warm_cache_and_nothing_stale(
    stack: "Stack", administrator: "Visitor"
) -> None:
    add_member(administrator, "Beltrano de Teste")
    members, redis, app = members_on_panel(administrator), stack.container("redis"), stack.container("app")
    stack.make("docker-restart")
    assert stack.container("app") != app
    assert stack.container("redis") == redis
    hits = stack.hits()
    assert members_on_panel(administrator) == members
    stack.until(lambda: stack.hits() > hits, within=5)


def test_restarted_as_a_whole_it_has_the_same_data_and_nothing_stale(stack: "Stack", administrator: "Visitor") -> None:
    add_member(administrator, "Sicrana de Teste")
    members, redis = members_on_panel(administrator), stack.container("redis")
    stack.make("docker-restart", "SERVICES=db redis app")
    assert stack.container("redis") != redis
    # Filled after the start: what Redis had kept is not trusted, since it may have lost its last second.
    assert members_on_panel(administrator) == members
    add_member(administrator, "Outra de Teste")
    assert members_on_panel(administrator) == members + 1


def test_without_redis_the_panel_is_right_and_with_it_hits_resume_at_once(
    stack: "Stack", administrator: "Visitor"
) -> None:
    members, redis = members_on_panel(administrator), stack.container("redis")
    stack.docker("kill", redis)
    assert members_on_panel(administrator) == members
    stack.until(lambda: readiness(stack)["cache"] == "degraded", within=2)
    add_member(administrator, "Sem Redis de Teste")
    assert [members_on_panel(administrator) for _ in range(4)] == [members + 1] * 4
    stack.docker("start", redis)
    stack.until(lambda: stack.redis("ping") == "PONG", within=20)
    assert stack.until(lambda: readiness(stack)["cache"] == "ok", within=1) <= 1
    hits = stack.hits()

    def hit() -> bool:
        assert members_on_panel(administrator) == members + 1
        return stack.hits() > hits

    # Counters arrive once a second.
    stack.until(hit, within=2.5)


def test_a_restored_cache_serves_nothing_that_was_invalidated_since(stack: "Stack", administrator: "Visitor") -> None:
    before = members_on_panel(administrator)
    stack.make("cache-backup", "FILE=backups/one.rdb")
    assert (stack.folder / "backups/one.rdb").stat().st_mode & 0o777 == 0o600
    add_member(administrator, "Depois do Backup")
    assert members_on_panel(administrator) == before + 1
    stack.redis("set", "controles:written-after-the-backup", "1")
    shown = stack.make("cache-restore").stdout
    assert "Restored backups/one.rdb" in shown
    assert stack.redis("get", "controles:written-after-the-backup") == ""
    assert stack.redis("hlen", "controles:stats", user="operator", password=stack.values["REDIS_OPERATOR_PASSWORD"])
    assert [members_on_panel(administrator) for _ in range(4)] == [before + 1] * 4


def test_what_is_no_snapshot_is_not_restored(stack: "Stack", administrator: "Visitor") -> None:
    (stack.folder / "backups/other.rdb").write_bytes(b"REDIS0011 and then nonsense")
    refused = stack.make("cache-restore", "FILE=backups/other.rdb", check=False)
    assert refused.returncode != 0
    assert "was not restored; Redis runs again with what it had" in refused.stderr
    (stack.folder / "backups/third.rdb").write_bytes(b"something else")
    assert "is no snapshot of Redis" in stack.make("cache-restore", "FILE=backups/third.rdb", check=False).stderr
    stack.until(lambda: stack.redis("ping") == "PONG", within=20)
    assert stack.redis("exists", "controles:stats", user="operator", password=stack.values["REDIS_OPERATOR_PASSWORD"])
    assert members_on_panel(administrator) > 0


CONNECT = """
import socket, sys
for host, port in ((sys.argv[1], 6379), (sys.argv[2], 5432), ("redis", 6379), ("db", 5432)):
    try:
        with socket.create_connection((host, port), timeout=3) as line:
            line.sendall(b"PING\\r\\n" if port == 6379 else b"\\0\\0\\0\\x08\\x04\\xd2\\x16\\x2f")
            line.settimeout(3)
            answer = line.recv(100)
    except OSError:
        continue
    # A gateway may take any connection; only these two answer like this.
    if answer[:1] in b"+-SN" and answer:
        print("reached", host, port, answer)
"""


@pytest.mark.parametrize("network", ["bridge", "frontend"])
def test_from_another_network_neither_redis_nor_postgresql_is_reached(stack: "Stack", network: str) -> None:
    name = network if network == "bridge" else f"{stack.project}_{network}"
    found = addresses(stack)
    arguments = ("--rm", "--network", name, "--entrypoint", "python", stack.image)
    shown = stack.docker("run", *arguments, "-c", CONNECT, found["redis"], found["db"])
    assert shown.stdout == ""


def test_from_the_back_end_they_are_reached(stack: "Stack") -> None:
    found = addresses(stack)
    shown = in_app(stack, "python", "-c", CONNECT, found["redis"], found["db"])
    assert shown.stdout.count("reached") == 4


def test_from_this_machine_neither_is_reached(stack: "Stack") -> None:
    for service in ("redis", "db"):
        published = stack.docker(
            "inspect", "--format", "{{json .NetworkSettings.Ports}}", stack.container(service)
        ).stdout
        assert not any(json.loads(published).values())
    found = addresses(stack)
    shown = subprocess.run(
        ["python3", "-c", CONNECT, found["redis"], found["db"]], capture_output=True, text=True, check=True
    )
    assert shown.stdout == ""


def test_the_application_is_published_on_this_machine_only(stack: "Stack") -> None:
    ports = json.loads(
        stack.docker("inspect", "--format", "{{json .NetworkSettings.Ports}}", stack.container("app")).stdout
    )
    hosts = {binding["HostIp"] for bindings in ports.values() for binding in bindings or ()}
    assert hosts == {"127.0.0.1"}
    assert all(ipaddress.ip_address(host).is_loopback for host in hosts)


@pytest.mark.parametrize(
    "command", ["get controles:clock", "keys *", "info", "scan 0", "hgetall controles:stats", "ping"]
)
def test_without_a_password_nothing_can_be_read(stack: "Stack", command: str) -> None:
    assert stack.redis(*command.split(), user=None).startswith("NOAUTH")


def test_a_wrong_password_is_no_password(stack: "Stack") -> None:
    assert "WRONGPASS" in stack.redis("ping", password="not-the-password")


def test_postgresql_lets_nobody_in_without_the_password(stack: "Stack") -> None:
    attempt = "import psycopg, sys; psycopg.connect(sys.argv[1], connect_timeout=5)"
    for password in ("", "password=not-the-password"):
        refused = in_app(stack, "python", "-c", attempt, f"host=db user=controles dbname=controles {password}")
        assert refused.returncode != 0
        assert "password" in refused.stderr.splitlines()[-1]


AS_APPLICATION = """
import psycopg, sys
with psycopg.connect("host=db user=controles dbname=controles password=" + sys.argv[1], autocommit=True) as connection:
    for statement in sys.argv[2:]:
        try:
            connection.execute(statement)
        except psycopg.errors.InsufficientPrivilege as error:
            print("refused", error.diag.message_primary)
        else:
            print("done", statement)
"""

BEYOND_ROWS = [
    "CREATE TABLE outra (id int)",
    "CREATE TEMPORARY TABLE outra (id int)",
    "DROP TABLE militante",
    "ALTER TABLE auditoria DISABLE TRIGGER ALL",
    "DROP TRIGGER auditoria_fica ON auditoria",
    "SET session_replication_role = replica",
    "UPDATE auditoria SET acao = 'outra'",
    "DELETE FROM auditoria",
    "TRUNCATE auditoria",
    "DELETE FROM auditoria_ponta",
    "TRUNCATE usuario CASCADE",
    "CREATE ROLE outro SUPERUSER",
    "CREATE DATABASE outra",
    "ALTER SYSTEM SET fsync = off",
    "COPY (SELECT 1) TO PROGRAM 'id'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT rolpassword FROM pg_authid",
]


def test_the_applications_role_reads_and_writes_rows_and_nothing_else(stack: "Stack") -> None:
    password = stack.values["POSTGRES_PASSWORD"]
    shown = in_app(stack, "python", "-c", AS_APPLICATION, password, *BEYOND_ROWS).stdout.splitlines()
    assert [line.split()[0] for line in shown] == ["refused"] * len(BEYOND_ROWS), shown
    assert in_app(stack, "python", "-c", AS_APPLICATION, password, "SELECT * FROM militante").stdout.startswith("done")


def test_each_user_of_the_servers_has_a_password_of_its_own(stack: "Stack") -> None:
    assert "WRONGPASS" in stack.redis("ping", user="limites", password=stack.values["REDIS_PASSWORD"])
    assert stack.redis("ping", user="limites", password=stack.values["REDIS_LIMITS_PASSWORD"]) == "PONG"
    assert "NOPERM" in stack.redis(
        "get", "controles:clock", user="limites", password=stack.values["REDIS_LIMITS_PASSWORD"]
    )
    environment = in_app(stack, "env").stdout
    for name in ("POSTGRES_OWNER_PASSWORD", "POSTGRES_OPERATOR_PASSWORD", "REDIS_OPERATOR_PASSWORD"):
        assert stack.values[name] not in environment


def test_every_container_is_bounded_and_its_server_has_no_capability(stack: "Stack") -> None:
    for service, process in (("app", "gunicorn|flask|python"), ("redis", "redis-server"), ("db", "postgres")):
        inspected = json.loads(stack.docker("inspect", stack.container(service)).stdout)[0]["HostConfig"]
        assert inspected["CapDrop"] == ["ALL"], service
        assert inspected["Memory"] > 0, service
        assert inspected["PidsLimit"] > 0, service
        assert inspected["ReadonlyRootfs"], service
        assert "no-new-privileges:true" in inspected["SecurityOpt"], service
        status = stack.docker("exec", stack.container(service), "cat", "/proc/1/status").stdout
        assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE), (service, process)


def test_the_store_that_counts_logins_holds_no_address(stack: "Stack") -> None:
    stack.visitor().submit("/entrar", email="ninguem@exemplo.org", senha="errada")
    keys = stack.redis("--scan", user="operator", password=stack.values["REDIS_OPERATOR_PASSWORD"])
    assert "LIMITS" in keys
    assert not re.search(r"\d+\.\d+\.\d+\.\d+", keys)


@pytest.mark.parametrize(
    "command",
    [
        ("flushall",),
        ("flushdb",),
        ("config", "get", "*"),
        ("config", "set", "dir", "/tmp"),
        ("keys", "*"),
        ("debug", "sleep", "0"),
        ("acl", "list"),
        ("get", "another:key"),
        ("set", "another:key", "1"),
        ("eval", "return redis.call('get', 'another:key')", "0"),
        ("eval", "return redis.call('flushall')", "0"),
    ],
    ids=" ".join,
)
def test_the_applications_user_is_refused_what_it_does_not_need(stack: "Stack", command: tuple[str, ...]) -> None:
    said = stack.redis(*command)
    assert re.search(r"NOPERM|permission|can't (run|access)|not allowed", said), said


def test_the_logs_are_shown(stack: "Stack") -> None:
    shown = stack.make("docker-logs")
    assert "Controles atende em http://0.0.0.0:5000" in shown.stdout
    assert "ready to accept connections" in shown.stdout.lower()
    assert "cache connected: redis" in shown.stdout
    for secret in ("REDIS_PASSWORD", "ADMIN_PASSWORD", "SECRET_KEY", "POSTGRES_PASSWORD"):
        assert stack.values[secret] not in shown.stdout + shown.stderr


def test_two_replicas_that_start_at_once_migrate_an_empty_database_once(stack: "Stack") -> None:
    stack.docker("exec", stack.container("db"), "createdb", "--username", "postgres", "--owner", "dono", "replicas")
    url = f"postgresql://dono:{stack.values['POSTGRES_OWNER_PASSWORD']}@db:5432/replicas"
    environment = {"DATABASE_URL": url, "REDIS_URL": "memory://", "WEB_CONCURRENCY": "1"}
    for name in ("SECRET_KEY", "ADMIN_PASSWORD", "ADMIN_OTP_SECRET"):
        environment[name] = stack.values[name]
    options = [part for name, value in environment.items() for part in ("--env", f"{name}={value}")]
    names = [f"{stack.project}-replica-{number}" for number in (1, 2)]
    try:
        for name in names:
            place = ("--detach", "--name", name, "--network", f"{stack.project}_backend")
            stack.docker("run", *place, *options, stack.image)
        stack.until(lambda: all(_is_healthy(stack, name) for name in names), within=60)
    finally:
        stack.docker("rm", "--force", *names)
    counted = stack.docker(
        "exec", stack.container("db"), "psql", "--username", "dono", "--dbname", "replicas", "--tuples-only",
        "--no-align", "--command", "SELECT count(*) FROM alembic_version; SELECT count(*) FROM usuario",
    )  # fmt: skip
    assert counted.stdout.split() == ["1", "1"]


def test_example_users_are_refused_here(stack: "Stack") -> None:
    refused = in_app(stack, "flask", "--app", "controles", "seed-users")
    assert refused.returncode != 0
    assert "CONTROLES_ENV é production" in refused.stderr


def test_it_stops_within_five_seconds_and_gives_its_connections_back(stack: "Stack") -> None:
    app = stack.container("app")
    began = time.monotonic()
    stack.docker("stop", app)
    assert time.monotonic() - began <= 5
    assert stack.docker("inspect", "--format", "{{.State.ExitCode}}", app).stdout.strip() == "0"
    clients = stack.redis("client", "list", user="operator", password=stack.values["REDIS_OPERATOR_PASSWORD"])
    assert "user=controles" not in clients
    stack.docker("start", app)
    stack.until(lambda: _answers(stack), within=60)


def _is_healthy(stack: "Stack", name: str) -> bool:
    state = stack.docker("inspect", "--format", "{{.State.Health.Status}} {{.State.Status}}", name).stdout.strip()
    assert state.endswith(" running"), stack.docker("logs", name).stderr
    return state == "healthy running"


def _answers(stack: "Stack") -> bool:
    try:
        return stack.visitor().get("/readyz").status == 200
    except OSError:
        return False


def test_a_missing_secret_stops_the_start_with_the_command_that_makes_one(stack: "Stack", tmp_path: Path) -> None:
    for part in ("Makefile", "docker-compose.yml", "docker"):
        (shutil.copytree if (ROOT / part).is_dir() else shutil.copy)(ROOT / part, tmp_path / part)
    environment = {**stack.environment, "COMPOSE_PROJECT_NAME": f"{stack.project}-none"}
    (tmp_path / ".env").write_text(
        re.sub(r"^CPF_KEY=.*\n", "", (stack.folder / ".env").read_text(), flags=re.MULTILINE)
    )
    done = subprocess.run(
        ["make", "dev-up"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert done.stderr.splitlines()[0] == "CPF_KEY is missing. Write a .env with fresh secrets: make secrets"


def test_a_default_password_stops_the_start_with_the_command_that_makes_one(stack: "Stack") -> None:
    environment = {
        "DATABASE_URL": "postgresql://controles:postgres@db:5432/controles",
        "REDIS_URL": "redis://controles:changeme@redis:6379/0",
        "SECRET_KEY": stack.values["SECRET_KEY"],
    }
    options = [part for name, value in environment.items() for part in ("--env", f"{name}={value}")]
    done = stack.docker("run", "--rm", "--network", "none", *options, stack.image, check=False)
    assert done.returncode != 0
    for name in ("DATABASE_URL", "REDIS_URL"):
        assert f"{name}: a senha é uma das que todos conhecem" in done.stderr
    assert "make secrets" in done.stderr
    refused = stack.docker(
        "run", "--rm", "--network", "none", "--env", "REDIS_PASSWORD=changeme", "--entrypoint", "sh",
        "--volume", f"{stack.folder}/docker/redis-start:/redis-start:ro", "--tmpfs", "/run/redis",
        stack.redis_image, "/redis-start", "redis-server", check=False,
    )  # fmt: skip
    assert refused.returncode != 0
    assert "REDIS_PASSWORD is missing or shorter than 16 characters. Make secrets with: make secrets" in refused.stderr


def test_taken_down_nothing_of_it_is_left_but_its_data(stack: "Stack") -> None:
    stack.make("dev-down")
    label = ("--filter", f"label=com.docker.compose.project={stack.project}")
    assert stack.docker("ps", "--all", "--quiet", *label).stdout == ""
    assert stack.docker("network", "ls", "--quiet", *label).stdout == ""
    assert len(stack.docker("volume", "ls", "--quiet", *label).stdout.split()) == 4
    with (
        pytest.raises(OSError, match=r"refused|timed out|reset"),
        socket.create_connection(("127.0.0.1", stack.port), 2),
    ):
        pass
