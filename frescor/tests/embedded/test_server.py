"""The embedded server, with real processes: who shares it, and that it ends with its last user."""

import fcntl
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from frescor.embedded import EmbeddedServer, EmbeddedServerUnavailable, find_binary
from frescor.embedded import server as server_module
from frescor.embedded.binary import server_command
from frescor.embedded.supervisor import await_answer

pytestmark = pytest.mark.skipif(find_binary() is None, reason="no valkey-server or redis-server on this machine")

_USER = """
import sys
from pathlib import Path
from frescor.embedded import EmbeddedServer
held = EmbeddedServer.acquire(Path(sys.argv[1]))
print(held.url, flush=True)
sys.stdin.read()
"""


class User:
    """Another process that holds the folder's server until its standard input is closed."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _USER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def url(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def leave(self) -> None:
        self.process.communicate()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def connect(url: str) -> redis.Redis:
    return redis.Redis.from_url(url)


def wait_until_ended(folder: Path) -> None:
    """Return once the supervisor has ended the server and itself: it holds this lock for all its life."""
    lock = "import fcntl, sys; fcntl.flock(open(sys.argv[1]), fcntl.LOCK_EX)"
    subprocess.run([sys.executable, "-I", "-S", "-c", lock, str(folder / "supervisor")], timeout=20, check=True)


def runs(pid: int) -> bool:
    """Whether the process runs; one that has ended and that init has still to collect does not."""
    process = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        return process.exists() and process.read_text().rpartition(")")[2].split()[0] != "Z"
    answer = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return answer.stdout.strip()[:1] not in ("", "Z")


def server_pid(url: str) -> int:
    with connect(url) as client:
        return int(client.info("server")["process_id"])


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "cache"
    yield folder
    if (folder / "supervisor").exists():
        wait_until_ended(folder)  # a test that leaves a server behind fails here instead of hiding it


@pytest.fixture
def users() -> Iterator[list[User]]:
    users: list[User] = []
    yield users
    for user in users:
        user.kill()


def test_a_process_that_acquires_gets_a_server_that_answers(folder: Path) -> None:
    with EmbeddedServer.acquire(folder) as server:
        assert server.kind in ("valkey", "redis")
        assert server.binary.is_file()
        with connect(server.url) as client:
            assert client.set("a", "1")
            assert client.get("a") == b"1"


def test_only_this_user_reaches_the_server_and_it_has_no_port(folder: Path) -> None:
    with EmbeddedServer.acquire(folder) as server, connect(server.url) as client:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(server.socket.stat().st_mode) == 0o600
        assert client.config_get("port") == {"port": "0"}


def test_it_persists_nothing_and_forgets_the_least_used_when_full(folder: Path) -> None:
    with EmbeddedServer.acquire(folder, maxmemory="64mb") as server, connect(server.url) as client:
        wanted = {"save": "", "appendonly": "no", "maxmemory": str(64 << 20), "maxmemory-policy": "allkeys-lru"}
        assert {name: client.config_get(name)[name] for name in wanted} == wanted


def test_two_processes_share_one_server_and_the_last_one_ends_it(folder: Path, users: list[User]) -> None:
    users += [User(folder), User(folder)]
    first, second = (user.url() for user in users)
    assert first == second
    pid = server_pid(first)

    users[0].leave()
    assert server_pid(first) == pid
    users[1].leave()
    wait_until_ended(folder)
    assert not runs(pid)
    assert EmbeddedServer.find(folder) is None


def test_many_that_start_at_once_share_one_server(folder: Path, users: list[User]) -> None:
    users += [User(folder) for _ in range(6)]
    assert len({server_pid(user.url()) for user in users}) == 1


def test_the_server_ends_although_its_last_user_was_killed(folder: Path, users: list[User]) -> None:
    users.append(User(folder))
    pid = server_pid(users[0].url())
    users[0].kill()
    wait_until_ended(folder)
    assert not runs(pid)


def test_a_killed_server_is_started_again_empty_at_the_same_address(folder: Path) -> None:
    with EmbeddedServer.acquire(folder) as server:
        with connect(server.url) as client:
            client.set("a", "1")
        first = server_pid(server.url)
        os.kill(first, signal.SIGKILL)
        assert await_answer(str(server.socket), within=10)
        assert server_pid(server.url) != first
        with connect(server.url) as client:
            assert client.get("a") is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its killed parent")
def test_a_killed_supervisor_takes_its_server_along_and_the_next_user_starts_anew(folder: Path) -> None:
    with EmbeddedServer.acquire(folder) as server:
        first = server_pid(server.url)
        parent = int(Path(f"/proc/{first}/stat").read_text().split()[3])
        assert b"supervisor.py" in Path(f"/proc/{parent}/cmdline").read_bytes()
        os.kill(parent, signal.SIGKILL)
        wait_until_ended(folder)
    with EmbeddedServer.acquire(folder) as server:
        assert server_pid(server.url) != first
        assert not runs(first)


def test_a_server_left_running_by_a_killed_supervisor_is_ended_before_a_new_one_starts(folder: Path) -> None:
    # What a system does that leaves the children of a killed process running.
    folder.mkdir()
    orphan_log = folder / "orphan.log"
    binary = find_binary()
    assert binary is not None
    socket = folder / "server.sock"
    command = server_command(binary, folder=folder, socket=socket)
    orphan = subprocess.Popen([*command, "--logfile", str(orphan_log)])
    try:
        assert await_answer(str(socket), within=10)
        state = server_module._State(str(socket), str(binary.path), binary.kind, binary.version)
        server_module._write_state(folder, state)
        with EmbeddedServer.acquire(folder) as server:
            assert orphan.wait(10) == 0
            assert server_pid(server.url) != orphan.pid
    finally:
        orphan.kill()
        orphan.wait()


def test_find_never_starts_a_server(folder: Path) -> None:
    assert EmbeddedServer.find(folder) is None
    assert not folder.exists()
    with EmbeddedServer.acquire(folder) as server:
        assert EmbeddedServer.find(folder) == server.url


def test_a_released_folder_can_be_acquired_again_at_once(folder: Path) -> None:
    pids = set()
    for _ in range(5):
        with EmbeddedServer.acquire(folder) as server:
            pids.add(server_pid(server.url))
    assert pids


def test_release_can_be_repeated(folder: Path) -> None:
    server = EmbeddedServer.acquire(folder)
    server.release()
    server.release()


def test_a_forked_child_keeps_the_server_that_its_parent_has_released(folder: Path) -> None:
    server = EmbeddedServer.acquire(folder)
    go, tell = os.pipe()
    answer, report = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(tell)
        os.read(go, 1)  # the parent has released
        os.write(report, b"up" if await_answer(str(server.socket), within=1) else b"down")
        os._exit(0)
    server.release()
    os.write(tell, b"x")
    assert os.read(answer, 4) == b"up"
    os.waitpid(child, 0)
    for descriptor in (go, tell, answer, report):
        os.close(descriptor)


def test_a_child_that_releases_does_not_take_the_server_from_its_parent(folder: Path) -> None:
    with EmbeddedServer.acquire(folder) as server:
        child = os.fork()
        if child == 0:
            server.release()
            os._exit(0)
        os.waitpid(child, 0)
        with (folder / "users").open() as users, pytest.raises(BlockingIOError):
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_path_too_long_for_a_socket_is_served_from_a_short_private_folder(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30) / "cache"
    with EmbeddedServer.acquire(folder) as server:
        assert len(os.fsencode(server.socket)) <= 103
        assert stat.S_IMODE(server.socket.parent.stat().st_mode) == 0o700
        assert EmbeddedServer.find(folder) == server.url
        assert server_pid(server.url)
    wait_until_ended(folder)
    assert not server.socket.parent.exists()


def test_a_path_with_spaces_and_accents_works(tmp_path: Path) -> None:
    folder = tmp_path / "Área de trabalho" / "50% açaí"
    with EmbeddedServer.acquire(folder) as server:
        assert server_pid(server.url)
    wait_until_ended(folder)


def test_the_server_does_not_inherit_the_applications_secrets(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "do-not-show")
    with EmbeddedServer.acquire(folder) as server:
        environment = Path(f"/proc/{server_pid(server.url)}/environ")
        if not environment.exists():
            pytest.skip("no /proc on this system")
        assert b"do-not-show" not in environment.read_bytes()


def test_without_a_server_program_it_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "find_binary", lambda: None)
    with pytest.raises(EmbeddedServerUnavailable, match=r"valkey-server.*REDIS_URL"):
        EmbeddedServer.acquire(folder)


def test_a_program_that_does_not_start_is_reported_with_its_log(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "_OPTIONS", {"no-such-setting": "1"})
    with pytest.raises(EmbeddedServerUnavailable, match=r"did not start.*server\.log"):
        EmbeddedServer.acquire(folder)
    assert EmbeddedServer.find(folder) is None


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedServerUnavailable, match="cannot be used"):
        EmbeddedServer.acquire(tmp_path / "file" / "cache")
