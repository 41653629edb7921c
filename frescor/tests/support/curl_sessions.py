"""Runs the curl sessions of a page against the application that the page shows."""

import re
import subprocess
from pathlib import Path


def blocks(page: Path, language: str) -> list[str]:
    """The page's blocks in a language."""
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def compared_lines(page: Path, shown: str, address: str) -> int:
    """Run each command with the address in place of the one that is shown; how many of the lines that the page prints
    were compared with what came. An ETag is another one each time: that there is one is compared."""
    etags: list[str] = []
    compared = 0
    for block in blocks(page, "console"):
        for command, printed in re.findall(r"\$ (curl .*)\n((?:[^$].*\n|\n)*)", block):
            said = command.replace(shown, address).replace('"$ETag"', etags[0] if etags else "")
            ran = subprocess.run(["sh", "-c", f"{said} -sS"], capture_output=True, text=True, timeout=60, check=True)
            lines = [line.rstrip() for line in ran.stdout.splitlines()]
            for line in filter(None, printed.splitlines()):
                compared += 1
                if line.lower().startswith("etag"):
                    assert any(other.lower().startswith("etag: ") for other in lines)
                else:
                    assert line.replace("HTTP/1.1", "") in [other.replace("HTTP/1.1", "") for other in lines], (
                        f"{said}\n{ran.stdout}"
                    )
            found = [line.partition(": ")[2] for line in lines if line.lower().startswith("etag: ")]
            if etags and "200 OK" in ran.stdout and "If-None-Match" in command:
                assert found != etags
            etags = etags or found
    return compared
