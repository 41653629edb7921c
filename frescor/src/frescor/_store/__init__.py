"""Where entries are kept: Redis or Valkey, or this process's memory."""

from frescor._store.base import AsyncStore, KeyInfo, ServerInfo, Store
from frescor._store.memory import MemoryStore
from frescor._store.server.redis import RedisStore

__all__ = ["AsyncStore", "KeyInfo", "MemoryStore", "RedisStore", "ServerInfo", "Store"]
