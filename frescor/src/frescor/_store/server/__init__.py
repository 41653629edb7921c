"""One Redis or Valkey server, or the primary that sentinels name.

Imports `connection` and the modules beside these folders.
"""
