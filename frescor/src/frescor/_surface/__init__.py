"""What programs call: the cache, sync and async, and cached functions.

Imports `_runtime` and what is below; `frescor` itself names what is public of it.
"""
