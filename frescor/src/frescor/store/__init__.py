"""Where entries are kept: Redis or Valkey, or this process's memory."""

from frescor.store.base import AsyncStore, KeyInfo, ServerInfo, Store
from frescor.store.memory import MemoryStore
from frescor.store.redis import RedisStore

__all__ = ["AsyncStore", "KeyInfo", "MemoryStore", "RedisStore", "ServerInfo", "Store"]
