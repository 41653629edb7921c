"""The operator's commands: `cache_commands` for an application's own command line, and the `frescor` program."""

from frescor._extras import extra

with extra("cli", "frescor.cli"):
    from frescor.cli.commands import Warmup, cache_commands

__all__ = ["Warmup", "cache_commands"]
