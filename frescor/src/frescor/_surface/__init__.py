"""The public calls: the cache, sync and async, and cached functions.

Imports `_runtime` and the layers below it. `frescor/__init__.py` re-exports what is public.
"""
