"""A tracked engine: the running load is told of each read, each write is noted, and the commit invalidates.

Imports `_outbox` and what is below.
"""
