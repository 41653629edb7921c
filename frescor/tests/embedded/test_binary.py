"""Which server program a machine has, and how it is started."""

import stat
from pathlib import Path

import pytest

from frescor.embedded import find_binary
from frescor.embedded.binary import ServerBinary, binary_at, find_binaries, server_command, server_environment


def program(folder: Path, name: str, says: str, code: int = 0) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\nexit {code}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_a_program_that_does_not_run_here_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "valkey-server"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = find_binary()
    assert found is None or found.path != broken


@pytest.mark.parametrize(
    ("name", "says", "code", "found"),
    [
        ("valkey-server", "Valkey server v=9.1.2 sha=0", 0, ("valkey", "9.1.2")),
        ("redis-server", "Redis server v=6.2.14 sha=0", 0, ("redis", "6.2.14")),
        ("redis-server", "Redis server v=6.2.14 sha=0", 1, None),
        ("redis-server", "something else", 0, None),
    ],
)
def test_a_program_is_known_by_its_name_and_by_what_it_says(
    tmp_path: Path, name: str, says: str, code: int, found: tuple[str, str] | None
) -> None:
    one = binary_at(program(tmp_path, name, says, code))
    assert (None if one is None else (one.kind, one.version)) == found


def test_there_is_none_where_there_is_no_file(tmp_path: Path) -> None:
    assert binary_at(tmp_path / "redis-server") is None


def test_of_the_path_valkey_comes_before_redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("redis-server", "valkey-server"):
        program(tmp_path, name, f"{name} v=1.0")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    here = [one.kind for one in find_binaries() if one.path.parent == tmp_path]
    assert here == ["valkey", "redis"]


def test_the_command_keeps_the_server_private_and_writes_nothing_but_a_log(tmp_path: Path) -> None:
    command = server_command(
        ServerBinary(Path("/bin/valkey-server"), "valkey", "9"),
        folder=tmp_path,
        socket=tmp_path / "socket",
        options={"maxmemory": "1mb"},
    )
    settings = dict(zip(command[1::2], command[2::2], strict=True))
    assert command[0] == "/bin/valkey-server"
    assert settings["--bind"] == "127.0.0.1"
    assert (settings["--port"], settings["--unixsocketperm"]) == ("0", "600")
    assert (settings["--save"], settings["--appendonly"]) == ("", "no")
    assert settings["--maxmemory"] == "1mb"


def test_a_server_gets_no_secret_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://user:password@host/name")
    assert set(server_environment()) <= {"PATH", "HOME", "TZ", "LD_LIBRARY_PATH"}
