"""Runs the console sessions of a page against the application that the page shows."""

import fnmatch
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


def blocks(page: Path, language: str) -> list[str]:
    """The page's blocks in a language."""
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


@dataclass(frozen=True, slots=True)
class Shown:
    """A command, and the lines that the page prints below it."""

    command: str
    lines: tuple[str, ...]


def shown(block: str) -> Iterator[Shown]:
    """The commands of a block; one may go on in lines that begin with `> `."""
    for command, printed in re.findall(r"^\$ (.*\n(?:> .*\n)*)((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
        yield Shown(command.replace("\n> ", "\n").strip(), tuple(filter(None, printed.splitlines())))


def compared_lines(page: Path, shown_address: str, address: str) -> int:
    """Run each curl command of the page with the address in place of the one that it shows; how many of the lines that
    it prints were compared with what came."""
    sessions = [list(shown(block)) for block in blocks(page, "console")]
    return compared(
        [one for session in sessions for one in session if one.command.startswith("curl ")], shown_address, address
    )


def compared(
    session: Iterable[Shown],
    shown_address: str,
    address: str,
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> int:
    """The same for commands of any kind. A page shows some of the lines that a command prints, in their order; `...` in
    a line stands for any text. An ETag is another one in each run: that there is one is compared, and that a later
    answer to `$ETag`, the session's first one, has another."""
    etags: list[str] = []
    count = 0
    for one in session:
        command = one.command.replace(shown_address, address).replace('"$ETag"', etags[0] if etags else "")
        if command.startswith("curl "):
            command += " -sS"
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        came = [_plain(line) for line in done.stdout.splitlines()]
        waiting = iter(came)
        for line in map(_plain, one.lines):
            assert any(fnmatch.fnmatchcase(other, _pattern(line)) for other in waiting), (
                f"{command}\nshows: {line}\nprinted:\n{done.stdout}{done.stderr}"
            )
            count += 1
        found = [line.partition(": ")[2] for line in came if line.lower().startswith("etag: ")]
        if etags and "200 OK" in done.stdout and "If-None-Match" in one.command:
            assert found != etags, f"{command}\nanswered 200 with the ETag that it was asked about"
        etags = etags or found
    return count


def _plain(line: str) -> str:
    name, colon, value = line.rstrip().partition(": ")
    # Names of headers are written in either case; HTTP/2 differs in the version alone.
    return (f"{name.lower()}: {value}" if colon and re.fullmatch(r"[A-Za-z-]+", name) else line.rstrip()).replace(
        "HTTP/1.1", ""
    )


def _pattern(line: str) -> str:
    if line.startswith("etag: "):
        return 'etag: "*"'
    return re.sub(r"([*?[])", r"[\1]", line).replace("...", "*")
