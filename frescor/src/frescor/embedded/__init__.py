"""A private Valkey or Redis server that the processes of one machine share through a folder."""

from frescor.embedded.binary import ServerBinary, find_binary
from frescor.embedded.server import EmbeddedServer, EmbeddedServerUnavailable

__all__ = ["EmbeddedServer", "EmbeddedServerUnavailable", "ServerBinary", "find_binary"]
