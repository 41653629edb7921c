"""What somebody typed does nothing to a terminal."""

import pytest

from controles.command_line.terminal import say, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ana\x1b[2J\x1b]0;x\x07", "Ana\\x1b[2J\\x1b]0;x\\x07"),
        ("Ana\x9b31m", "Ana\\x9b31m"),
        ("Ana\rBia", "Ana\\rBia"),
        ("Ana\x08\x7f\x00", "Ana\\x08\\x7f\\x00"),
        ("Ana\u202eaiB\u2066", "Ana\\u202eaiB\\u2066"),
        ("Ana\ud800", "Ana\\ud800"),
        ("José d’Ávila\tnº 3\nfim “ok” 😀", "José d’Ávila\tnº 3\nfim “ok” 😀"),
    ],
)
def test_control_characters_are_written_out(text: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert visible(text) == shown
    say(text)
    assert capsys.readouterr().out == shown + "\n"
