"""Text from outside on a terminal: characters that would move the cursor or change colours or direction are escaped."""

import re

import click

# All except tab and line break: C0, DEL, C1, characters that change a line's direction, and lone surrogates.
_NOT_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """`text` with its control characters written out, as `\\x1b`."""
    return _NOT_TEXT.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def say(text: str, *, err: bool = False) -> None:
    """Print a line that may contain what somebody typed: a name, an address, a cell of a sheet, a file's name."""
    click.echo(visible(text), err=err)
