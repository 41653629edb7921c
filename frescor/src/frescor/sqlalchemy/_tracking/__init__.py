"""A tracked engine: each read is reported to the running load, each write is noted, and the commit invalidates.

Imports `_outbox`, `_slices` and the layers below them.
"""
